"""Users, as administrators see them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from adit.accounts import changes
from adit.accounts.administering import may_administer, may_change_roles, may_deactivate
from adit.accounts.features import SECTIONS
from adit.accounts.forms import MembershipForm, RolesForm
from adit.accounts.granting import names_of
from adit.accounts.models import User
from adit.accounts.people import people
from adit.accounts.sessions import end_all_sessions, sessions_of
from adit.accounts.verdict import Denied
from adit.web.doors.guarding import only, refused
from adit.web.doors.staff import is_staff
from adit.web.doors.visits import address_of, visitor
from adit.web.paging import page_of
from adit.web.people.access import access_of

_PAGE = 50

_STATES = {
    "active": Q(is_active=True),
    "waiting": Q(is_active=False, deactivated_at=None),
    "deactivated": Q(is_active=False, deactivated_at__isnull=False),
}


@require_safe
@never_cache
@only(is_staff)
def users(request: HttpRequest) -> HttpResponse:
    found = _found(request)
    page = page_of(found.prefetch_related("groups"), request.GET, size=_PAGE, newest_first=True)
    shown = {
        "users": page.rows,
        "previous": page.previous,
        "next": page.next,
        "states": [("active", _("active")), ("waiting", _("waiting")), ("deactivated", _("deactivated"))],
        "state": request.GET.get("state", ""),
        "words": request.GET.get("words", ""),
    }
    return render(request, "people/users.html", shown)


def _found(request: HttpRequest) -> QuerySet[User]:
    found = people()
    for word in request.GET.get("words", "").replace("\0", "").split():
        found = found.filter(
            Q(username__icontains=word)
            | Q(first_name__icontains=word)
            | Q(last_name__icontains=word)
            | Q(email__icontains=word)
            | Q(pk__in=User.groups.through.objects.filter(group__name__icontains=word).values("user"))
        )
    return found.filter(_STATES.get(request.GET.get("state", ""), Q()))


@require_safe
@never_cache
@only(is_staff)
def user(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "people/user.html", _about(request, get_object_or_404(people(), pk=pk)))


@require_safe
@never_cache
@only(is_staff)
def access(request: HttpRequest, pk: int) -> HttpResponse:
    """What the user may do in the end, and why."""
    person = get_object_or_404(people(), pk=pk)
    return render(request, "people/access.html", access_of(person, request.GET.get("group", ""), by=visitor(request)))


@require_POST
@only(is_staff)
def act(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """Approve, deactivate, or end the sessions of a user."""
    person, by = get_object_or_404(people(), pk=pk), visitor(request)
    try:
        match action:
            case "approve":
                changes.approve(person, by=by)
                messages.success(request, _("%(user)s can log in now.") % {"user": person})
            case "deactivate":
                changes.deactivate(person, by=by, now=timezone.now())
                messages.success(request, _("%(user)s cannot log in any more.") % {"user": person})
            case _:
                may_administer(person, by=by).require()
                count = end_all_sessions(person, by=by, address=address_of(request))
                messages.success(request, _("Sessions ended: %(count)d.") % {"count": count})
    except Denied as denied:
        _refuse(request, person, denied)
    return redirect("administration-user", pk=pk)


@require_http_methods(["POST"])
@never_cache
@only(is_staff)
def membership(request: HttpRequest, pk: int) -> HttpResponse:
    """Say to which groups a user belongs, and what the account itself is permitted."""
    person, by = get_object_or_404(people(), pk=pk), visitor(request)
    form = MembershipForm(request.POST)
    if not form.is_valid():
        return render(request, "people/user.html", _about(request, person, membership=form))
    try:
        with transaction.atomic():
            changes.set_groups(person, by=by, groups=form.cleaned_data["groups"])
            changes.set_permissions(person, by=by, names=form.cleaned_data["features"])
    except Denied as denied:
        _refuse(request, person, denied)
    else:
        messages.success(request, _("Saved."))
    return redirect("administration-user", pk=pk)


@require_POST
@only(is_staff)
def roles(request: HttpRequest, pk: int) -> HttpResponse:
    """Say whether a user is an administrator."""
    person = get_object_or_404(people(), pk=pk)
    form = RolesForm(request.POST)
    form.full_clean()
    try:
        changes.set_roles(person, by=visitor(request), **form.cleaned_data)
    except Denied as denied:
        _refuse(request, person, denied)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Saved."))
    return redirect("administration-user", pk=pk)


def _refuse(request: HttpRequest, person: User, denied: Denied) -> None:
    refused(request, "account.changed", str(denied), user=person.get_username())
    messages.error(request, str(denied))


def _about(request: HttpRequest, person: User, membership: MembershipForm | None = None) -> dict[str, Any]:
    by = visitor(request)
    own = names_of(person.user_permissions)
    return {
        "person": person,
        "sessions": sessions_of(person),
        "may_administer": may_administer(person, by=by),
        "may_deactivate": may_deactivate(person, by=by),
        "may_change_roles": may_change_roles(person, by=by),
        "membership": membership or MembershipForm(initial={"groups": person.groups.all()}),
        "sections": SECTIONS,
        "given": own,
        "roles": RolesForm(initial={"staff": person.is_staff, "superuser": person.is_superuser}),
    }
