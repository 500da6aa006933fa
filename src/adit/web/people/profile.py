"""What people see and say about themselves: profile, active group, effective access, where they are logged in."""

from __future__ import annotations

from allauth.account.internal.flows.manage_email import sync_user_email_address
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Group
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from adit.accounts.changes import edit
from adit.accounts.forms import ProfileForm
from adit.accounts.groups import activate
from adit.accounts.sessions import end_all_sessions, end_session, sessions_of
from adit.web.doors.visits import address_of, visitor
from adit.web.people.access import access_of


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    user = visitor(request)
    form = ProfileForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        stored = edit(user, by=user, **form.cleaned_data)
        sync_user_email_address(stored)
        messages.success(request, _("Saved."))
        return redirect("profile")
    return render(request, "account/profile.html", {"form": form, "groups": user.groups.order_by("name")})


@require_POST
@login_required
def switch_group(request: HttpRequest) -> HttpResponse:
    """Make another of the own groups the active one; back to where one was."""
    user = visitor(request)
    group = get_object_or_404(Group.objects.filter(user=user), pk=_number(request.POST.get("group", "")))
    activate(group, by=user)
    messages.success(request, _("You act in the group %(group)s now.") % {"group": group.name})
    return redirect("profile")


@require_safe
@never_cache
@login_required
def access(request: HttpRequest) -> HttpResponse:
    """What one may do in the end, and why."""
    user = visitor(request)
    return render(request, "account/access.html", access_of(user, request.GET.get("group", ""), by=user))


@require_safe
@never_cache
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "usersessions/sessions.html",
        {"sessions": sessions_of(visitor(request)), "here": request.session.session_key},
    )


@require_POST
@login_required
def end_one_session(request: HttpRequest, pk: int) -> HttpResponse:
    user = visitor(request)
    session = next((each for each in sessions_of(user) if each.pk == pk), None)
    if session is None:
        raise Http404
    end_session(session, by=user, address=address_of(request))
    messages.success(request, _("Logged out there."))
    return redirect("profile-sessions")


@require_POST
@login_required
def end_sessions(request: HttpRequest) -> HttpResponse:
    """Log out everywhere, here too."""
    end_all_sessions(visitor(request), by=visitor(request), address=address_of(request))
    logout(request)
    messages.success(request, _("You are logged out everywhere."))
    return redirect("account_login")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Http404
    return int(text)
