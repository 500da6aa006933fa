"""Groups: what they permit, and who belongs to them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from adit.accounts.features import SECTIONS
from adit.accounts.forms import GroupForm, NewGroupForm
from adit.accounts.granting import names_of
from adit.accounts.groups import add_group, edit_group, remove_group
from adit.accounts.verdict import Denied
from adit.web.doors.guarding import only, refused
from adit.web.doors.staff import is_staff
from adit.web.doors.visits import visitor


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@only(is_staff)
def groups(request: HttpRequest) -> HttpResponse:
    """All groups; a new one goes on to its page."""
    form = NewGroupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("administration-group", pk=add_group(form.cleaned_data["name"], by=visitor(request)).pk)
        except ValidationError as error:
            form.add_error("name", error.message_dict.get("name", error.messages))
    found = Group.objects.annotate(
        members=Count("user", distinct=True), nodes=Count("node_access", distinct=True)
    ).order_by("name")
    return render(request, "people/groups.html", {"groups": found, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@only(is_staff)
def group(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Group, pk=pk)
    given = names_of(found.permissions)
    members = found.user_set.all()
    form = GroupForm(request.POST or None, initial={"name": found.name, "members": members})
    if request.method == "POST":
        given = set(request.POST.getlist("features"))
        if form.is_valid() and _edited(request, found, form):
            return redirect("administration-group", pk=pk)
    shown: dict[str, Any] = {
        "group": found,
        "form": form,
        "sections": SECTIONS,
        "given": given,
        "access": found.node_access.select_related("node").order_by("node__name"),
    }
    return render(request, "people/group.html", shown)


def _edited(request: HttpRequest, found: Group, form: GroupForm) -> bool:
    chosen = form.cleaned_data
    try:
        edit_group(
            found,
            by=visitor(request),
            name=chosen["name"],
            features=chosen["features"],
            members=list(chosen["members"]),
        )
    except Denied as denied:
        refused(request, "group.changed", str(denied), group=found.name)
        form.add_error(None, str(denied))
        return False
    except ValidationError as error:
        form.add_error("name", error.messages)
        return False
    messages.success(request, _("Saved."))
    return True


@require_POST
@only(is_staff)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Group, pk=pk)
    remove_group(found, by=visitor(request))
    messages.success(request, _("The group %(group)s is gone.") % {"group": found.name})
    return redirect("administration-groups")
