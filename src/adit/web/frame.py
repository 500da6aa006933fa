"""What stands around every page: where one can go from here, and what everybody is to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from adit import __version__
from adit.accounts.auditing import may_view_audit
from adit.accounts.models import User
from adit.accounts.permitting import has_permission


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation.

    Attributes:
        name: Of the URL pattern; the entry stands out on all pages whose pattern begins with it.
        permission: Who lacks it does not see the entry; empty for everybody who is logged in.
        menu: Opens with what has the same; whoever sees only one of these sees it by itself.
    """

    name: str
    title: str | Promise
    icon: str
    permission: str = ""
    menu: str | Promise = ""


_BATCHES = _("Batches")

PLACES = (
    Place("home", _("Dashboard"), "gauge"),
    Place("search", _("Search and send"), "search", "jobs.can_transfer_selectively"),
    Place("batchquery", _("Batch query"), "zoom-question", "jobs.can_query_in_batches", _BATCHES),
    Place("batchtransfer", _("Batch transfer"), "stack-2", "jobs.can_transfer_in_batches", _BATCHES),
    Place("mass", _("Mass transfer"), "calendar", "jobs.can_transfer_in_mass", _BATCHES),
    Place("jobs", _("Jobs"), "list-check"),
    Place("projects", _("Projects"), "id"),
    Place("nodes", _("Servers"), "server-2"),
    Place("audit", _("Audit"), "shield-check"),
    Place("administration", _("Administration"), "settings", "staff"),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """The context of `base.html`."""
    user = getattr(request, "user", None)
    match = request.resolver_match
    here = match.url_name or "" if match else ""
    told = getattr(request, "notice", None)
    return {
        "menus": _menus(user, here) if isinstance(user, User) else (),
        "my_groups": user.groups.order_by("name") if isinstance(user, User) else (),
        "announcement": told.announcement if told else "",
        # Who has to wait sees a page of its own about it.
        "maintenance": told.maintenance_reason if told and (not isinstance(user, User) or user.is_staff) else "",
        "demo": settings.ADIT_DEMO,
        "demo_people": settings.ADIT_DEMO_PEOPLE,
        "version": __version__,
    }


def _menus(user: User, here: str) -> list[dict[str, Any]]:
    """The navigation: menus of places, most of them of one, which needs no menu."""
    menus: dict[object, dict[str, Any]] = {}
    for place in PLACES:
        if _sees(user, place) and (url := _url(place.name)):
            menu = menus.setdefault(place.menu or place.name, {"title": place.menu, "here": False, "places": []})
            is_here = here.split("-", maxsplit=1)[0] == place.name
            entry = {"title": place.title, "icon": place.icon, "url": url, "here": is_here}
            menu["places"].append(entry)
            menu["here"] |= is_here
    return list(menus.values())


def _sees(user: User, place: Place) -> bool:
    if place.permission == "staff":
        return user.is_staff
    if place.name == "audit":
        return bool(may_view_audit(user))
    return not place.permission or has_permission(user, user.active_group, place.permission)


def _url(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
