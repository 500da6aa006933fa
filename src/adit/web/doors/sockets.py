"""Who is at the other end of a WebSocket, asked anew with every message."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from channels.auth import get_user
from django.conf import settings
from django.contrib.auth import get_user as user_of_session
from django.http import HttpRequest, QueryDict

from adit.accounts.models import User
from adit.web.doors.visits import last_hop

LOGGED_OUT, GONE, BROKEN = 4401, 4404, 4500
"""Codes with which a socket is closed for good; `live.js` knows them."""


class LoggedOut(Exception):
    """Nobody is logged in here any more."""


async def visitor_of(scope: Any) -> User | None:
    """The user whose session the socket was opened with, as it is now; None when the session has ended.

    What the scope says was true when the socket was opened, which may be hours ago.
    """
    session = scope.get("session")
    if session is None or not session.session_key:
        return None
    engine = import_module(settings.SESSION_ENGINE)
    own: Any = {"session": engine.SessionStore(session.session_key)}
    user = await get_user(own)
    return user if isinstance(user, User) else None


def caller_of(scope: Any) -> str | None:
    """IP address of whoever opened the socket, for the audit trail; a proxy is believed where there is one."""
    if settings.ADIT_BEHIND_PROXY:
        for name, value in scope.get("headers", ()):
            if name == b"x-forwarded-for":
                return last_hop(value.decode("latin-1"))
    client = scope.get("client")
    return client[0] if client else None


def group_of(user: User) -> str:
    """The channel group of all sockets of *user*; they end with `session.ended`."""
    return f"user.{user.pk}"


def request_of(scope: Mapping[str, Any]) -> HttpRequest:
    """A request like the one that opened the socket, of whoever is logged in there now. Asks the database.

    Raises:
        LoggedOut: The session has ended, or the account is deactivated.
    """
    request = HttpRequest()
    request.method = "GET"
    request.path = scope["path"]
    request.GET = QueryDict(scope["query_string"])
    request.COOKIES.update(scope["cookies"])
    if token := scope["cookies"].get(settings.CSRF_COOKIE_NAME):
        request.META["CSRF_COOKIE"] = token
    engine = import_module(settings.SESSION_ENGINE)
    request.session = engine.SessionStore(scope["cookies"].get(settings.SESSION_COOKIE_NAME))
    user = user_of_session(request)
    if not isinstance(user, User) or _lasted(request) > settings.ADIT_SESSION_LONGEST:
        raise LoggedOut
    request.user = user
    return request


def _lasted(request: HttpRequest) -> float:
    """Seconds since the session began; `VisitMiddleware` notes when."""
    now = time.time()
    return now - float(request.session.get("began", now))
