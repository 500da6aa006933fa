"""What is known of one patient: who looked, who sent, and where it went."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Max, Q, QuerySet, Sum

from adit.audit.models import Event
from adit.jobs.models import Task

MOST = 500
"""Events of one story that are told; a file has all of them."""


@dataclass(frozen=True, slots=True)
class Received:
    """One destination that got something of a patient.

    Attributes:
        jobs: Ids, newest first.
        last: When the last study ended.
    """

    destination: str
    studies: int
    instances: int
    jobs: tuple[int, ...]
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who had to do with a patient.

    Attributes:
        actions: What was done → how often.
    """

    actor: str
    first: datetime
    last: datetime
    actions: dict[str, int] = field(default_factory=dict)


def events_about(patient: str) -> QuerySet[Event]:
    """Every event about *patient*, a PatientID, or one of the patient's studies, or a job that had to do with them.

    Oldest first.
    """
    tasks = Task.objects.filter(patient_id=patient)
    named = Event.objects.filter(patient_id=patient)
    studies = {*tasks.values_list("study_uid", flat=True), *named.values_list("study_uid", flat=True)} - {""}
    jobs = {*tasks.values_list("job", flat=True), *named.exclude(job=None).values_list("job", flat=True)}
    # Of a job with many patients, what was done with the others is another story.
    whole_job = Q(job__in=jobs, patient_id="", study_uid="")
    found = Q(patient_id=patient) | Q(study_uid__in=studies, patient_id="") | whole_job
    return Event.objects.filter(found).order_by("time", "id")


def receivers_of(patient: str) -> list[Received]:
    """Where something of *patient* went by jobs that are still there, last first."""
    tasks = Task.objects.filter(patient_id=patient, entries__stored__gt=0)
    rows = tasks.values("job__destination_name").annotate(
        instances=Sum("entries__stored"),
        last=Max("ended_at"),
    )
    found = []
    for row in rows.order_by():
        there = tasks.filter(job__destination_name=row["job__destination_name"])
        studies = there.values("study_uid").distinct().count()
        jobs = tuple(there.order_by("-job").values_list("job", flat=True).distinct())
        found.append(Received(row["job__destination_name"], studies, row["instances"], jobs, row["last"]))
    return sorted(found, key=lambda each: each.last.timestamp() if each.last else 0, reverse=True)


def people_in(events: list[Event]) -> list[Person]:
    """Who did something in *events*, which are in order; whoever was last comes first."""
    people: dict[str, Person] = {}
    for event in events:
        known = people.get(event.actor)
        actions = {**known.actions} if known else {}
        actions[event.action] = actions.get(event.action, 0) + 1
        people[event.actor] = Person(event.actor, known.first if known else event.time, event.time, actions)
    return sorted(people.values(), key=lambda person: person.last, reverse=True)
