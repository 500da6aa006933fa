from functools import partial

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils import timezone

from adit.accounts import changes
from adit.accounts.granting import names_of
from adit.accounts.groups import add_group, edit_group, remove_group
from adit.accounts.models import User
from adit.accounts.people import people, waiting
from adit.accounts.verdict import Denied
from adit.audit.models import Event

pytestmark = pytest.mark.django_db

SEND = "jobs.can_transfer_selectively"


@pytest.fixture
def admin():
    return User.objects.create_user("admin", is_staff=True)


@pytest.fixture
def chief():
    return User.objects.create_superuser("chief")


@pytest.fixture
def anna():
    return User.objects.create_user("anna", "anna@example.org")


def registered(name="bob"):
    return User.objects.create_user(name, f"{name}@example.org", is_active=False)


class TestARegistration:
    def test_waits_until_somebody_approves_it(self, admin):
        bob = registered()
        assert list(waiting()) == [bob]

        assert changes.approve(bob, by=admin)

        assert bob.is_active
        assert not waiting().exists()
        assert Event.objects.get(action="account.approved").details == {"user": "bob"}

    def test_is_approved_once(self, admin):
        bob = registered()
        changes.approve(User.objects.get(pk=bob.pk), by=admin)

        assert not changes.approve(bob, by=admin)
        assert Event.objects.filter(action="account.approved").count() == 1

    def test_can_be_turned_away_and_is_kept(self, admin):
        bob = registered()

        changes.deactivate(bob, by=admin, now=timezone.now())

        assert not waiting().exists()
        assert people().filter(username="bob").exists()


class TestDeactivating:
    def test_ends_the_use_of_an_account_and_can_be_taken_back(self, admin, anna):
        changes.deactivate(anna, by=admin, now=timezone.now())
        assert not anna.is_active

        changes.approve(anna, by=admin)

        assert anna.is_active
        assert anna.deactivated_at is None
        assert [event.action for event in Event.objects.order_by("id")] == [
            "account.sessions_ended",
            "account.deactivated",
            "account.reactivated",
        ]

    def test_is_for_nobody_upon_oneself(self, admin):
        with pytest.raises(Denied, match="Nobody deactivates the own account"):
            changes.deactivate(admin, by=admin, now=timezone.now())

    def test_of_an_administrator_is_for_superusers(self, admin, chief):
        other = User.objects.create_user("other", is_staff=True)
        with pytest.raises(Denied, match="other is an administrator; only a superuser may change that account"):
            changes.deactivate(other, by=admin, now=timezone.now())

        changes.deactivate(other, by=chief, now=timezone.now())
        assert not other.is_active

    @pytest.mark.parametrize(
        "change",
        [
            changes.approve,
            partial(changes.deactivate, now=timezone.now()),
            partial(changes.set_groups, groups=[]),
            partial(changes.set_permissions, names=[]),
            partial(changes.set_roles, staff=True, superuser=False),
        ],
    )
    def test_and_all_else_is_refused_to_who_is_no_administrator(self, anna, change):
        with pytest.raises(Denied, match="Only a"):
            change(registered(), by=anna)


class TestARole:
    def test_is_given_by_superusers(self, admin, anna, chief):
        with pytest.raises(Denied, match="Only a superuser"):
            changes.set_roles(anna, by=admin, staff=True, superuser=False)

        changes.set_roles(anna, by=chief, staff=True, superuser=False)

        assert anna.is_staff
        assert Event.objects.get(action="account.roles_changed").details["user"] == "anna"

    def test_is_not_ones_own_to_change(self, chief):
        with pytest.raises(Denied, match="Nobody changes the own role"):
            changes.set_roles(chief, by=chief, staff=False, superuser=False)


class TestGroupsOfAUser:
    def test_come_and_go_and_keep_an_active_one(self, admin, anna):
        a, b = Group.objects.create(name="a"), Group.objects.create(name="b")

        changes.set_groups(anna, by=admin, groups=[b])
        assert anna.active_group == b
        changes.set_groups(anna, by=admin, groups=[a, b])
        assert anna.active_group == b
        changes.set_groups(anna, by=admin, groups=[a])
        assert anna.active_group == a
        changes.set_groups(anna, by=admin, groups=[])
        assert anna.active_group is None

    def test_leave_a_trace_only_when_they_change(self, admin, anna):
        a = Group.objects.create(name="a")
        changes.set_groups(anna, by=admin, groups=[a])
        changes.set_groups(anna, by=admin, groups=[a])

        assert Event.objects.get(action="account.groups_changed").details == {
            "user": "anna",
            "added": ["a"],
            "removed": [],
        }


class TestOnesOwnAccount:
    def test_is_changed_by_oneself(self, anna):
        stored = changes.edit(anna, by=anna, first_name="Anna", time_zone="Europe/Berlin")

        assert (stored.first_name, stored.time_zone) == ("Anna", "Europe/Berlin")
        assert Event.objects.get(action="account.changed").details["changed"]["first_name"] == ["", "Anna"]

    def test_holds_nothing_that_others_decide(self, anna):
        with pytest.raises(TypeError, match="is_staff"):
            changes.edit(anna, by=anna, is_staff=True)

    def test_is_not_for_others(self, anna):
        with pytest.raises(Denied):
            changes.edit(anna, by=User.objects.create_user("eve"), first_name="X")


class TestAGroup:
    def test_permits_has_members_and_leaves_a_trace(self, admin, anna):
        group = add_group("  neuro   radiology ", by=admin)
        edit_group(group, by=admin, name="neuro", features=[SEND], members=[anna])

        group.refresh_from_db()
        anna.refresh_from_db()
        assert (group.name, names_of(group.permissions), anna.active_group) == ("neuro", {SEND}, group)
        assert Event.objects.get(action="group.changed").details == {
            "added": [SEND],
            "removed": [],
            "name": ["neuro radiology", "neuro"],
            "members_added": ["anna"],
        }

    def test_leaves_permissions_alone_that_are_no_feature(self, admin):
        from django.contrib.auth.models import Permission  # noqa: PLC0415  next to its one use

        group, other = add_group("neuro", by=admin), Permission.objects.get(codename="add_logentry")
        group.permissions.add(other)

        edit_group(group, by=admin, name="neuro", features=[SEND], members=[])
        edit_group(group, by=admin, name="neuro", features=[], members=[])

        assert list(group.permissions.all()) == [other]

    def test_needs_a_name_of_its_own(self, admin):
        add_group("neuro", by=admin)
        with pytest.raises(ValidationError):
            add_group("neuro", by=admin)

    def test_takes_its_members_active_group_with_it(self, admin, anna):
        a, b = add_group("a", by=admin), add_group("b", by=admin)
        changes.set_groups(anna, by=admin, groups=[a, b])
        assert anna.active_group == a

        remove_group(a, by=admin)

        anna.refresh_from_db()
        assert anna.active_group == b

    def test_takes_an_administrator_only_by_a_superuser(self, admin, chief):
        group = add_group("a", by=admin)
        with pytest.raises(Denied, match="chief is an administrator"):
            edit_group(group, by=admin, name="a", features=[], members=[chief])
        assert not chief.groups.exists()

    def test_is_not_for_users(self, anna):
        with pytest.raises(Denied, match="Only an administrator may change groups"):
            add_group("mine", by=anna)
