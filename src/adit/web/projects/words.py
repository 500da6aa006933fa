"""Words that were cut, for those who may link; and words that the site approved, for administrators."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from adit.accounts.verdict import Denied
from adit.jobs.cutwords import Cuts, words_of_job, words_of_project
from adit.projects.approving import CannotApprove, approve, withdraw
from adit.projects.changes import CannotTake, take_newest
from adit.projects.linking import may_link
from adit.projects.models import ApprovedWord, Project
from adit.projects.permissions import may_approve_words
from adit.web.doors.guarding import only, refused
from adit.web.doors.visits import visitor
from adit.web.jobs.acting import refuse
from adit.web.jobs.pages import job_context, job_of
from adit.web.projects.pages import manages, visible

LINES = 500
"""Words on one page; what is behind them is searched for."""

_LONG = 20
"""Words from which on there is something to search in."""

_LONGEST_NUMBER = 18


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def of_job(request: HttpRequest, pk: int) -> HttpResponse:
    """What one job cut. Posted is only what to search for, which may be a name and so stands in no address."""
    user = visitor(request)
    found = job_of(user, pk)
    like = _like(request)
    try:
        cuts = words_of_job(found, by=user, like=like, most=LINES)
    except Denied as denied:
        status = refuse(request, denied, "job.words_viewed", found)
        return render(request, "jobs/one.html", job_context(request, found, None), status=status)
    about = {"job": found, "back": reverse("jobs-one", args=[pk]), "name": _("Job %(job)d") % {"job": pk}}
    return _page(request, cuts, like, about)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def of_project(request: HttpRequest, pk: int) -> HttpResponse:
    """The same over all jobs of a project."""
    user = visitor(request)
    project = visible(request, pk)
    if not (answer := may_link(project, user)):
        refused(request, "project.words_viewed", answer, project=project.name)
        raise Http404
    like = _like(request)
    cuts = words_of_project(project, by=user, like=like, most=LINES)
    about = {"project": project, "back": reverse("projects-one", args=[pk]), "name": project.name}
    return _page(request, cuts, like, about)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@only(may_approve_words)
def approved(request: HttpRequest) -> HttpResponse:
    """What the site approved. Posted are words to approve or to withdraw, ticked or typed."""
    typed = request.POST.get("typed", "")
    if request.method != "POST":
        return _approved(request)
    words = [*request.POST.getlist("word"), *typed.split()]
    try:
        if request.POST.get("act") == "withdraw":
            done = len(withdraw(words, by=visitor(request)))
            said = ngettext("%(count)d word is cut again", "%(count)d words are cut again", done)
        else:
            done = len(approve(words, by=visitor(request)))
            said = ngettext("%(count)d word was approved", "%(count)d words were approved", done)
    except CannotApprove as error:
        if typed:
            return _approved(request, typed=typed, wrong=str(error))
        messages.error(request, str(error))
    else:
        what = said % {"count": done}
        messages.success(
            request, _("%(what)s. Jobs and projects keep the version of the profile that they have.") % {"what": what}
        )
    return redirect(_came_from(request))


@require_POST
@manages
def newest(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a project the newest version of its profile."""
    project = get_object_or_404(Project, pk=pk)
    try:
        changed = take_newest(project, by=visitor(request))
    except CannotTake as error:
        messages.error(request, str(error))
    else:
        words = _("Jobs are made with %(name)s %(version)s from now on.")
        messages.success(request, words % {"name": changed.profile_name, "version": changed.profile.get("version", "")})
    return redirect("projects-one", pk=pk)


def _page(request: HttpRequest, cuts: Cuts, like: str, about: dict[str, Any]) -> HttpResponse:
    approving = bool(may_approve_words(visitor(request)))
    context = {"cuts": cuts, "like": like, "approving": approving, "searching": like or cuts.found > _LONG, **about}
    return render(request, "words/cut.html", context)


def _approved(request: HttpRequest, *, typed: str = "", wrong: str = "") -> HttpResponse:
    context = {"words": list(ApprovedWord.objects.in_effect()), "typed": typed, "wrong": wrong}
    return render(request, "words/approved.html", context, status=422 if wrong else 200)


def _like(request: HttpRequest) -> str:
    return request.POST.get("like", "").strip()[:64]


def _came_from(request: HttpRequest) -> str:
    """The page on which words were ticked."""
    for name in ("job", "project"):
        number = request.POST.get(name, "")
        if number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER:
            return reverse(f"{name}s-words", args=[int(number)])
    return reverse("administration-words")
