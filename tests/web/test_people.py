import pytest
from django.contrib.auth.models import Group

from adit.accounts.models import User
from adit.audit.models import Event
from tests.web.people import logged_in

pytestmark = pytest.mark.django_db

SEND = "jobs.can_transfer_selectively"


@pytest.fixture
def staff():
    return logged_in("admin", is_staff=True)[0]


@pytest.fixture
def bob():
    return User.objects.create_user("bob", "bob@example.org", is_active=False)


def pages(user, group):
    return [
        "/administration/",
        "/administration/kinds/",
        "/administration/notices/",
        "/administration/users/",
        f"/administration/users/{user.pk}/",
        f"/administration/users/{user.pk}/access/",
        "/administration/groups/",
        f"/administration/groups/{group.pk}/",
    ]


def actions(user, group):
    return [
        f"/administration/users/{user.pk}/approve/",
        f"/administration/users/{user.pk}/deactivate/",
        f"/administration/users/{user.pk}/sessions/",
        f"/administration/users/{user.pk}/groups/",
        f"/administration/users/{user.pk}/roles/",
        f"/administration/groups/{group.pk}/remove/",
        "/administration/notices/open/",
    ]


class TestPagesOfAdministration:
    def test_do_not_exist_for_users_and_that_they_tried_is_recorded(self, bob):
        client, _ = logged_in()
        group = Group.objects.create(name="neuro")
        before = Event.objects.filter(outcome="refused").count()

        assert {client.get(path).status_code for path in pages(bob, group)} == {404}
        assert {client.post(path).status_code for path in actions(bob, group)} == {404}

        assert Event.objects.filter(outcome="refused").count() == before + len(pages(bob, group) + actions(bob, group))
        bob.refresh_from_db()
        assert not bob.is_active
        assert Group.objects.filter(pk=group.pk).exists()

    def test_are_there_for_administrators(self, staff, bob):
        group = Group.objects.create(name="neuro")

        assert {staff.get(path).status_code for path in pages(bob, group)} == {200}

    def test_change_nothing_by_a_look(self, staff, bob):
        group = Group.objects.create(name="neuro")

        assert {staff.get(path).status_code for path in actions(bob, group)} == {405}

    def test_show_no_local_administrators(self, staff):
        chief = User.objects.create(username="local:root", os_user="root", is_staff=True, is_superuser=True)

        assert staff.get(f"/administration/users/{chief.pk}/").status_code == 404
        assert "local:root" not in staff.get("/administration/users/").content.decode()


class TestTheListOfUsers:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("words=bo", {"bob"}),
            ("words=neuro", {"cleo"}),
            ("state=waiting", {"bob"}),
            ("state=active", {"admin", "cleo"}),
            ("words=%00", {"admin", "bob", "cleo"}),
            ("words=nobody", set()),
        ],
    )
    def test_is_searched_and_filtered(self, staff, bob, query, found):
        User.objects.create_user("cleo").groups.create(name="neuro")

        shown = staff.get(f"/administration/users/?{query}").context["users"]

        assert {user.username for user in shown} == found

    def test_asks_the_database_as_often_for_many_as_for_few(self, staff, django_assert_max_num_queries):
        group = Group.objects.create(name="neuro")
        for number in range(60):
            User.objects.create(username=f"u{number}").groups.add(group)

        with django_assert_max_num_queries(20):
            answer = staff.get("/administration/users/")
        assert len(answer.context["users"]) == 50
        assert "Older" in answer.content.decode()


class TestTheUserPage:
    def test_approves_and_deactivates(self, staff, bob):
        staff.post(f"/administration/users/{bob.pk}/approve/")
        bob.refresh_from_db()
        assert bob.is_active

        staff.post(f"/administration/users/{bob.pk}/deactivate/")
        bob.refresh_from_db()
        assert not bob.is_active
        assert bob.deactivated_at

    def test_gives_groups_and_permissions(self, staff, bob):
        group = Group.objects.create(name="neuro")

        staff.post(f"/administration/users/{bob.pk}/groups/", {"groups": [group.pk], "features": [SEND]})

        assert list(bob.groups.all()) == [group]
        assert bob.user_permissions.get().codename == "can_transfer_selectively"

    def test_refuses_what_is_no_feature(self, staff, bob):
        answer = staff.post(f"/administration/users/{bob.pk}/groups/", {"features": ["auth.delete_user"]})

        assert answer.status_code == 200
        assert not bob.user_permissions.exists()

    def test_says_why_an_administrator_changes_no_roles_and_lets_nobody_do_it(self, staff, bob):
        page = staff.get(f"/administration/users/{bob.pk}/").content.decode()
        assert "Only a superuser may say who is an administrator." in page

        staff.post(f"/administration/users/{bob.pk}/roles/", {"staff": "on", "superuser": "on"})

        bob.refresh_from_db()
        assert not bob.is_staff
        assert Event.objects.get(outcome="refused").details["reason"].startswith("Only a superuser")

    def test_lets_a_superuser_make_administrators(self, bob):
        client, _ = logged_in("chief", is_staff=True, is_superuser=True)

        client.post(f"/administration/users/{bob.pk}/roles/", {"staff": "on"})

        bob.refresh_from_db()
        assert bob.is_staff

    def test_ends_sessions(self, staff):
        client, ann = logged_in()
        client.get("/")

        staff.post(f"/administration/users/{ann.pk}/sessions/")

        assert client.get("/").status_code == 302


class TestTheGroupPage:
    def test_keeps_name_features_and_members(self, staff, bob):
        group = Group.objects.create(name="neuro")
        values = {"name": "Neuro", "features": [SEND], "members": [bob.pk]}

        assert staff.post(f"/administration/groups/{group.pk}/", values).status_code == 302

        group.refresh_from_db()
        assert (group.name, list(group.user_set.all())) == ("Neuro", [bob])
        assert f'value="{SEND}" checked' in staff.get(f"/administration/groups/{group.pk}/").content.decode()

    def test_says_what_is_wrong_and_forgets_nothing(self, staff):
        Group.objects.create(name="cardio")
        group = Group.objects.create(name="neuro")

        page = staff.post(f"/administration/groups/{group.pk}/", {"name": "cardio", "features": [SEND]})

        assert "already exists" in page.content.decode()
        assert f'value="{SEND}" checked' in page.content.decode()
        assert not group.permissions.exists()

    def test_is_gone_with_its_group(self, staff):
        group = Group.objects.create(name="neuro")

        assert staff.post(f"/administration/groups/{group.pk}/remove/").status_code == 302
        assert staff.get(f"/administration/groups/{group.pk}/").status_code == 404
