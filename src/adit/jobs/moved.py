"""What became of a study goes into the audit trail, where it outlives its job."""

from __future__ import annotations

from django.db.models import Sum

from adit.audit.models import Outcome
from adit.audit.record import record
from adit.jobs.models import Entry, Task
from adit.jobs.states import TaskStatus
from adit.transfer.items import TransferStudy

TRANSFERRED = "study.transferred"


def record_moved(task: int) -> None:
    """Record how *task*, which has just ended in the current transaction, ended, if it was to move a study.

    Under the original ids only, and without reasons, which may name a patient: nothing here joins what a project
    keeps apart.
    """
    found = Task.objects.select_related("job__owner", "job__group").get(pk=task)
    if found.work != TransferStudy.work:
        return
    moved = Entry.objects.filter(task=task).aggregate(stored=Sum("stored"), excluded=Sum("excluded"))
    stored = moved["stored"] or 0
    failed = found.status == TaskStatus.FAILURE or (found.status == TaskStatus.CANCELED and not stored)
    record(
        TRANSFERRED,
        by=found.job.owner,
        group=found.job.group.name if found.job.group else "",
        outcome=Outcome.FAILED if failed else Outcome.DONE,
        patient_id=found.patient_id,
        study_uid=found.study_uid,
        nodes=(found.job.source_name, found.job.destination_name),
        job=found.job_id,
        details={
            "task": task,
            "status": found.status,
            "stored": stored,
            "excluded": moved["excluded"] or 0,
            "pseudonymised": bool(found.item.get("treated")) and bool(found.item.get("pseudonym")),
        },
    )
