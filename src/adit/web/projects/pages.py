"""Projects: what they are for, who takes part, and what is done to their studies."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce, Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from adit.accounts.models import User
from adit.deid.describing import Line, as_table, in_words
from adit.deid.profile import PROFILES, Profile
from adit.jobs.models import Job
from adit.projects import changes
from adit.projects.approving import newest_for, site_profile
from adit.projects.expiry import last_day
from adit.projects.forms import MemberForm, ProjectForm
from adit.projects.linking import may_link
from adit.projects.models import Alias, Member, Project
from adit.projects.permissions import may_manage_projects
from adit.web.doors.guarding import only
from adit.web.doors.visits import visitor

manages = only(may_manage_projects)
"""For administrators; the page does not exist for others."""

_LAST_JOBS = 10


@require_safe
@never_cache
@login_required
def projects(request: HttpRequest) -> HttpResponse:
    """All for administrators, else those in which the visitor takes part."""
    user = visitor(request)
    # Counted one by one: joined together, every member would be counted with every patient.
    people = Member.objects.filter(project=OuterRef("pk")).order_by().values("project").annotate(n=Count("pk"))
    patients = Alias.objects.filter(project=OuterRef("pk"), digest__isnull=False).order_by().values("project")
    found = Project.objects.visible_to(user).annotate(
        people=Coalesce(Subquery(people.values("n")), 0),
        patients=Coalesce(Subquery(patients.annotate(n=Count("pk")).values("n")), 0),
    )
    shown = [
        (project, _state(project), last_day(project.expires_at))
        for project in found.defer("profile").order_by(Lower("name"))
    ]
    return render(request, "projects/list.html", {"found": shown, "managing": may_manage_projects(user)})


@require_safe
@never_cache
@login_required
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """One project: its purpose, people, destinations, profile in words, and last jobs."""
    return _page(request, visible(request, pk))


@require_http_methods(["GET", "POST"])
@manages
def add(request: HttpRequest) -> HttpResponse:
    """A new project, with a key of its own."""
    form = ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        destinations = form.cleaned_data["destinations"]
        assert form.chosen is not None
        try:
            added = changes.add(
                Project(**form.values()), by=visitor(request), profile=form.chosen, destinations=destinations
            )
        except ValidationError as error:
            form.take(error)
        else:
            messages.success(request, _("%(name)s is there. Say now who takes part.") % {"name": added})
            return redirect("projects-one", pk=added.pk)
    return render(request, "projects/edit.html", {"form": form}, status=_status(request))


@require_http_methods(["GET", "POST"])
@manages
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a project; jobs keep the profile with which they were made."""
    project = get_object_or_404(Project, pk=pk)
    form = ProjectForm(request.POST or None, project=project)
    if request.method == "POST" and form.is_valid():
        destinations = form.cleaned_data["destinations"]
        try:
            changes.edit(project, by=visitor(request), profile=form.chosen, destinations=destinations, **form.values())
        except ValidationError as error:
            form.take(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("projects-one", pk=pk)
    return render(request, "projects/edit.html", {"form": form, "project": project}, status=_status(request))


@require_POST
@manages
def member(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a user take part, or change what the member may."""
    project = get_object_or_404(Project, pk=pk)
    form = MemberForm(request.POST)
    if not form.is_valid():
        return _page(request, project, form)
    given = form.cleaned_data
    changes.let_take_part(
        project, given["user"], by=visitor(request), may_send=given["may_send"], may_link=given["may_link"]
    )
    messages.success(request, _("Saved."))
    return redirect("projects-one", pk=pk)


@require_POST
@manages
def end_membership(request: HttpRequest, pk: int, user: int) -> HttpResponse:
    """Let a user take part no more."""
    project = get_object_or_404(Project, pk=pk)
    leaving = get_object_or_404(User, memberships__project=project, pk=user)
    changes.take_out(project, leaving, by=visitor(request))
    messages.success(request, _("%(user)s takes part no more.") % {"user": leaving})
    return redirect("projects-one", pk=pk)


@require_safe
@login_required
def profile_of_project(request: HttpRequest, pk: int) -> HttpResponse:
    """The profile of a project in words and attribute by attribute, for those who have to sign it."""
    project = visible(request, pk)
    context = {"project": project, **_described(Profile.from_json(project.profile))}
    return render(request, "projects/profile.html", context)


@require_safe
@login_required
def shipped_profile(request: HttpRequest, name: str) -> HttpResponse:
    """A profile that ADIT ships, with the words that the site approved, the same way."""
    profile = site_profile(name) if name in PROFILES else None
    if profile is None:
        return redirect("projects")
    return render(request, "projects/profile.html", _described(profile))


def visible(request: HttpRequest, pk: int) -> Project:
    """The project, for who may know of it.

    Raises:
        Http404: It does not exist, or not for this visitor.
    """
    return get_object_or_404(Project.objects.visible_to(visitor(request)), pk=pk)


def _page(request: HttpRequest, project: Project, form: MemberForm | None = None) -> HttpResponse:
    user = visitor(request)
    jobs = Job.objects.visible_to(user).filter(project=project).newest_first().select_related("owner")
    managing, profile = may_manage_projects(user), Profile.from_json(project.profile)
    newest = newest_for(project) if managing else profile
    context: dict[str, Any] = {
        "project": project,
        "state": _state(project),
        "last_day": last_day(project.expires_at),
        "managing": managing,
        "newer": newest if newest != profile else None,
        "gained": len(newest.approved - profile.approved),
        "lost": len(profile.approved - newest.approved),
        "linking": may_link(project, user),
        "members": project.members.select_related("user").order_by("user__username"),
        "destinations": project.destinations.all(),
        "words": list(in_words(profile)),
        "profile_version": project.profile.get("version", ""),
        "patients": project.aliases.exclude(digest=None).count(),
        "free": project.aliases.filter(digest=None).count(),
        "jobs": list(jobs.defer("options")[:_LAST_JOBS]),
        "form": form or MemberForm(),
    }
    return render(request, "projects/one.html", context, status=_status(request))


def _state(project: Project) -> str:
    """`current`, `expired`, or `destroyed` where it has no key any more."""
    if project.key_destroyed_at is not None:
        return "destroyed"
    expired = project.expires_at is not None and project.expires_at <= timezone.now()
    return "expired" if expired else "current"


def _described(profile: Profile) -> dict[str, Any]:
    return {"profile": profile, "words": list(in_words(profile)), "table": _table(profile)}


@lru_cache(maxsize=16)
def _table(profile: Profile) -> tuple[Line, ...]:
    # A profile is a value, and its table takes a tenth of a second to work out.
    return tuple(as_table(profile))


def _status(request: HttpRequest) -> int:
    """Of a page with a form: what was sent and cannot be taken is said in the status too."""
    return 422 if request.method == "POST" else 200
