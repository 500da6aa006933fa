"""`adit user`, in this process."""

import json

import pytest
from typer.testing import CliRunner

from adit.accounts.models import User
from adit.audit.models import Event
from adit.site.cli.output import Failed, Misused
from adit.site.cli.users import app

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def user(tmp_path):
    def run(*arguments, password=None):
        if password is not None:
            file = tmp_path / "password"
            file.write_text(f"{password}\n")
            arguments = (*arguments, "--password-file", str(file))
        done = CliRunner().invoke(app, arguments)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.stdout

    return run


class TestAddingAUser:
    def test_makes_the_first_superuser_who_can_log_in_at_once(self, user, client):
        user("add", "chief", "--mail", "chief@example.org", "--superuser", password=PASSWORD)

        chief = User.objects.get(username="chief")
        assert (chief.is_superuser, chief.is_staff, chief.is_active) == (True, True, True)
        assert client.post("/login/", {"login": "chief", "password": PASSWORD}).status_code == 302
        assert PASSWORD not in str(list(Event.objects.values()))

    @pytest.mark.parametrize(
        ("name", "mail", "password", "sentence"),
        [
            ("chief", "no mail", PASSWORD, "--mail is no mail address"),
            ("a:b", "chief@example.org", PASSWORD, "user name"),
            ("chief", "chief@example.org", "short", "too short"),
        ],
    )
    def test_refuses_what_cannot_be(self, user, name, mail, password, sentence):
        with pytest.raises(Misused, match=sentence):
            user("add", name, "--mail", mail, password=password)
        assert not User.objects.filter(os_user="").exists()

    def test_asks_for_the_password_on_a_terminal_only(self, user):
        with pytest.raises(Misused, match="--password-file"):
            user("add", "chief", "--mail", "chief@example.org")


class TestAUser:
    def test_is_approved_and_deactivated(self, user):
        User.objects.create_user("bob", "bob@example.org", is_active=False)

        assert "bob can log in now" in user("approve", "bob")
        assert "could log in already" in user("approve", "bob")
        assert "cannot log in any more" in user("deactivate", "bob")
        (told,) = json.loads(user("list", "--json"))
        assert (told["name"], told["state"], told["role"]) == ("bob", "deactivated", "user")

    def test_gets_a_new_password(self, user, client):
        User.objects.create_user("bob", "bob@example.org", "forgotten long ago")
        user("password", "bob", password=PASSWORD)

        assert client.post("/login/", {"login": "bob", "password": PASSWORD}).status_code == 302

    def test_that_does_not_exist_is_said(self, user):
        with pytest.raises(Failed, match="There is no user 'bob'"):
            user("approve", "bob")
