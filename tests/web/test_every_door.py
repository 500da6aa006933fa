"""All addresses there are, those that will be added too, tried by people who should not get in.

Each is in one of the three sets of `tests/web/doors.py`; a new one that is in none fails here.
"""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

import pytest
from django.test import Client

from adit.audit.models import Event
from adit.jobs.models import Job
from adit.nodes.models import Node
from tests.web.doors import (
    ADMIN,
    CLOSED,
    NOBODY,
    OWN,
    PUBLIC,
    SOCKETS_CLOSED,
    SOCKETS_OWN,
    Somebody,
    pages,
    sockets,
    somebody_else,
)
from tests.web.people import logged_in
from tests.web.sockets import Socket

PAGES = {page.name: page for page in pages() if not page.shape.startswith(ADMIN)}
TABLES = [page.shape for page in pages() if page.shape.startswith(ADMIN)]
SOCKETS = sorted(sockets())

UNCLASSIFIED = (
    "{what} is new, and nobody has said who may open it. Put it into one of the sets of tests/web/doors.py: "
    "CLOSED for what takes a permission, a role or a share in what it is about, OWN for what everybody who is logged "
    "in may open because it shows nothing of others, PUBLIC for what needs no log-in. The tests here then try it."
)


@pytest.fixture
def somebody() -> Somebody:
    return somebody_else()


def try_closed(name: str, somebody: Somebody) -> None:
    client, _ = logged_in()
    address = somebody.address(PAGES[name].shape, name)

    answers = [client.get(address, somebody.posted), client.post(address, somebody.posted)]

    assert {answer.status_code for answer in answers} in ({404}, {404, 405}), address
    assert not any(somebody.is_seen_in(answer.content.decode()) for answer in answers)


class TestEveryAddress:
    @pytest.mark.parametrize("name", PAGES)
    def test_is_open_to_those_who_were_chosen(self, name):
        assert name in PUBLIC | OWN | CLOSED, UNCLASSIFIED.format(
            what=f"The address {PAGES[name].shape} (name {name!r})"
        )

    @pytest.mark.parametrize("route", SOCKETS)
    def test_of_a_websocket_is_open_to_those_who_were_chosen(self, route):
        assert route in SOCKETS_OWN | SOCKETS_CLOSED, UNCLASSIFIED.format(what=f"The WebSocket /{route}")

    def test_is_in_one_set_and_there(self):
        assert set(PAGES) >= PUBLIC | OWN | CLOSED
        assert set(SOCKETS) >= SOCKETS_OWN | SOCKETS_CLOSED
        assert not PUBLIC & OWN
        assert not CLOSED & (PUBLIC | OWN)
        assert not SOCKETS_OWN & SOCKETS_CLOSED

    def test_has_a_name(self):
        assert "" not in PAGES


@pytest.mark.django_db
class TestEveryPage:
    @pytest.mark.parametrize("name", [name for name in PAGES if name not in PUBLIC])
    def test_is_closed_to_who_is_not_logged_in(self, name):
        address = NOBODY.address(PAGES[name].shape, name)

        for answer in (Client().get(address), Client().post(address, NOBODY.posted)):
            assert answer.status_code in (302, 404, 405), address
            assert answer.status_code != 302 or answer["Location"].startswith("/login/?next="), answer["Location"]

    @pytest.mark.parametrize("name", [name for name in PAGES if name in CLOSED and not PAGES[name].asynchronous])
    def test_that_is_closed_does_not_exist_for_who_may_nothing(self, name, somebody):
        try_closed(name, somebody)

    @pytest.mark.parametrize("name", [name for name in PAGES if name in OWN])
    def test_that_is_open_to_all_shows_nothing_of_somebody_else(self, name, somebody):
        client, _ = logged_in()
        address = somebody.address(PAGES[name].shape, name)

        answers = [client.get(address, follow=True), client.post(address, follow=True)]

        assert {answer.status_code for answer in answers} <= {200, 404, 405}, address
        assert 200 in {answer.status_code for answer in answers}
        assert not any(somebody.is_seen_in(answer.content.decode()) for answer in answers)


@pytest.mark.django_db(transaction=True)
class TestEveryAsynchronousPage:
    """Its threads have connections of their own, which see only what is committed."""

    @pytest.mark.parametrize("name", [name for name in PAGES if name in CLOSED and PAGES[name].asynchronous])
    def test_that_is_closed_does_not_exist_for_who_may_nothing(self, name, somebody):
        try_closed(name, somebody)

    def test_is_open_to_nobody_else(self):
        assert not any(PAGES[name].asynchronous for name in OWN)


@pytest.mark.django_db
class TestDjangosAdmin:
    @pytest.mark.parametrize("staff", [False, True], ids=["user", "staff"])
    def test_does_not_exist_for_who_is_no_superuser(self, staff):
        client, _ = logged_in(is_staff=staff)

        for shape in TABLES:
            assert led_to(client, shape) in (None, f"{ADMIN}", f"{ADMIN}login/"), shape
        assert client.get(f"{ADMIN}login/").status_code == 404
        assert client.get(ADMIN, follow=True).status_code == 404

    def test_asks_others_to_log_in_as_everywhere(self):
        for shape in TABLES:
            assert led_to(Client(), shape) in (None, "/login/", f"{ADMIN}", f"{ADMIN}login/"), shape
        assert Client().get(ADMIN, follow=True).request["PATH_INFO"] == "/login/"


def led_to(client: Client, shape: str) -> str | None:
    """Where the address leads who opens it; None where it does not exist. It shows nothing."""
    answer = client.get(NOBODY.address(shape))
    assert answer.status_code in (302, 404), shape
    return urlsplit(answer["Location"]).path if answer.status_code == 302 else None


def tried(client: Client, address: str, messages: list[str]) -> int | list[str]:
    """What becomes of a WebSocket that is opened, and to which *messages* are sent.

    Returns:
        The code with which it is closed, 0 where it does not open; or, where it stays open, what it says first.
    """
    from adit.site.asgi import application  # noqa: PLC0415  not before the settings are read

    async def knock() -> int | list[str]:
        async with Socket(application, address, client=client) as socket:
            if socket.refused:
                return 0
            for message in messages:
                await socket.send(message)
            kind, said = await socket.hear()
            return int(said) if kind == "websocket.close" else [said]

    return asyncio.run(knock())


@pytest.mark.django_db(transaction=True)
class TestEveryWebSocket:
    @pytest.mark.parametrize("route", SOCKETS)
    def test_is_closed_to_who_is_not_logged_in(self, route):
        assert tried(Client(), NOBODY.address(f"/{route}"), []) == 4401

    @pytest.mark.parametrize("route", sorted(SOCKETS_CLOSED & set(SOCKETS)))
    def test_that_is_closed_tells_nothing_to_who_may_nothing(self, route, somebody):
        client, _ = logged_in()
        search = {"type": "search", "id": "a", "fields": {"source": somebody.posted["source"], "patient_name": "*e*"}}
        test = {"node": somebody.numbers["nodes"], "kind": "server", "form": None, "find": False}

        told = tried(client, somebody.address(f"/{route}"), [json.dumps({**search, **test})])

        assert told in (0, 4404)

    @pytest.mark.parametrize("route", sorted(SOCKETS_OWN & set(SOCKETS)))
    def test_that_is_open_to_all_shows_nothing_of_somebody_else(self, route, somebody):
        client, _ = logged_in()

        told = tried(client, somebody.address(f"/{route}"), [])

        assert isinstance(told, list)
        assert not somebody.is_seen_in("".join(told))

    def test_that_does_not_exist_says_so(self):
        client, _ = logged_in()

        assert tried(client, "/ws/nothing/", []) == 4404


@pytest.mark.django_db
class TestARefusal:
    def test_is_written_down(self, somebody):
        client, user = logged_in()

        for name in ("administration", "audit", "search", "nodes-edit"):
            client.get(somebody.address(PAGES[name].shape, name))

        refused = Event.objects.filter(actor_id=user.pk, outcome="refused")
        assert refused.count() == 4

    def test_does_not_change_what_it_was_about(self, somebody):
        client, _ = logged_in()

        client.post(somebody.address(PAGES["jobs-act"].shape, "jobs-act"), {"action": "delete"})
        client.post(somebody.address(PAGES["nodes-suspend"].shape, "nodes-suspend"), {"reason": "because"})

        assert Job.objects.filter(pk=somebody.numbers["jobs"]).exists()
        assert not Node.objects.exclude(suspended_at=None).exists()
