"""All addresses there are, those that will be added too, tried by people who should not get in."""

import asyncio

import pytest
from django.test import Client
from django.urls import get_resolver

from tests.web.people import logged_in
from tests.web.sockets import Socket

PUBLIC = {
    "health",
    "account_login",
    "account_logout",
    "account_signup",
    "account_inactive",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "demo_login",
    "receipts-verify",
}
"""What somebody who is not logged in may reach. A new name here is a decision."""

EXAMPLES = {"action": "approve", "uidb36": "1", "key": "x-y"}
"""For parts of addresses that are not any number or word."""


def addresses():
    """Name → an address of every page outside of Django's admin."""
    for name, ways in get_resolver().reverse_dict.lists():
        if isinstance(name, str) and ":" not in name:
            ((shape, parts),) = ways[0][0]
            yield name, "/" + shape % {part: EXAMPLES.get(part, "7") for part in parts}


NAMES = sorted(name for name, _ in addresses())


@pytest.mark.django_db
class TestEveryPage:
    @pytest.mark.parametrize("name", [name for name in NAMES if name not in PUBLIC])
    def test_is_closed_to_who_is_not_logged_in(self, name):
        address = dict(addresses())[name]

        for answer in (Client().get(address), Client().post(address)):
            assert answer.status_code in (302, 404, 405), address
            assert answer.status_code != 302 or answer["Location"].startswith("/login/?next="), answer["Location"]

    @pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("administration")])
    def test_of_administration_does_not_exist_for_users(self, name):
        client, _ = logged_in()
        address = dict(addresses())[name]

        assert {client.get(address).status_code, client.post(address).status_code} <= {404, 405}

    @pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("-one")])
    def test_of_a_number_that_is_guessed_does_not_exist(self, name):
        client, _ = logged_in()

        assert client.get(dict(addresses())[name]).status_code == 404

    def test_is_known_by_the_names_in_this_file(self):
        assert set(NAMES) >= PUBLIC


def knocked(client, address):
    """The code with which the socket is closed."""
    from adit.site.asgi import application  # noqa: PLC0415  not before the settings are read

    async def knock():
        async with Socket(application, address, client=client) as socket:
            return await socket.closed()

    return asyncio.run(knock())


@pytest.mark.django_db(transaction=True)
class TestEveryWebSocket:
    @pytest.mark.parametrize(
        "address", ["/ws/search/", "/nodes/test/", "/live/", "/live/jobs/", "/live/jobs/queue/", "/live/jobs/7/"]
    )
    def test_is_closed_to_who_is_not_logged_in(self, address):
        assert knocked(Client(), address) == 4401

    def test_that_does_not_exist_says_so(self):
        client, _ = logged_in()
        client.get("/profile/")

        assert knocked(client, "/ws/nothing/") == 4404
