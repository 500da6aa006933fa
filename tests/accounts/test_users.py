import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from adit.accounts.groups import activate, may_act_in
from adit.accounts.models import User, local_administrator
from adit.accounts.verdict import ALLOWED, Denied, Verdict
from adit.audit.models import Event

pytestmark = pytest.mark.django_db


class TestTheLocalAdministrator:
    def test_is_one_row_for_each_operating_system_user(self):
        assert local_administrator("anna") == local_administrator("anna")
        assert local_administrator("anna") != local_administrator("ben")

    def test_may_do_everything_and_never_logs_in(self):
        anna = local_administrator("anna")

        assert anna.is_staff
        assert anna.is_superuser
        assert anna.is_local_administrator
        assert not anna.has_usable_password()

    def test_has_a_name_that_nobody_can_register(self):
        with pytest.raises(ValidationError, match="username"):
            User(username=local_administrator("anna").username, password="x").full_clean()

    def test_is_not_every_superuser(self):
        assert not User.objects.create_superuser("chief").is_local_administrator

    def test_stays_a_superuser(self):
        with pytest.raises(IntegrityError, match="local_administrator_is_superuser"), transaction.atomic():
            User.objects.filter(pk=local_administrator("anna").pk).update(is_superuser=False)


class TestActingInAGroup:
    def test_is_for_members(self):
        group = Group.objects.create(name="neuro")
        user = User.objects.create_user("anna")

        assert may_act_in(user, group).reason == (
            "anna is not a member of the group neuro; an administrator can change that."
        )
        user.groups.add(group)
        assert may_act_in(user, group)

    def test_ends_with_the_account(self):
        user = User.objects.create_user("anna", is_active=False)

        assert "deactivated" in may_act_in(user, None).reason

    def test_makes_it_the_active_group_and_leaves_a_trace(self):
        group = Group.objects.create(name="neuro")
        user = User.objects.create_user("anna")
        user.groups.add(group)

        activate(group, by=user)

        user.refresh_from_db()
        assert user.active_group == group
        assert Event.objects.get(action="account.group_activated", actor="anna").group == "neuro"

    def test_is_refused_to_strangers(self):
        user = User.objects.create_user("anna")

        with pytest.raises(Denied, match="not a member"):
            activate(Group.objects.create(name="neuro"), by=user)
        user.refresh_from_db()
        assert user.active_group is None

    def test_survives_the_end_of_the_group(self):
        group = Group.objects.create(name="neuro")
        user = User.objects.create_user("anna", active_group=group)

        group.delete()

        user.refresh_from_db()
        assert user.active_group is None


class TestAVerdict:
    def test_is_true_only_as_a_yes(self):
        assert ALLOWED
        assert not Verdict.no("It is closed.")

    def test_raises_its_sentence_where_a_yes_is_required(self):
        ALLOWED.require()
        with pytest.raises(Denied, match=r"^It is closed\.$"):
            Verdict.no("It is closed.").require()

    def test_never_refuses_without_a_reason(self):
        with pytest.raises(ValueError, match="reason"):
            Verdict.no("")
