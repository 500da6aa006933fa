import pytest
from django.contrib.auth.models import Group

from adit.accounts.models import User
from adit.accounts.sessions import sessions_of
from adit.audit.models import Event
from tests.web.people import client_of, logged_in

pytestmark = pytest.mark.django_db

PROFILE = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.org", "theme": "dark", "time_zone": "UTC"}


class TestTheProfile:
    def test_keeps_what_one_says_about_oneself(self):
        client, ann = logged_in()

        assert client.post("/profile/", PROFILE | {"email": "lee@example.org"}).status_code == 302

        ann.refresh_from_db()
        assert (ann.get_full_name(), ann.theme, ann.email) == ("Ann Lee", "dark", "lee@example.org")
        assert 'data-theme="dark"' in client.get("/profile/").content.decode()

    def test_takes_no_mail_address_of_somebody_else(self):
        User.objects.create_user("bob", "bob@example.org")
        client, _ = logged_in()

        answer = client.post("/profile/", PROFILE | {"email": "BOB@example.org"})

        assert "Somebody else has this mail address." in answer.content.decode()

    def test_cannot_be_used_to_become_more(self):
        client, ann = logged_in()
        client.post("/profile/", PROFILE | {"is_staff": "on", "is_superuser": "on", "username": "root"})

        ann.refresh_from_db()
        assert (ann.is_staff, ann.is_superuser, ann.username) == (False, False, "ann")

    def test_shows_times_in_the_chosen_zone(self):
        client, _ = logged_in()
        client.post("/profile/", PROFILE | {"time_zone": "Asia/Tokyo"})

        assert "JST" in client.get("/profile/sessions/").content.decode()


class TestTheActiveGroup:
    def test_is_one_of_the_own_groups(self):
        client, ann = logged_in()
        mine, other = Group.objects.create(name="mine"), Group.objects.create(name="other")
        ann.groups.add(mine)

        assert client.post("/profile/group/", {"group": other.pk}).status_code == 404
        assert client.post("/profile/group/", {"group": "x"}).status_code == 404
        assert client.post("/profile/group/", {"group": mine.pk}).status_code == 302

        ann.refresh_from_db()
        assert ann.active_group == mine


class TestSessions:
    def test_are_listed_and_ended_one_by_one(self):
        here, ann = logged_in()
        there = client_of(ann)
        here.get("/")
        there.get("/", REMOTE_ADDR="10.9.9.9")
        (other,) = [each for each in sessions_of(ann) if each.ip == "10.9.9.9"]
        assert "10.9.9.9" in here.get("/profile/sessions/").content.decode()

        assert here.post(f"/profile/sessions/{other.pk}/end/").status_code == 302

        assert there.get("/").status_code == 302
        assert here.get("/").status_code == 200
        assert Event.objects.get(action="account.session_ended").details == {"user": "ann", "from": "10.9.9.9"}

    def test_of_others_cannot_be_ended(self):
        client, _ = logged_in()
        bobs, bob = logged_in("bob")
        bobs.get("/")
        (session,) = sessions_of(bob)

        assert client.post(f"/profile/sessions/{session.pk}/end/").status_code == 404
        assert bobs.get("/").status_code == 200

    def test_end_everywhere_at_once(self):
        here, ann = logged_in()
        there = client_of(ann)
        here.get("/")
        there.get("/")

        assert here.post("/profile/sessions/end/")["Location"] == "/login/"

        assert there.get("/").status_code == here.get("/").status_code == 302
        assert Event.objects.get(action="account.sessions_ended").details == {"user": "ann", "sessions": 2}


class TestAPageForThoseLoggedIn:
    @pytest.mark.parametrize("path", ["/profile/", "/profile/access/", "/profile/sessions/", "/administration/"])
    def test_sends_others_to_the_log_in(self, client, path):
        assert client.get(path)["Location"] == f"/login/?next={path}"


class TestAPassword:
    def test_is_chosen_where_there_is_none_yet(self):
        client, _ = logged_in()

        answer = client.get("/password/", follow=True)

        assert answer.redirect_chain == [("/password/set/", 302)]
        assert "Choose a password · ADIT" in answer.content.decode()

    def test_that_is_changed_ends_the_other_sessions(self):
        here, ann = logged_in()
        ann.set_password("correct horse battery")
        ann.save()
        here, there = client_of(ann), client_of(ann)
        values = {
            "oldpassword": "correct horse battery",
            "password1": "new horse battery",
            "password2": "new horse battery",
        }

        assert here.post("/password/", values).status_code == 302

        assert there.get("/profile/").status_code == 302
        assert here.get("/profile/").status_code == 200
