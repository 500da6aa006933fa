"""Files of batch transfers, what is made of them, and what they say afterwards; between nodes in memory."""

from __future__ import annotations

import csv
import io

from adit.accounts.models import User
from adit.jobs.batch_transfers import Choices, check_file, plan_of, submit_check
from adit.jobs.files import keep_file
from adit.jobs.models import BatchFile, Job, Line
from adit.jobs.outcome_sheets import outcome_sheet
from adit.jobs.submit import submit
from adit.nodes.models import Slot
from adit.transfer.plan import Pseudonymising
from tests.jobs.fakes import administrator, process
from tests.jobs.memories import Memories
from tests.peers.data import Study, ct_study, uid_of

FIRST, SECOND, THIRD = (ct_study(series=2, instances=2, name=f"row {number}") for number in (1, 2, 3))
UNKNOWN = uid_of("nobody has it")
PLAIN = Choices("A", "B")


def pseudonymising(project: str = "Stroke", **values: object) -> Choices:
    return Choices("A", "B", Pseudonymising(project, **values))


def kept(*rows: str, header: str = "PatientID;StudyInstanceUID", by: User | None = None) -> BatchFile:
    by = by or administrator()
    content = "\r\n".join((header, *rows)).encode()
    return keep_file(content, "list.csv", kind="batch_transfer", by=by, group=by.active_group)


def a_row(study: Study, *more: str) -> str:
    return ";".join((study.patient_id, study.uid, *more))


def ordered(file: BatchFile, choices: Choices = PLAIN, *, by: User | None = None) -> Job:
    by = by or file.owner
    return submit(plan_of(check_file(file, choices, by=by).good, choices, file=file).plan, by=by)


def checking(file: BatchFile, choices: Choices = PLAIN, *, by: User | None = None) -> Job:
    by = by or file.owner
    return submit_check(plan_of(check_file(file, choices, by=by).good, choices, file=file).plan, by=by)


def work(memories: Memories) -> None:
    process(memories, places=1).work()
    assert not Slot.objects.held().exists()


def table(job: Job, *, by: User | None = None, **values: bool) -> list[dict[str, str]]:
    given = outcome_sheet(Job.objects.get(pk=job.pk), by=by or job.owner, **values)
    return list(csv.DictReader(io.StringIO(given.content.decode("utf-8-sig")), delimiter=";"))


def statuses(job: Job, **values: object) -> list[str]:
    return [row["Status"] for row in table(job, **values)]


def outcomes(job: Job) -> dict[int, str]:
    return dict(Line.objects.filter(job=job).order_by("number").values_list("number", "outcome"))
