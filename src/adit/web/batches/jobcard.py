"""What the page of a job that was made from a file shows of that file and its lines."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from adit.accounts.models import User
from adit.jobs.batchmodels import Line, Outcome
from adit.jobs.kinds.batch import BATCH_TRANSFER
from adit.jobs.kinds.check import BATCH_CHECK
from adit.jobs.kinds.query import BATCH_QUERY
from adit.jobs.line_counts import counts_of
from adit.jobs.models import Job, Task
from adit.jobs.permissions import verdict
from adit.jobs.states import JOB_ENDED, Action, JobStatus

SENDS_NOTHING = frozenset((BATCH_QUERY.key, BATCH_CHECK.key))
"""Kinds of job that have no ledger."""

LINES = 100
"""Of a task that its page shows."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where one can go from here."""

    title: str | Promise
    url: str
    drawing: str
    first: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """The file of a job.

    Attributes:
        name: As its owner called it.
        counts: Lines by outcome, for kinds that ask only.
        again: The failed rows can be run again.
    """

    name: str
    counts: list[tuple[str, int]]
    ways: list[Way]
    again: bool


def card_of(job: Job, user: User) -> Card | None:
    """None for jobs that are of no file."""
    if job.kind not in (*SENDS_NOTHING, BATCH_TRANSFER.key):
        return None
    file = job.file
    name = file.name if file else ""
    if job.kind == BATCH_TRANSFER.key:
        again = job.status in (JobStatus.FAILURE, JobStatus.WARNING) and bool(verdict(Action.RETRY, job, user))
        return Card(name, [], _sheets(job) if file else [], again)
    counts = counts_of(job)
    by_outcome = [(outcome.value, counts[outcome]) for outcome in Outcome if counts.get(outcome)]
    return Card(name, by_outcome, _answers(job), again=False)


def _answers(job: Job) -> list[Way]:
    if job.kind == BATCH_QUERY.key:
        return [
            Way(_("Results"), reverse("batchquery-results", args=[job.pk]), "list-check", first=True),
            Way("Excel", reverse("batchquery-export", args=[job.pk, "xlsx"]), "file-spreadsheet"),
            Way("CSV", reverse("batchquery-export", args=[job.pk, "csv"]), "download"),
        ]
    found = _("What was found, and send it") if job.status in JOB_ENDED else _("What was found by now")
    return [Way(found, reverse("batchtransfer-checked", args=[job.pk]), "list-check", first=True)]


def _sheets(job: Job) -> list[Way]:
    ways = [
        Way(
            _("Your file with what became of it"),
            reverse("batchtransfer-result", args=[job.pk, "result"]),
            "file-spreadsheet",
            first=True,
        )
    ]
    if job.status in (JobStatus.FAILURE, JobStatus.WARNING, JobStatus.CANCELED):
        failed = reverse("batchtransfer-result", args=[job.pk, "failed"])
        ways.append(Way(_("A file with the failed rows"), failed, "file-spreadsheet"))
    return ways


def lines_of(task: Task) -> list[Line]:
    """The lines of *task*, each with what was found for it; none for one that moves a study."""
    if task.job.kind not in SENDS_NOTHING:
        return []
    return list(Line.objects.filter(task=task).prefetch_related("found")[:LINES])
