import pytest
from django.contrib.auth.models import Group, Permission

from adit.accounts.models import User, local_administrator
from adit.accounts.permitting import has_permission

pytestmark = pytest.mark.django_db

NAME = "jobs.can_transfer_unpseudonymized"


@pytest.fixture
def permission():
    return Permission.objects.get(codename="can_transfer_unpseudonymized")


class TestAPermission:
    def test_counts_when_it_is_the_users_own(self, permission):
        user = User.objects.create_user("ann")
        assert not has_permission(user, None, NAME)

        user.user_permissions.add(permission)

        assert has_permission(user, None, NAME)

    def test_counts_when_it_is_that_of_the_group_in_whose_name_something_is_done(self, permission):
        user, here, there = User.objects.create_user("ann"), *(Group.objects.create(name=name) for name in "ab")
        user.groups.add(here, there)
        there.permissions.add(permission)

        assert has_permission(user, there, NAME)
        assert not has_permission(user, here, NAME)
        assert not has_permission(user, None, NAME)

    def test_of_a_group_counts_for_its_members_only(self, permission):
        user, group = User.objects.create_user("ann"), Group.objects.create(name="a")
        group.permissions.add(permission)

        assert not has_permission(user, group, NAME)

    def test_is_had_by_superusers_but_not_by_staff_and_by_nobody_who_is_deactivated(self, permission):
        staff = User.objects.create_user("boss", is_staff=True)
        gone = User.objects.create_user("gone", is_superuser=True, is_active=False)

        assert has_permission(local_administrator("tester"), None, NAME)
        assert not has_permission(staff, None, NAME)
        assert not has_permission(gone, None, NAME)
