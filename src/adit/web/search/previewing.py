"""What leaves the house: the header of one instance before and after, without anything leaving."""

from __future__ import annotations

import secrets
from functools import partial

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from adit.audit.record import record
from adit.deid.errors import Excluded, Stopped
from adit.deid.keys import KEY_BYTES
from adit.dicom.errors import BadData
from adit.dicom.instance import Instance
from adit.dicom.protocols import Cancellation
from adit.dicom.refs import BadUID, Ref, uid
from adit.jobs.pseudonymising import BadPlan, project_of, treating_of
from adit.jobs.treating import Unreadable
from adit.projects.finding import UnknownProject
from adit.transfer.items import TransferStudy
from adit.transfer.plan import NO_TRIAL, Plan, Pseudonymising, Trial
from adit.transfer.pseudonyms import UnfitPseudonym, checked
from adit.transfer.treating import Labelled, Treats, Unchanged
from adit.web.asking import on_a_thread
from adit.web.search.comparing import Change, compare
from adit.web.search.page import answered
from adit.web.search.sendfields import IDENTIFIED
from adit.web.search.sending import Asked, asked_of, project_in
from adit.web.search.sources import opened
from adit.web.search.thumbnails import middle_instance

EXAMPLE = "PSEUDONYM"
"""Stands for what the project gives."""


@require_POST
@never_cache
@login_required
async def preview(request: HttpRequest) -> HttpResponse:
    """The header of the middle instance of a chosen series, as it is and as it would go."""
    asked = await on_a_thread(lambda _token: asked_of(request))
    if isinstance(asked, HttpResponse):
        return asked
    return await answered(partial(_preview, asked, request.POST), problem=200)


def _preview(asked: Asked, posted: QueryDict, cancel: Cancellation) -> HttpResponse:
    ref = _wanted(asked, posted)
    try:
        treats = _treats(asked, posted, ref)
    except (BadPlan, UnfitPseudonym, UnknownProject, Unreadable) as error:
        return HttpResponse(render_to_string("search/problem.html", {"sentence": str(error)}))
    with opened(asked.source, asked.caller, cancel=cancel) as source:
        instance = middle_instance(source, ref)
        with instance:
            head = instance.head()
            record(
                "header.viewed",
                by=asked.caller.user,
                group=asked.caller.group,
                nodes=[asked.source.name],
                patient_id=str(head.get("PatientID", "")),
                study_uid=ref.study,
                address=asked.caller.address,
                details={"series": ref.series, "instance": instance.uid},
            )
            return HttpResponse(_rendered(instance, treats))


def _rendered(instance: Instance, treats: Treats) -> str:
    before = instance.head()
    try:
        with treats.apply(instance) as treated:
            after = treated.head()
    except (Excluded, Stopped, BadData) as reason:
        sentence = _("This instance stays behind: %(reason)s.") % {"reason": str(reason).rstrip(".")}
        return render_to_string("search/problem.html", {"sentence": sentence})
    lines = compare(before, after)
    changed = [line for line in lines if line.change is not Change.SAME]
    return render_to_string("search/preview.html", {"lines": lines, "changed": len(changed), "total": len(lines)})


def _wanted(asked: Asked, posted: QueryDict) -> Ref:
    """The series that was asked for, if it is among the chosen ones."""
    try:
        study, series = map(uid, posted.get("preview", "").split(" "))
    except (BadUID, ValueError):
        raise Http404 from None
    for each in asked.chosen.studies:
        if each.said["StudyInstanceUID"] == study and any(
            match.uid("SeriesInstanceUID") == series for match in each.matches
        ):
            return Ref(study, series)
    raise Http404


def _treats(asked: Asked, posted: QueryDict, ref: Ref) -> Treats:
    """What would be done, with a key that is thrown away: the real one would tell who is behind what was sent before.

    Raises:
        BadPlan, UnknownProject, Unreadable, UnfitPseudonym: Sending would say the same.
    """
    trial = Trial(posted.get("trial_protocol_id", "").strip(), posted.get("trial_protocol_name", "").strip())
    if posted.get("identity") == IDENTIFIED:
        return Labelled(trial) if trial else Unchanged()
    user = asked.caller.user
    project = project_in(posted, user)
    wanted = Pseudonymising(
        project.name if project else "",
        posted.get("profile", ""),
        unchecked_pixels="unchecked_pixels" in posted,
    )
    (person, study) = next(
        (person, study)
        for person in asked.chosen.people
        for study in person.studies
        if study.said["StudyInstanceUID"] == ref.study
    )
    typed = posted.get(f"pseudonym-{person.key}", "").strip()
    item: TransferStudy = study.item(checked(typed) if typed else EXAMPLE)
    plan = Plan("selective", asked.source.name, "", (item,), pseudonymising=wanted)
    with transaction.atomic():
        treating = treating_of(plan, project_of(plan, by=user), asked.source)
    assert treating is not None
    return treating.treats(item, secrets.token_bytes(KEY_BYTES), trial or NO_TRIAL)
