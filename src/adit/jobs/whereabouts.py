"""Where did this go? By an original or a new id, for those who may know; every question is audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Q, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Lower

from adit.accounts.auditing import may_search_patients
from adit.accounts.models import User
from adit.audit.models import Event
from adit.audit.record import record
from adit.jobs.linking import may_link_job
from adit.jobs.models import Entry, Job, Task
from adit.jobs.states import TaskStatus

MOST = 50
"""Answers to one question."""

_DOWNLOADED = "download.ended"


@dataclass(frozen=True, slots=True)
class Link:
    """Old and new identity side by side; only for those who may link."""

    patient_id: str
    pseudonym: str
    study_uid: str
    new_study_uid: str


@dataclass(frozen=True, slots=True)
class Sending:
    """One study that a job moved, or was to move.

    Attributes:
        by_new: What was asked for is an id at the destination, not an original one.
        instances: Stored at the destination.
        renamed: It got another identity on its way.
        link: Both; None where whoever asks may not link.
    """

    job: Job
    task: int
    status: TaskStatus
    ended: datetime | None
    instances: int
    by_new: bool
    renamed: bool
    link: Link | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known.

    Attributes:
        more: There are more than `MOST`.
        downloads: Of the study or patient, to somebody's own computer.
    """

    sendings: tuple[Sending, ...]
    downloads: tuple[Event, ...]
    more: bool = False


@transaction.atomic
def whereabouts(wanted: str, *, by: User, address: str | None = None) -> Answer:
    """What became of whatever *wanted* names, in the jobs that *by* may know of, newest first.

    Args:
        wanted: A PatientID, an accession number, a pseudonym, or the UID of a study, series or (while its series is
            incomplete) instance; as it was or, but for the accession number, as it is at the destination.
    """
    known = Task.objects.all() if _knows_all(by) else Task.objects.visible_to(by)
    by_patient, by_accession = _latest(known.filter(patient_id=wanted)), _latest(known.filter(accession_number=wanted))
    by_original = by_patient | by_accession
    by_original |= _latest(known.filter(study_uid=wanted), known.filter(entries__series_uid=wanted))
    by_new = _latest(
        known.filter(entries__new_study_uid=wanted),
        known.filter(entries__new_series_uid=wanted),
        # Written as its index is.
        known.annotate(called=Lower(KeyTextTransform("pseudonym", "item"))).filter(called=wanted.lower()),
    )
    by_new -= by_original
    if not by_original and not by_new and _is_uid(wanted):
        by_original = _latest(known.filter(entries__stored_instances__contains=[wanted]))
    chosen = sorted(by_original | by_new, reverse=True)
    tasks = Task.objects.filter(pk__in=chosen[:MOST]).select_related("job__owner", "job__project").order_by("-pk")
    entries = Entry.objects.filter(task__in=chosen[:MOST]).order_by().values_list("task")
    moved = {task: each for task, *each in entries.annotate(Max("new_study_uid"), Sum("stored"))}
    sendings = tuple(_sending(task, *moved.get(task.pk, ("", 0)), by=by, by_new=task.pk in by_new) for task in tasks)
    downloads = tuple(_downloads(wanted, by=by)[:MOST])
    only_accession = bool(by_accession) and not by_patient
    _record(wanted, sendings, by=by, address=address, named=not only_accession)
    return Answer(sendings, downloads, more=len(chosen) > MOST)


def _knows_all(user: User) -> bool:
    return user.is_staff or bool(may_search_patients(user))


def _latest(*found: QuerySet[Task]) -> set[int]:
    """The tasks in any of *found*, each asked by itself: together no index would be used."""
    return {task for tasks in found for task in tasks.order_by("-pk").values_list("pk", flat=True)[: MOST + 1]}


def _is_uid(text: str) -> bool:
    return "." in text and text.replace(".", "").isdigit()


def _sending(task: Task, new_study: str, instances: int, *, by: User, by_new: bool) -> Sending:
    pseudonym = str(task.item.get("pseudonym", ""))
    renamed = bool(pseudonym) or new_study not in ("", task.study_uid)
    link = None
    if renamed and may_link_job(task.job, by):
        link = Link(task.patient_id, pseudonym, task.study_uid, new_study)
    return Sending(task.job, task.pk, TaskStatus(task.status), task.ended_at, instances, by_new, renamed, link)


def _downloads(wanted: str, *, by: User) -> QuerySet[Event]:
    found = Event.objects.filter(Q(patient_id=wanted) | Q(study_uid=wanted), action=_DOWNLOADED)
    return found if _knows_all(by) else found.filter(actor_id=by.pk)


def _record(wanted: str, sendings: tuple[Sending, ...], *, by: User, address: str | None, named: bool) -> None:
    named = named and any(not each.by_new for each in sendings)
    # A pseudonym, a new UID or an accession number stands where nobody takes it for the id of a patient or a study.
    patient = wanted if named and not _is_uid(wanted) else ""
    study = wanted if named and _is_uid(wanted) else ""
    details = {"found": len(sendings), **({} if named else {"asked": wanted[:256]})}
    record("whereabouts.asked", by=by, patient_id=patient, study_uid=study, address=address, details=details)
    for job in sorted({each.job.pk for each in sendings if each.link}):
        record("job.linked", by=by, job=job, address=address, details={"through": "whereabouts"})
