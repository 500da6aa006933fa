"""Jobs as plain values: what `adit job show --json`, the API and the pages say about them."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone

from adit.accounts.models import User
from adit.jobs.models import Entry, Job, JobQuerySet, Task, TaskQuerySet
from adit.jobs.options import Options
from adit.jobs.progress import counts
from adit.jobs.waiting import reasons
from adit.transfer.sheets.cells import not_a_formula

_AT_ONCE = 500
"""Tasks that are read together."""

COLUMNS = (
    "job", "task", "study", "series", "pseudonym", "status", "expected", "received", "stored", "confirmed",
    "excluded", "failed", "bytes", "reasons", "notes", "message", "attempts", "seconds", "accepted",
)  # fmt: skip
"""Of the report as CSV: a line for each series, or for a task of which nothing is known."""


def job_report(job: Job, *, by: User | None = None, now: datetime | None = None) -> dict[str, Any]:
    """All about one job, as JSON: its tasks, and the ledger of each.

    Pseudonyms, which stand beside the original study there, are shown to the owner who brought them. Those that were
    made, or were known before, are in the linking list: only who owns a job without project sees them here.

    Seconds of a job are from its first start to its end, or to *now*; of a task from its last claim
    to settled, without the time for confirming; null before. Times are ISO 8601 in UTC.
    """
    now = now or timezone.now()
    return {**job_head(job, now=now), "tasks": list(task_reports(job, by=by, now=now))}


def job_head(job: Job, *, now: datetime) -> dict[str, Any]:
    """The report without its tasks."""
    return {**_head(job, now), **_treatment(job, Options.of(job))}


def task_reports(job: Job, *, by: User | None, now: datetime) -> Iterator[dict[str, Any]]:
    """The tasks of a report, read in portions: a job may have a hundred thousand."""
    shown = shows_pseudonyms(job, by)
    last, known = 0, tasks_of(job)
    while tasks := list(known.filter(pk__gt=last).order_by("pk")[:_AT_ONCE]):
        last = tasks[-1].pk
        entries = entries_of(tasks)
        waiting = reasons(tasks, now=now)
        for task in tasks:
            yield _task(task, entries[task.pk], waiting.get(task.pk, ""), shows_pseudonym=shown)


def tasks_of(job: Job) -> TaskQuerySet:
    """The tasks of *job*, to be read in the order of their ids.

    The bound is what counts: without it PostgreSQL looks for the first ones among the tasks of all jobs, from the
    oldest on. Only a range of jobs makes it use the index that has them in order.
    """
    alone = Task.objects.filter(job__gte=job.pk, job__lte=job.pk)
    first = alone.order_by("job", "pk").values_list("pk", flat=True).first()
    return Task.objects.filter(job=job, pk__gte=first or 0)


def entries_of(tasks: list[Task]) -> defaultdict[int, list[Entry]]:
    """Task → its ledger."""
    found: defaultdict[int, list[Entry]] = defaultdict(list)
    # Without the lists of UIDs, which may be long and are nobody's business.
    known = Entry.objects.filter(task__in=tasks).defer("stored_instances", "excluded_instances")
    for entry in known.order_by("task", "pk"):
        found[entry.task_id].append(entry)
    return found


def shows_pseudonyms(job: Job, by: User | None) -> bool:
    """Whether *by* may read in the report of *job* which pseudonym an original study got."""
    treating = Options.of(job).treating
    return treating is not None and by == job.owner and (treating.brought or job.project is None)


def report_as_json(job: Job, *, by: User | None, now: datetime) -> Iterator[str]:
    """`job_report` as JSON, in pieces."""
    yield json.dumps(job_head(job, now=now))[:-1] + ', "tasks": ['
    for number, task in enumerate(task_reports(job, by=by, now=now)):
        yield (",\n" if number else "\n") + json.dumps(task)
    yield "\n]}\n"


def report_as_csv(job: Job, *, by: User | None, now: datetime) -> Iterator[str]:
    """The report as a table with `COLUMNS`, in pieces; the first begins with a mark, for Excel."""
    yield "\ufeff" + _csv_line(COLUMNS)
    for task in task_reports(job, by=by, now=now):
        accepted = task["accepted"]["reason"] if task["accepted"] else ""
        own = {**task, "job": job.pk, "task": task["id"], "accepted": accepted, "notes": []}
        for entry in task["entries"] or [{}]:
            row = {**own, **entry}
            row["notes"] = "; ".join((*task["notes"], *entry.get("notes", ())))
            row["reasons"] = "; ".join(f"{number} × {reason}" for reason, number in entry.get("reasons", {}).items())
            yield _csv_line([row.get(column) for column in COLUMNS])


def _csv_line(cells: Any) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(map(not_a_formula, cells))
    return written.getvalue()


def job_list(jobs: JobQuerySet, *, now: datetime | None = None) -> list[dict[str, Any]]:
    """*jobs* in their order, each with the number of its tasks by status."""
    now = now or timezone.now()
    chosen = list(jobs.select_related("owner"))
    known = counts([job.pk for job in chosen])
    return [{**_head(job, now), "tasks": dict(known[job.pk])} for job in chosen]


def _head(job: Job, now: datetime) -> dict[str, Any]:
    return {
        "id": job.pk,
        "kind": job.kind,
        "status": job.status,
        "message": job.message,
        "owner": job.owner.get_username(),
        "source": job.source_name,
        "destination": job.destination_name,
        "urgent": job.urgent,
        "created": _time(job.created_at),
        "started": _time(job.started_at),
        "ended": _time(job.ended_at),
        "seconds": round(((job.ended_at or now) - job.started_at).total_seconds(), 3) if job.started_at else None,
    }


def _treatment(job: Job, options: Options) -> dict[str, Any]:
    treating = options.treating
    trial = {
        "trial_protocol_id": options.trial.protocol_id or None,
        "trial_protocol_name": options.trial.protocol_name or None,
    }
    if treating is None:
        return {"project": None, "profile": None, **trial}
    profile = f"{treating.profile['name']} {treating.profile['version']}"
    return {
        "project": job.project.name if job.project else None,
        "profile": profile,
        **trial,
        "excluded_modalities": list(treating.excluded_modalities),
        "unchecked_pixels": treating.unchecked_pixels,
        "released": list(treating.released),
    }


def _task(task: Task, entries: list[Entry], waiting_for: str, *, shows_pseudonym: bool) -> dict[str, Any]:
    return {
        "id": task.pk,
        "work": task.work,
        "part": task.part,
        "lines": task.lines,
        "study": task.study_uid,
        "pseudonym": (task.item.get("pseudonym") or None) if shows_pseudonym else None,
        "status": task.status,
        "message": task.message,
        "notes": task.notes,
        "attempts": task.attempts,
        "seconds": None if task.seconds is None else round(task.seconds, 3),
        "waiting_for": waiting_for,
        "accepted": {
            "reason": task.accepted_reason,
            "by": task.accepted_by,
            "at": _time(task.accepted_at),
        }
        if task.accepted_at
        else None,
        "entries": [_entry(entry) for entry in entries],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "study": entry.study_uid,
        "series": entry.series_uid,
        "expected": entry.expected,
        "received": entry.received,
        "stored": entry.stored,
        "confirmed": entry.confirmed,
        "excluded": entry.excluded,
        "failed": entry.failed,
        "bytes": entry.size,
        "reasons": entry.reasons,
        "notes": entry.notes,
    }


def _time(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()
