"""An administrator of servers adds one, tests it, gives access and suspends it."""

from __future__ import annotations

import re
import socket

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from adit.accounts.models import User
from adit.audit.models import Event
from adit.nodes.models import Access, Node
from tests.journeys.screens import look_at
from tests.nodes.making import folder, server
from tests.peers.fixtures import orthanc  # noqa: F401


@pytest.fixture
def paula(transactional_db):
    return User.objects.create_user("paula", is_staff=True)


class TestAnAdministratorOfServers:
    def test_adds_tests_and_suspends_one(self, visit, paula, orthanc):  # noqa: F811
        neuro = Group.objects.create(name="neuro")
        page = visit(paula, "/nodes/")
        look_at(page, "nodes none")

        page.get_by_role("link", name="Add a server").first.click()
        page.get_by_label("Name", exact=True).fill("North")
        page.get_by_label("Port", exact=False).first.fill("1")
        page.get_by_role("button", name="Save").click()
        assert "reached by AE title, host and port together" in page.content()
        look_at(page, "node add refused")
        page.get_by_label("AE title", exact=False).first.fill(orthanc.ae_title)
        page.get_by_label("Host", exact=False).first.fill(orthanc.host)
        page.get_by_label("Port", exact=False).first.fill(str(orthanc.port))
        page.get_by_role("button", name="Find out").click()
        expect(page.get_by_text("of them work here")).to_be_visible()
        expect(page.get_by_label("C-FIND, study root")).to_be_checked()
        page.get_by_label("Mon").first.check()
        page.get_by_label("From").first.fill("18:00")
        page.get_by_label("Until").first.fill("06:00")
        look_at(page, "node add")
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("heading", name="North").wait_for()
        node = Node.objects.get()
        assert node.find_study
        assert node.windows["open"] == [{"days": ["mon"], "from": "18:00", "until": "06:00"}]

        page.get_by_role("button", name="Test").click()
        expect(page.get_by_text("The test is done.")).to_be_visible()
        assert page.locator("tr.finding[data-outcome=ok]").filter(has_text="C-ECHO").count() == 1
        expect(page.get_by_role("button", name="Copy")).to_be_visible()
        page.get_by_label("neuro as source").check()
        page.get_by_role("button", name="Save access").click()
        page.get_by_text("Saved.").wait_for()
        assert Access.objects.get().group == neuro
        page.get_by_role("button", name="Test").click()
        expect(page.get_by_text("The test is done.")).to_be_visible()
        look_at(page, "node")

        page.get_by_label("Suspend, because").fill("moves to another room")
        page.get_by_role("button", name="Now").click()
        expect(page.get_by_text("moves to another room")).to_be_visible()
        server("South", max_associations=2)
        folder("Shelf", "/data", quota_gb=100)
        page.goto("/nodes/")
        look_at(page, "nodes")

    def test_sees_in_words_what_is_wrong(self, visit, paula):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        node = server("Gone", port=port)
        page = visit(paula, f"/nodes/{node.pk}/")

        page.get_by_role("button", name="Test").click()

        expect(page.get_by_text("The test is done.")).to_be_visible()
        assert "Nothing listens on port" in page.locator("#test").inner_text()
        look_at(page, "node test failed")
        page.reload()
        expect(page.get_by_text("silent", exact=True)).to_be_visible()
        assert Event.objects.get(action="node.tested").details["failed"] == ["TCP"]

    def test_ends_a_test_by_leaving_the_page(self, visit, paula):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            mute.settimeout(10)
            node = server("Mute", port=mute.getsockname()[1])
            page = visit(paula, f"/nodes/{node.pk}/")
            page.get_by_role("button", name="Test").click()
            first, _ = mute.accept()
            with first:
                pass
            asking, _ = mute.accept()

            page.goto("/")

            with asking:
                asking.settimeout(10)
                # Its A-ASSOCIATE-RQ, and then nothing more: the association was given up.
                while asking.recv(4096):
                    pass

    def test_edits_a_folder(self, visit, paula):
        node = folder("Shelf", "/data", quota_gb=100)
        page = visit(paula, f"/nodes/{node.pk}/edit/")
        look_at(page, "folder edit")
        page.get_by_label(re.compile("Quota")).fill("200")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("Saved.").wait_for()
        assert Node.objects.get().quota_gb == 200


class TestAResearcher:
    def test_sees_the_servers_of_the_own_group_and_how_they_stand(self, visit, transactional_db):
        ann = User.objects.create_user("ann")
        node = server("South")
        Access.objects.create(node=node, user=ann, source=True)
        page = visit(ann, "/nodes/")
        page.get_by_role("link", name="South").click()
        page.get_by_role("heading", name="South").wait_for()
        look_at(page, "node of a researcher")
