"""The panel of the demo."""

from __future__ import annotations

import pytest
from environs import Env

from adit.accounts.models import User
from adit.audit.models import Event
from adit.jobs.models import Job
from adit.nodes.models import Access, Node
from adit.site.demo.breaking import Breaking
from adit.site.env import read
from tests.nodes.making import server
from tests.web.people import client_of

pytestmark = pytest.mark.django_db

PANEL = "/demo/break/"


@pytest.fixture
def demo(settings, tmp_path, monkeypatch) -> Breaking:
    monkeypatch.setenv("ADIT_HOME", str(tmp_path))
    settings.ADIT_DEMO = True
    settings.ADIT_DEMO_BREAKING = Breaking(read(Env()))
    return settings.ADIT_DEMO_BREAKING


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


class TestThePanel:
    @pytest.mark.parametrize(("method", "path"), [("get", PANEL), ("post", f"{PANEL}worker/"), ("post", "/demo/send/")])
    def test_does_not_exist_outside_of_a_demo(self, ann, method, path):
        assert getattr(client_of(ann), method)(path).status_code == 404

    def test_is_for_those_who_are_logged_in(self, demo, client):
        assert client.get(PANEL).status_code == 302

    def test_shows_what_can_be_broken(self, demo, ann):
        shown = client_of(ann).get(PANEL).content.decode()

        for part in demo.parts():
            assert str(part.title) in shown

    def test_gives_only_what_moves_to_a_page_that_has_the_rest(self, demo, ann):
        shown = client_of(ann).get(PANEL, headers={"HX-Request": "true"}).content.decode()

        assert "Kill a worker" in shown
        assert "<html" not in shown

    def test_breaks_and_mends_and_records_it(self, demo, ann):
        client = client_of(ann)

        client.post(f"{PANEL}lies/")
        assert "Mend it" in client.get(PANEL).content.decode()
        client.post(f"{PANEL}lies/")

        assert "Mend it" not in client.get(PANEL).content.decode()
        assert Event.objects.filter(action="demo.broken", details={"part": "lies"}).count() == 2

    def test_says_what_cannot_be_broken_now(self, demo, ann):
        response = client_of(ann).post(f"{PANEL}worker/", follow=True)

        assert "No worker runs just now" in response.content.decode()
        assert Event.objects.get(action="demo.broken").outcome == "failed"

    def test_breaks_nothing_else(self, demo, ann):
        assert client_of(ann).post(f"{PANEL}database/").status_code == 404

    def test_breaks_nothing_by_being_looked_at(self, demo, ann):
        assert client_of(ann).get(f"{PANEL}lies/").status_code == 405

    def test_sends_something_as_whoever_asks(self, demo, ann):
        for name in ("Demo PACS", "Demo Research"):
            Access.objects.create(node=server(name), user=ann, source=True, destination=True)

        response = client_of(ann).post("/demo/send/", follow=True)

        if Job.objects.exists():
            assert Job.objects.get().owner == ann
        else:
            assert "may not" in response.content.decode()

    def test_says_why_somebody_cannot_send(self, demo, ann):
        response = client_of(ann).post("/demo/send/", follow=True)

        assert not Job.objects.exists()
        assert not Node.objects.exists()
        assert "alert-danger" in response.content.decode()
