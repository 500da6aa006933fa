"""Jobs of every outcome, made by really running them: so that no page of the demo is empty."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from adit.accounts.models import User
from adit.audit.models import Event
from adit.audit.record import record
from adit.dicom.refs import uid
from adit.jobs.actions import perform
from adit.jobs.models import Job
from adit.jobs.states import JOB_ENDED, Action, JobStatus
from adit.jobs.submit import submit
from adit.nodes.models import Node
from adit.site.demo.cast import ADMINISTRATOR, ENGINEER, RADIOLOGIST, STUDENT, Person
from adit.site.demo.description import DemoStudy, Kind, uid_of
from adit.site.demo.patients import miscounted_study, studies
from adit.site.demo.people import STUDIES
from adit.site.demo.places import FOLDER
from adit.site.demo.processes import DEMO_PACS
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan, Pseudonymising, Trial

MADE = "demo.history_made"
"""The action that is recorded: once in the life of a demo."""

_CLINIC, _RESEARCH, _LIAR = (pacs.name for pacs in DEMO_PACS)
_STROKE, _QUALITY = (study.name for study in STUDIES)

_PATIENCE = 300.0
"""Seconds after which nobody waits for a job any more."""


@dataclass(frozen=True, slots=True)
class Past:
    """One job.

    Attributes:
        action: What its owner does with it; at once, or when it has ended, as the action needs.
        reason: Why, where the action needs one.
    """

    person: Person
    plan: Plan
    action: Action | None = None
    reason: str = ""


def make_history(*, by: User) -> tuple[Job, ...]:
    """Submit the jobs, unless that was done before; they run when there is room. Quick.

    Args:
        by: Who makes the demo; the jobs belong to its people.
    """
    if Event.objects.filter(action=MADE).exists():
        return ()
    there = set(Node.objects.values_list("name", flat=True))
    jobs = tuple(_submitted(past) for past in _pasts() if past.plan.destination in there)
    record(MADE, by=by, details={"jobs": [job.pk for job in jobs]})
    return jobs


def finish_history() -> None:
    """Do what people do with jobs that have ended; returns when that is done, or nothing comes of it."""
    wanted = [past for past in _pasts() if past.action is Action.ACCEPT]
    deadline = time.monotonic() + _PATIENCE
    for past in wanted:
        owner = _user(past.person)
        jobs = Job.objects.filter(owner=owner, source_name=past.plan.source).order_by("pk")
        while (job := jobs.first()) is not None and job.status not in JOB_ENDED and time.monotonic() < deadline:
            time.sleep(0.5)
        if job is not None and job.status == JobStatus.WARNING:
            perform(Action.ACCEPT, job, by=owner, reason=past.reason)


def _submitted(past: Past) -> Job:
    owner = _user(past.person)
    job = submit(past.plan, by=owner)
    if past.action is Action.CANCEL:
        perform(past.action, job, by=owner)
    return job


def _user(person: Person) -> User:
    return User.objects.select_related("active_group").get(username=person.username)


def _pasts() -> Iterator[Past]:
    for_stroke, for_quality = Pseudonymising(_STROKE, generate=True), Pseudonymising(_QUALITY, generate=True)
    brains, thoraxes, chests = _with(Kind.MR_T1), _with(Kind.CT_THORAX), _with(Kind.CHEST_RADIOGRAPH)
    # Complete: pseudonymised, with what stays behind; as it is, several at once; as volumes; in an archive.
    yield Past(STUDENT, replace(_plan(brains[0], brains[2]), pseudonymising=for_stroke))
    yield Past(
        STUDENT, replace(_plan(thoraxes[2]), pseudonymising=for_stroke, trial=Trial("STROKE-1", "Stroke outcome"))
    )
    yield Past(RADIOLOGIST, _plan(*chests[:4]))
    yield Past(RADIOLOGIST, replace(_plan(brains[3], to=FOLDER), nifti=True))
    yield Past(RADIOLOGIST, replace(_plan(chests[4], to=FOLDER), archive_password="demo"))
    yield Past(ENGINEER, replace(_plan(thoraxes[3]), pseudonymising=for_quality))
    # Incomplete, whatever is tried; and taken as complete by somebody who knows why.
    lied = replace(_plan(miscounted_study(), source=_LIAR), pseudonymising=for_quality)
    yield Past(ENGINEER, lied, Action.ACCEPT, "Three slices were never stored: the technician deleted them.")
    yield Past(ADMINISTRATOR, _plan(miscounted_study(), source=_LIAR))
    # Failed: nobody knows the study; canceled before it began.
    yield Past(ADMINISTRATOR, Plan("selective", _CLINIC, _RESEARCH, (TransferStudy(uid_of("study of nobody")),)))
    yield Past(STUDENT, replace(_plan(brains[4]), pseudonymising=for_stroke), Action.CANCEL)


def _plan(*chosen: DemoStudy, source: str = _CLINIC, to: str = _RESEARCH) -> Plan:
    items = tuple(TransferStudy(uid(study.uid), patient_id=study.patient.id) for study in chosen)
    return Plan("selective", source, to, items)


def _with(kind: Kind) -> list[DemoStudy]:
    return [study for study in studies() if any(series.kind is kind for series in study.series)]
