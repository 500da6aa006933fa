"""The WebSocket of the connection test, without a browser; its pages are in tests/journeys/test_nodes.py."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.urls import path

from adit.audit.models import Event
from adit.nodes.contact import Contact, contact_of
from adit.nodes.models import Access, Node
from adit.web.doors.sockets import GONE, LOGGED_OUT
from adit.web.nodes.testing import NodeTest
from tests.nodes.making import folder, server
from tests.peers.data import ct_study
from tests.peers.misbehaving import misbehaving
from tests.web.people import logged_in
from tests.web.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)

APPLICATION = AuthMiddlewareStack(URLRouter([path("nodes/test/", NodeTest.as_asgi())]))


@pytest.fixture
def staff():
    return logged_in("root", is_staff=True)


def told(client, **asked: Any) -> list[dict[str, Any]]:
    """All that is said to *client*, up to the end of the test."""

    async def run() -> list[dict[str, Any]]:
        async with Socket(APPLICATION, "/nodes/test/", client=client) as socket:
            await socket.send(json.dumps(asked))
            heard = [json.loads(await socket.receive())]
            while not heard[-1].get("done"):
                heard.append(json.loads(await socket.receive()))
            return heard

    return asyncio.run(run())


def closed_with(client, text: str) -> int:
    async def run() -> int:
        async with Socket(APPLICATION, "/nodes/test/", client=client) as socket:
            await socket.send(text)
            return await socket.closed()

    return asyncio.run(run())


def typed(**values: object) -> str:
    usual = {
        "name": "North",
        "accepts": "anything",
        "enabled": "on",
        "tls_check_name": "on",
        "max_associations": "2",
        "connect_timeout": "5",
        "idle_timeout": "5",
        "windows-zone": "UTC",
        "window-TOTAL_FORMS": "0",
        "window-INITIAL_FORMS": "0",
    }
    return urlencode(usual | values, doseq=True)


class TestTheTest:
    def test_says_line_by_line_what_it_finds_and_notes_that_the_node_answers(self, staff, tmp_path):
        node = folder("Shelf", tmp_path)

        *lines, end = told(staff[0], node=node.pk)

        assert [f"> {name}<" in line["line"] for name, line in zip(("Folder", "Writing"), lines, strict=False)]
        assert end == {"done": True}
        node.refresh_from_db()
        assert contact_of(node) is Contact.ANSWERS
        event = Event.objects.get(action="node.tested")
        assert (event.actor, event.nodes, event.address) == ("root", ["Shelf"], "127.0.0.1")

    def test_tests_what_was_typed_and_stores_nothing(self, staff):
        with misbehaving(ct_study(instances=1), ae_title="NORTH") as pacs:
            form = typed(ae_title="NORTH", host=pacs.host, port=pacs.port, abilities=["find_study"])
            *lines, _ = told(staff[0], node=None, kind="server", form=form)

        assert any("C-FIND, study root" in line["line"] and 'data-outcome="ok"' in line["line"] for line in lines)
        assert not Node.objects.exists()

    def test_finds_out_what_a_server_can_do(self, staff):
        with misbehaving(ct_study(instances=1), ae_title="NORTH") as pacs:
            form = typed(ae_title="NORTH", host=pacs.host, port=pacs.port)
            found, _ = told(staff[0], node=None, kind="server", form=form, find=True)

        assert "find_study" in found["abilities"]

    def test_says_what_is_wrong_with_what_was_typed(self, staff):
        *lines, _ = told(staff[0], node=None, kind="server", form=typed(ae_title="NORTH"))

        assert "reached by AE title, host and port together" in lines[0]["line"]

    def test_shows_what_a_peer_says_as_text(self, staff):
        node = server("<b>Bold</b>", host="no such host.invalid", ae_title="BOLD")

        *lines, _ = told(staff[0], node=node.pk)

        assert not any("<b>" in line["line"] for line in lines)


class TestOthers:
    def test_test_nothing_and_the_try_is_recorded(self):
        client, user = logged_in()
        node = server()
        Access.objects.create(node=node, user=user, source=True)

        assert closed_with(client, json.dumps({"node": node.pk})) == GONE

        assert Event.objects.get(action="node.tested").outcome == "refused"

    def test_are_asked_again_with_every_message(self, staff, tmp_path):
        client, user = staff
        node = folder("Shelf", tmp_path)

        @sync_to_async
        def demote() -> None:
            user.is_staff = False
            user.save()

        async def run() -> int:
            async with Socket(APPLICATION, "/nodes/test/", client=client) as socket:
                await socket.send(json.dumps({"node": node.pk}))
                while not json.loads(await socket.receive()).get("done"):
                    pass
                await demote()
                await socket.send(json.dumps({"node": node.pk}))
                return await socket.closed()

        assert asyncio.run(run()) == GONE

    def test_who_are_not_logged_in_are_closed_out(self, client):
        assert closed_with(client, "{}") == LOGGED_OUT

    @pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"node": "x"}', '{"node": 99}', '{"node": null}'])
    def test_get_nothing_for_what_no_page_sends(self, staff, text):
        assert closed_with(staff[0], text) == GONE
