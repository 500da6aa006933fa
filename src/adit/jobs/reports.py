"""Jobs as plain values: what `adit job show --json`, the API and the pages say about them."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from django.db.models import Count
from django.utils import timezone

from adit.accounts.models import User
from adit.jobs.models import Entry, Job, JobQuerySet, Task
from adit.jobs.options import Options
from adit.jobs.waiting import reasons


def job_report(job: Job, *, by: User | None = None, now: datetime | None = None) -> dict[str, Any]:
    """All about one job, as JSON: its tasks, and the ledger of each.

    Pseudonyms, which stand beside the original study there, are shown where the user brought them. Those that were
    made, or were known before, are in the linking list: only who owns a job without project sees them here.

    Seconds of a job are from its first start to its end, or to *now*; of a task from its last claim
    to settled, without the time for confirming; null before. Times are ISO 8601 in UTC.
    """
    now = now or timezone.now()
    tasks = list(job.tasks.order_by("pk"))
    entries: defaultdict[int, list[Entry]] = defaultdict(list)
    # Without the lists of UIDs, which may be long and are nobody's business.
    known = Entry.objects.filter(task__job=job).defer("stored_instances", "excluded_instances")
    for entry in known.order_by("task", "pk"):
        entries[entry.task_id].append(entry)
    waiting = reasons(tasks, now=now)
    options = Options.of(job)
    treating = options.treating
    shown = treating is not None and (treating.brought or (job.project is None and by == job.owner))
    return {
        **_head(job, now),
        **_treatment(job, options),
        "tasks": [_task(task, entries[task.pk], waiting.get(task.pk, ""), shows_pseudonym=shown) for task in tasks],
    }


def job_list(jobs: JobQuerySet, *, now: datetime | None = None) -> list[dict[str, Any]]:
    """*jobs* in their order, each with the number of its tasks by status."""
    now = now or timezone.now()
    chosen = list(jobs.select_related("owner"))
    counts: defaultdict[int, dict[str, int]] = defaultdict(dict)
    rows = Task.objects.filter(job__in=chosen).order_by().values_list("job", "status").annotate(Count("pk"))
    for job, status, count in rows:
        counts[job][status] = count
    return [{**_head(job, now), "tasks": counts[job.pk]} for job in chosen]


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
        "study": task.study_uid,
        "pseudonym": (task.item.get("pseudonym") or None) if shows_pseudonym else None,
        "status": task.status,
        "message": task.message,
        "notes": task.notes,
        "attempts": task.attempts,
        "seconds": None if task.seconds is None else round(task.seconds, 3),
        "waiting_for": waiting_for,
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
