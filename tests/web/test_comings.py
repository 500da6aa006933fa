import os
import subprocess
import sys

import pytest
from django.conf import settings as django_settings
from django.test import Client

from adit.accounts.models import User
from adit.audit.models import Event
from tests.web.people import logged_in

PASSWORD = "correct horse battery"


def log_in(client, name="ann", password=PASSWORD):
    values = {"login": name, "password": password}
    return client.post("/login/", values, REMOTE_ADDR="10.1.2.3", HTTP_HOST="localhost")


def events(action):
    return list(Event.objects.filter(action=action).order_by("id"))


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def ann(db):
    return User.objects.create_user("ann", "ann@example.org", PASSWORD)


class TestTheAuditTrail:
    def test_holds_log_ins_and_log_outs_with_their_address(self, ann):
        client = Client()
        assert log_in(client).status_code == 302
        client.post("/logout/", REMOTE_ADDR="10.1.2.3")

        for action in ("account.logged_in", "account.logged_out"):
            (event,) = events(action)
            assert (event.actor, event.address, event.outcome) == ("ann", "10.1.2.3", "done")

    def test_holds_the_name_that_was_tried_and_never_the_password(self, ann):
        log_in(Client(), password="not the one")
        log_in(Client(), name="nobody", password="not the one")
        log_in(Client(), name="ann@example.org", password="not the one")

        found = events("account.log_in_failed")
        assert [event.actor for event in found] == ["ann", "nobody", "ann@example.org"]
        assert {(event.outcome, event.address) for event in found} == {("failed", "10.1.2.3")}
        assert "not the one" not in str(list(Event.objects.values()))

    def test_holds_registrations(self, db):
        Client().post(
            "/register/",
            {"username": "bob", "email": "bob@example.org", "password1": PASSWORD, "password2": PASSWORD},
            REMOTE_ADDR="10.1.2.3",
        )

        (event,) = events("account.registered")
        assert (event.actor, event.address) == ("bob", "10.1.2.3")
        assert not events("account.logged_in")

    def test_holds_changed_passwords(self, db):
        client, ann = logged_in()
        ann.set_password(PASSWORD)
        ann.save()
        client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")
        client.post(
            "/password/",
            {"oldpassword": PASSWORD, "password1": "another horse battery", "password2": "another horse battery"},
        )

        assert len(events("account.password_changed")) == 1

    def test_holds_changes_of_the_active_group(self, db):
        client, ann = logged_in()
        group = ann.groups.create(name="neuro")
        assert client.post("/profile/group/", {"group": group.pk}).status_code == 302

        assert events("account.group_activated")[0].group == "neuro"

    def test_believes_a_proxy_only_where_there_is_one(self, ann, settings):
        Client().post(
            "/login/",
            {"login": "ann", "password": "x"},
            REMOTE_ADDR="10.0.0.1",
            HTTP_X_FORWARDED_FOR="6.6.6.6, 10.9.9.9",
        )
        settings.ADIT_BEHIND_PROXY = True
        Client().post(
            "/login/",
            {"login": "ann", "password": "x"},
            REMOTE_ADDR="10.0.0.1",
            HTTP_X_FORWARDED_FOR="6.6.6.6, 10.9.9.9",
        )

        assert [event.address for event in events("account.log_in_failed")] == ["10.0.0.1", "10.9.9.9"]


class TestLogIn:
    def test_stays_shut_for_a_while_after_five_failures(self, ann):
        for _ in range(5):
            log_in(Client(), password="wrong")

        answer = log_in(Client())

        assert "Too many failed login attempts" in answer.content.decode()
        (event,) = events("account.locked_out")
        assert (event.actor, event.outcome, event.address) == ("ann", "refused", "10.1.2.3")

    @pytest.mark.django_db(transaction=True)
    def test_counts_failures_in_all_web_processes(self):
        User.objects.create_user("ann", "ann@example.org", PASSWORD)
        fail = (
            "import django; django.setup()\n"
            "from django.test import Client\n"
            "tried = {'login': 'ann', 'password': 'wrong'}\n"
            "for _ in range(5): Client().post('/login/', tried, HTTP_HOST='localhost')\n"
        )
        database = django_settings.DATABASES["default"]
        url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
        environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "adit.site.settings"}
        subprocess.run([sys.executable, "-c", fail], env=environment, check=True, timeout=60)

        assert "Too many failed login attempts" in log_in(Client()).content.decode()

    def test_is_refused_to_who_was_deactivated(self, ann):
        User.objects.filter(pk=ann.pk).update(is_active=False)

        answer = log_in(Client())

        assert answer["Location"] == "/waiting/"
        assert not events("account.logged_in")
