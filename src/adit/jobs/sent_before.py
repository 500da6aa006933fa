"""Whether a study went to a destination before under the same new UIDs, but with other content.

Within a project UIDs do not depend on the profile, so that what is sent later joins what is there. A destination that
knows a SOP Instance UID may keep what it has, and lists it as if it were what came.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q

from adit.dicom.errors import Canceled, DicomError
from adit.dicom.protocols import Sink
from adit.dicom.refs import UID
from adit.jobs.models import Entry, Task
from adit.jobs.options import Options
from adit.jobs.states import TaskStatus

SENT_BEFORE = "this study was sent there before"
"""How `sent_otherwise` begins."""


def sent_otherwise(task: Task, new_study: UID, series: Sequence[UID]) -> str:
    """What is to be said when another job of the project sent the same with another profile; empty when none did.

    Args:
        new_study: What the study is called at the destination.
        series: Those that go, as the source calls them; empty for all.
    """
    job = task.job
    mine = Options.of(job).treating
    if mine is None or job.project_id is None or task.destination is None or task.destination.is_folder:
        # A job has a folder of its own.
        return ""
    sent = Q(stored__gt=0) | Q(left_at__isnull=False, task__status=TaskStatus.IN_PROGRESS)
    entries = Entry.objects.filter(sent, new_study_uid=new_study)
    if series:
        entries = entries.filter(series_uid__in=series)
    others = Task.objects.filter(pk__in=entries.values("task"), destination=task.destination).exclude(job=job.pk)
    wanted = _named(mine.profile)
    for other in others.filter(job__project=job.project_id).select_related("job").order_by("-pk"):
        treating = Options.of(other.job).treating
        if treating is not None and (theirs := _named(treating.profile)) != wanted:
            return (
                f"{SENT_BEFORE} under the same UIDs, by job {other.job_id} with profile {theirs}: where a server "
                f"keeps what it knows, {task.destination.name} still holds that and nothing of profile {wanted}; "
                f"have it deleted there and send it again, or use profile {theirs}"
            )
    return ""


def may_still_hold(sink: Sink, new_study: UID) -> bool:
    """Whether the destination holds anything of the study, or does not tell.

    Raises:
        Canceled: The cancel token was set.
    """
    try:
        held = sink.holds(new_study)
    except Canceled:
        raise
    except DicomError:
        return True
    return held is None or bool(held)


def _named(profile: dict[str, object]) -> str:
    return f"{profile['name']} {profile['version']}"
