"""Writes into the audit trail who comes and goes: log-ins, failed ones too, log-outs, registrations, passwords."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from django.contrib.auth import signals as auth
from django.dispatch import receiver
from django.http import HttpRequest

from adit.accounts.models import User
from adit.audit.models import Outcome
from adit.audit.record import record
from adit.web.doors.visits import address_of

_LONGEST = 150
"""Characters of a name that was tried; no user has a longer one."""


@receiver(auth.user_logged_in)
def logged_in(request: HttpRequest, user: User, **_: Any) -> None:
    group = user.active_group.name if user.active_group else ""
    record("account.logged_in", by=user, group=group, address=address_of(request))


@receiver(auth.user_login_failed)
def log_in_failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    record(
        "account.log_in_failed",
        by=name_tried(credentials),
        outcome=Outcome.FAILED,
        address=address_of(request) if request else None,
    )


@receiver(auth.user_logged_out)
def logged_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        record("account.logged_out", by=user, address=address_of(request))


@receiver(account.user_signed_up)
def registered(request: HttpRequest, user: User, **_: Any) -> None:
    record("account.registered", by=user, address=address_of(request))


@receiver(account.password_set)
@receiver(account.password_changed)
def password_changed(request: HttpRequest, user: User, **_: Any) -> None:
    record("account.password_changed", by=user, address=address_of(request))


@receiver(account.password_reset)
def password_reset(request: HttpRequest, user: User, **_: Any) -> None:
    record("account.password_reset", by=user, address=address_of(request))


def name_tried(credentials: dict[str, Any]) -> str:
    """With which name somebody wanted to log in."""
    return str(credentials.get("username") or credentials.get("email") or "")[:_LONGEST]
