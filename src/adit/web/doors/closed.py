"""Puts what everybody is told on every page, and keeps the doors closed during maintenance."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from adit.accounts.models import User
from adit.accounts.notices import may_work, notice

_OPEN = frozenset(("health", "account_login", "account_logout", "demo_login"))
"""Names of what can be reached in any case, by administrators who have still to log in."""


class NoticeMiddleware:
    """Sets `request.notice`. Whoever has to wait gets a page that says until when (503)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        match = request.resolver_match
        if match is not None and match.url_name == "health":
            # It has to answer without the database, too.
            return None
        told = notice()
        request.notice = told  # type: ignore[attr-defined]
        if match is not None and match.url_name in _OPEN:
            return None
        if isinstance(request.user, User) and not may_work(request.user, told):
            return _wait(request)
        return None


def _wait(request: HttpRequest) -> HttpResponse:
    told = request.notice  # type: ignore[attr-defined]
    page = render(request, "web/maintenance.html", {"told": told}, status=503)
    if told.maintenance_until and (seconds := (told.maintenance_until - timezone.now()).total_seconds()) > 0:
        page["Retry-After"] = str(round(seconds))
    add_never_cache_headers(page)
    return page
