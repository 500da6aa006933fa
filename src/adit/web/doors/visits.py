"""What every request is told beforehand: whose it is, from where, and how long the session may last."""

from __future__ import annotations

import time
import zoneinfo
from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from adit.accounts.models import User
from adit.audit.record import coming_from

_BEGAN = "began"


class VisitMiddleware:
    """Ends sessions that last too long, and shows times in the zone of whoever looks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if isinstance(user, User):
            began = request.session.setdefault(_BEGAN, int(time.time()))
            if time.time() - began > settings.ADIT_SESSION_LONGEST:
                logout(request)
            else:
                # Ends when nobody has asked for anything for so long.
                request.session.set_expiry(settings.SESSION_COOKIE_AGE)
            with timezone.override(zone_of(user)), coming_from(address_of(request)):
                return self._get_response(request)
        with coming_from(address_of(request)):
            return self._get_response(request)


def zone_of(user: User) -> zoneinfo.ZoneInfo:
    """The time zone in which *user* reads times."""
    try:
        return zoneinfo.ZoneInfo(user.time_zone or settings.TIME_ZONE)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo(settings.TIME_ZONE)


def address_of(request: HttpRequest) -> str | None:
    """IP address of whoever asks, for the audit trail.

    A proxy's word for it counts only where there is one: else anybody could claim any.
    """
    if settings.ADIT_BEHIND_PROXY and (forwarded := request.headers.get("X-Forwarded-For", "")):
        return last_hop(forwarded)
    found: str | None = request.META.get("REMOTE_ADDR") or None
    return found


def last_hop(forwarded: str) -> str | None:
    """The IP address that a proxy put last into X-Forwarded-For; None for what is none, such as "unknown"."""
    last = forwarded.rsplit(",", maxsplit=1)[-1].strip()
    # Some proxies add the port: 10.1.2.3:4567, [2001:db8::1]:4567.
    last = last[1:].partition("]")[0] if last.startswith("[") else last
    last = last.partition(":")[0] if last.count(":") == 1 else last
    try:
        return str(ip_address(last))
    except ValueError:
        return None


def visitor(request: HttpRequest) -> User:
    """The user who asks, behind `login_required`."""
    assert isinstance(request.user, User)
    return request.user
