"""Where somebody is logged in, and the end of it."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection, transaction

from adit.accounts.models import User
from adit.audit.record import record

ENDED = "adit_session_ended"
"""PostgreSQL's channel: its payload is the id of a user of whom a session ended."""


def sessions_of(user: User) -> list[UserSession]:
    """Where *user* is logged in now, the latest sign of life first; each has `ip`, `user_agent` and times."""
    kept = UserSession.objects.filter(user=user)
    living = set(
        Session.objects.filter(session_key__in=kept.values("session_key")).values_list("session_key", flat=True)
    )
    return [each for each in kept.order_by("-last_seen_at", "-pk") if each.session_key in living]


@transaction.atomic
def end_session(session: UserSession, *, by: User, address: str | None = None) -> None:
    """Log out whoever works in *session*; open WebSockets close."""
    owner = session.user
    _end([session.session_key])
    _tell(owner)
    record("account.session_ended", by=by, address=address, details={"user": owner.get_username(), "from": session.ip})


@transaction.atomic
def end_all_sessions(user: User, *, by: User, address: str | None = None) -> int:
    """Log *user* out everywhere; open WebSockets close.

    Returns:
        In how many sessions the user worked.
    """
    keys = list(UserSession.objects.filter(user=user).values_list("session_key", flat=True))
    _end(keys)
    _tell(user)
    record(
        "account.sessions_ended", by=by, address=address, details={"user": user.get_username(), "sessions": len(keys)}
    )
    return len(keys)


def _end(keys: list[str]) -> None:
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()


def _tell(user: User) -> None:
    """Let every web process look again whether the sockets of *user* may stay open, once this is committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [ENDED, str(user.pk)])
