"""The key of a project: its backup, bringing it back, and destroying it for good."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from adit.dicom.errors import DicomError
from adit.jobs.forgetting import destroy_key
from adit.projects import keeping
from adit.projects.forms import DestroyForm, PassphraseForm, RestoreForm
from adit.projects.models import Project
from adit.web.doors.visits import visitor
from adit.web.projects.pages import manages


@require_safe
@never_cache
@manages
def key(request: HttpRequest, pk: int) -> HttpResponse:
    """What can be done with the key; the key itself is never shown."""
    return _page(request, get_object_or_404(Project, pk=pk))


@sensitive_post_parameters("passphrase", "again")
@require_POST
@never_cache
@manages
def backup(request: HttpRequest, pk: int) -> HttpResponse:
    """The key as a file, encrypted with a passphrase."""
    project = get_object_or_404(Project, pk=pk)
    form = PassphraseForm(request.POST)
    if form.is_valid():
        try:
            content = keeping.backup(project, form.cleaned_data["passphrase"], by=visitor(request))
        except (keeping.CannotKeep, DicomError) as error:
            form.add_error(None, str(error))
        else:
            answer = HttpResponse(content, content_type="application/json")
            answer["Content-Disposition"] = f'attachment; filename="key-of-project-{project.pk}.json"'
            return answer
    return _page(request, project, backing_up=form)


@sensitive_post_parameters("restore_passphrase")
@require_POST
@manages
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a project its key back."""
    project = get_object_or_404(Project, pk=pk)
    form = RestoreForm(request.POST, request.FILES)
    if form.is_valid():
        text = form.cleaned_data["backup"].read().decode(errors="replace")
        try:
            keeping.restore(project, text, form.cleaned_data["restore_passphrase"], by=visitor(request))
        except (keeping.BadBackup, keeping.CannotKeep) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("%(name)s has its key again.") % {"name": project})
            return redirect("projects-key", pk=pk)
    return _page(request, project, restoring=form)


@require_POST
@manages
def destroy(request: HttpRequest, pk: int) -> HttpResponse:
    """Destroy the key for good, together with what joins old and new identity."""
    project = get_object_or_404(Project, pk=pk)
    form = DestroyForm(request.POST, project=project)
    if form.is_valid():
        try:
            forgotten = destroy_key(project, by=visitor(request))
        except keeping.CannotKeep as error:
            form.add_error(None, str(error))
        else:
            words = _("The key of %(name)s is destroyed; %(count)d patients are forgotten.")
            messages.success(request, words % {"name": project, "count": forgotten})
            return redirect("projects-one", pk=pk)
    return _page(request, project, destroying=form)


def _page(request: HttpRequest, project: Project, **forms: Any) -> HttpResponse:
    context = {
        "project": project,
        "backing_up": PassphraseForm(),
        "restoring": RestoreForm(),
        "destroying": DestroyForm(project=project),
        **forms,
    }
    return render(request, "projects/key.html", context, status=422 if forms else 200)
