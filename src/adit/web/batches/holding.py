"""A file held against what was chosen for it, too: what is wrong by that can be taken along as everything else."""

from __future__ import annotations

from dataclasses import replace

from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone

from adit.accounts.models import User
from adit.deid.profile import PROFILES
from adit.jobs.batch_transfers import Choices, check_file
from adit.projects.models import Project
from adit.transfer.batches.columns import TRANSFER
from adit.transfer.plan import Pseudonymising
from adit.web.batches.reading import Reading
from adit.web.batches.transferform import TransferOrder
from adit.web.search.queries import sources_of


def choice_of(form: object) -> str:
    """What *form* chose of that by which lines are refused, as the query of an address; empty where nothing."""
    if not isinstance(form, TransferOrder) or form.choices is None or form.choices.pseudonymising is None:
        return ""
    wanted, project = form.choices.pseudonymising, form.cleaned_data["project"]
    query = QueryDict(mutable=True)
    query["source"] = str(form.origin.pk)
    if project is not None:
        query["project"] = str(project.pk)
    if wanted.profile:
        query["profile"] = wanted.profile
    if wanted.generate:
        query["generate"] = "1"
    return f"?{query.urlencode()}"


def held(reading: Reading, asked: QueryDict, user: User) -> Reading:
    """*reading*, held against what `choice_of` wrote into an address, if there is something of it.

    Raises:
        Http404: *user* knows no such source or project.
        BadPlan, NoKey, UnreadableKey: They do not go together, whatever the file says.
    """
    if reading.file.kind != TRANSFER or "source" not in asked:
        return reading
    source = get_object_or_404(sources_of(user), pk=_number(asked.get("source", "")))
    project = ""
    if "project" in asked:
        sendable = Project.objects.sendable_by(user, timezone.now())
        project = get_object_or_404(sendable, pk=_number(asked.get("project", ""))).name
    profile = asked.get("profile", "")
    if profile and profile not in PROFILES:
        raise Http404
    wanted = Pseudonymising(project, profile, generate="generate" in asked)
    return replace(reading, checked=check_file(reading.file, Choices(source.name, "", wanted), by=user))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Http404
    return int(text)
