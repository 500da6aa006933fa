"""Destroying the key of a project together with what its jobs know: afterwards nothing can be linked or sent for it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from adit.accounts.models import User
from adit.jobs.models import CutWord, Entry, IssuedReceipt, Task
from adit.jobs.receipts import Form
from adit.projects import keeping
from adit.projects.models import Project
from adit.transfer.items import BadItem, TransferStudy

_ROWS_AT_ONCE = 1000


@transaction.atomic
def destroy_key(project: Project, *, by: User) -> int:
    """Destroy the key of *project*, its pseudonyms, the words that were cut for it, and every place
    where a job of it joins old and new identity.

    Returns:
        How many patients were forgotten.

    Raises:
        CannotKeep: It was destroyed before, or a task of the project is running.
    """
    tasks = Task.objects.filter(job__project=project)
    # Locked, so that no worker takes one meanwhile.
    list(tasks.select_for_update().values_list("pk"))
    if tasks.in_progress().exists():
        raise keeping.CannotKeep(f"Studies are being sent for project {project.name}: cancel its jobs first.")
    forgotten = keeping.destroy(project, by=by)
    Entry.objects.filter(task__in=tasks).update(new_study_uid="", new_series_uid="")
    # They may be names.
    CutWord.objects.filter(job__project=project).delete()
    # They name the studies as they arrived, in the order of the tasks.
    IssuedReceipt.objects.filter(job__project=project, content__form=Form.RECIPIENT.value).delete()
    studies = list(tasks.filter(work=TransferStudy.work).only("item"))
    for task in studies:
        task.item = _forgetful(task.item)
    Task.objects.bulk_update(studies, ["item"], batch_size=_ROWS_AT_ONCE)
    return forgotten


def _forgetful(stored: dict[str, Any]) -> dict[str, Any]:
    """An item without what joins it to what lies at the destination. It cannot run any more."""
    try:
        item = TransferStudy.from_json(stored)
    except BadItem:
        return {"version": 0}
    return TransferStudy(item.study, item.series, item.patient_id, treated=True).to_json()
