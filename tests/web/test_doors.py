"""WebSockets, from the outside: the whole ASGI application with a consumer of its own behind the doors."""

import asyncio
from contextlib import closing

import pytest
from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.db import connection
from django.urls import path
from django.utils import timezone

from adit.accounts.changes import deactivate
from adit.accounts.models import User
from adit.accounts.notices import begin_maintenance
from adit.accounts.sessions import end_all_sessions
from adit.web.doors.sockets import LOGGED_OUT
from adit.web.doors.websockets import Doors
from tests.web.people import logged_in
from tests.web.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)

left: list[str] = []


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data)

    async def disconnect(self, code):
        left.append(f"left {code}")


@pytest.fixture(autouse=True)
def nobody_left():
    left.clear()


APPLICATION = AllowedHostsOriginValidator(AuthMiddlewareStack(Doors(URLRouter([path("ws/", Echo.as_asgi())]))))


def talking(client, talk, *, origin="http://localhost"):
    """Run *talk* with an open socket of *client*."""

    async def run():
        async with Socket(APPLICATION, "/ws/", client=client, origin=origin) as socket:
            return "refused" if socket.refused else await talk(socket)

    return asyncio.run(run())


async def echoes(socket):
    await socket.send("hello")
    return await socket.receive()


def elsewhere(happening):
    """Let it happen on another connection, as in another process."""

    def happen():
        with closing(connection):
            happening()

    return asyncio.to_thread(happen)


async def code_after(socket, happening):
    """With which code the socket is closed when *happening* happens."""
    assert await echoes(socket) == "hello"
    await elsewhere(happening)
    return await socket.closed()


@pytest.fixture
def client_and_user():
    client, user = logged_in()
    # The session begins with the first page.
    client.get("/profile/")
    return client, user


class TestAWebSocket:
    def test_is_open_to_who_is_logged_in(self, client_and_user):
        assert talking(client_and_user[0], echoes) == "hello"

    def test_is_closed_to_others(self, client):
        assert talking(client, Socket.closed) == LOGGED_OUT

    @pytest.mark.parametrize("origin", ["https://evil.example.org", "null", "http://localhost.evil.org"])
    def test_of_a_page_from_elsewhere_is_refused(self, client_and_user, origin):
        assert talking(client_and_user[0], echoes, origin=origin) == "refused"

    def test_closes_at_once_when_the_user_logs_out_everywhere(self, client_and_user):
        client, user = client_and_user

        code = talking(client, lambda socket: code_after(socket, lambda: end_all_sessions(user, by=user)))

        assert code == LOGGED_OUT
        assert left == [f"left {LOGGED_OUT}"]

    def test_closes_when_the_account_is_deactivated(self, client_and_user):
        client, user = client_and_user
        admin = User.objects.create_user("admin", is_staff=True)

        def deactivated():
            deactivate(user, by=admin, now=timezone.now())

        assert talking(client, lambda socket: code_after(socket, deactivated)) == LOGGED_OUT

    def test_stays_open_when_another_session_ends(self, client_and_user):
        client, _ = client_and_user
        other, bob = logged_in("bob")
        other.get("/profile/")

        async def talk(socket):
            await echoes(socket)
            await elsewhere(lambda: end_all_sessions(bob, by=bob))
            return await echoes(socket)

        assert talking(client, talk) == "hello"

    def test_is_closed_to_users_during_maintenance(self, client_and_user):
        client, user = client_and_user
        begin_maintenance("New disks.", by=user)

        assert talking(client, Socket.closed) == LOGGED_OUT
