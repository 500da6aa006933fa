from datetime import UTC, datetime

import pytest

from adit.accounts.notices import announce, begin_maintenance
from adit.jobs.kind_settings import setting_of
from adit.jobs.kinds.selective import SELECTIVE
from tests.web.people import logged_in

pytestmark = pytest.mark.django_db


class TestAnAnnouncement:
    def test_stands_above_every_page(self):
        client, _ = logged_in("admin", is_staff=True)
        client.post("/administration/notices/", {"announcement": "Cake <b>today</b>."})

        assert "Cake &lt;b&gt;today&lt;/b&gt;." in client.get("/").content.decode()


class TestMaintenance:
    def test_shows_users_a_page_and_lets_administrators_work(self):
        admin, _ = logged_in("admin", is_staff=True)
        client, _ = logged_in()
        values = {"reason": "New disks.", "until": "2130-01-01T18:00"}
        assert admin.post("/administration/notices/", values).status_code == 302

        answer = client.get("/profile/")

        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0
        assert "no-store" in answer["Cache-Control"]
        assert "New disks." in answer.content.decode()
        assert "2130-01-01 18:00" in answer.content.decode()
        assert "Maintenance, only administrators work: New disks." in admin.get("/").content.decode()

        admin.post("/administration/notices/open/")
        assert client.get("/profile/").status_code == 200

    def test_changes_nothing_for_what_users_send(self):
        client, ann = logged_in()
        begin_maintenance("New disks.", by=ann, until=datetime(2130, 1, 1, tzinfo=UTC))

        assert client.post("/profile/", {"email": "x@example.org", "theme": "auto"}).status_code == 503

        ann.refresh_from_db()
        assert ann.email == "ann@example.org"

    def test_keeps_log_in_and_health_open(self, client):
        _, ann = logged_in()
        begin_maintenance("New disks.", by=ann)
        announce("Back soon.", by=ann)

        assert client.get("/login/").status_code == 200
        assert client.get("/health/")["Content-Type"] == "application/json"


class TestTheSettingsOfAKind:
    def test_are_saved_form_by_form(self):
        client, _ = logged_in("admin", is_staff=True)
        values = {"kind": "selective", "selective-limit": "3", "selective-locked_reason": "Closed."}

        assert client.post("/administration/kinds/", values).status_code == 302

        stored = setting_of(SELECTIVE)
        assert (stored.limit, stored.locked_reason, stored.starts_without_verification) == (3, "Closed.", False)

    def test_say_what_is_wrong(self):
        client, _ = logged_in("admin", is_staff=True)

        page = client.post("/administration/kinds/", {"kind": "selective", "selective-limit": "-3"})

        assert "greater than or equal to 0" in page.content.decode()
        assert client.post("/administration/kinds/", {"kind": "unheard"}).status_code == 404
