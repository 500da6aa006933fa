"""What became of the lines of a batch transfer, out of its tasks and their ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from django.utils import timezone

from adit.jobs.models import Entry, Job, Task
from adit.jobs.options import Options
from adit.jobs.reports import entries_of, tasks_of
from adit.jobs.states import TaskStatus
from adit.jobs.waiting import reasons
from adit.transfer.batches.rows import TransferRow
from adit.transfer.items import TransferStudy

STATUS, REASON, RECEIPT = "Status", "Reason", "Receipt"
NEW_STUDY, NEW_SERIES, PSEUDONYM = "NewStudyInstanceUID", "NewSeriesInstanceUIDs", "Pseudonym"
"""Titles. Those of this line stand beside the original identity: they are only for whoever may know both."""

_AT_ONCE = 500
"""Tasks that are read together."""


def titles_of_transfer(job: Job, *, links: bool) -> list[str]:
    """The columns that are added to the file of *job*.

    Args:
        links: Old and new identity may stand side by side.
    """
    treating = Options.of(job).treating
    made = treating is not None and not treating.brought
    linking = [NEW_STUDY, NEW_SERIES, *([PSEUDONYM] if made else [])]
    return [STATUS, REASON, *(linking if links else []), RECEIPT]


def outcomes_of_transfer(job: Job, rows: Sequence[TransferRow]) -> dict[int, Mapping[str, str]]:
    """What became of the lines that are part of *job*, by title.

    Args:
        rows: Of its file: the series of each line, and which lines are the same.
    """
    of_line = {line: row for row in rows for line in row.lines}
    receipts = ", ".join(map(str, job.receipts.order_by("pk").values_list("pk", flat=True)))
    told: dict[int, Mapping[str, str]] = {}
    for task, entries, waits in _tasks(job):
        for line in task.lines:
            row = of_line.get(line)
            wanted = row.series if row else ()
            own = [entry for entry in entries if not wanted or entry.series_uid in wanted]
            done = len(own) == len(wanted) and bool(wanted) and all(map(_complete, own))
            status = TaskStatus.SUCCESS if task.status == TaskStatus.WARNING and done else TaskStatus(task.status)
            there = [entry for entry in own if entry.stored]
            told[line] = {
                STATUS: status.value,
                REASON: "; ".join(
                    (*_same(line, row), *_reasons(task, own, waits, succeeded=status is TaskStatus.SUCCESS))
                ),
                NEW_STUDY: there[0].new_study_uid or there[0].study_uid if there else "",
                NEW_SERIES: ",".join(entry.new_series_uid or entry.series_uid for entry in there),
                PSEUDONYM: task.item.get("pseudonym", ""),
                RECEIPT: receipts,
            }
    return told


def _tasks(job: Job) -> Iterator[tuple[Task, list[Entry], str]]:
    """The tasks that move studies, with their ledger and why they wait."""
    last, known, now = 0, tasks_of(job).filter(work=TransferStudy.work), timezone.now()
    while tasks := list(known.filter(pk__gt=last).order_by("pk")[:_AT_ONCE]):
        last = tasks[-1].pk
        entries, waiting = entries_of(tasks), reasons(tasks, now=now)
        yield from ((task, entries[task.pk], waiting.get(task.pk, "")) for task in tasks)


def _complete(entry: Entry) -> bool:
    """Whether the ledger has nothing against a series of a study that is incomplete."""
    if entry.expected is None or entry.failed or entry.stored + entry.excluded < entry.expected:
        return False
    return entry.confirmed is None or entry.confirmed == entry.stored


def _same(line: int, row: TransferRow | None) -> Iterator[str]:
    if row is not None and line != row.lines[0]:
        yield f"the same as line {row.lines[0]}"


def _reasons(task: Task, entries: Sequence[Entry], waits: str, *, succeeded: bool) -> Iterator[str]:
    if waits:
        yield waits
    elif task.accepted_at:
        yield f"accepted as complete: {task.accepted_reason}"
    elif not succeeded and task.message:
        yield task.message
    if not succeeded and task.status not in (TaskStatus.WARNING, TaskStatus.FAILURE):
        # It had begun: whoever looks at the destination may find some of it.
        stored = sum(entry.stored for entry in entries)
        if any(entry.left_at for entry in entries):
            yield f"begun, {stored} instances stored by now"
    yield from task.notes
    for entry in entries:
        if entry.excluded:
            rules = ", ".join(entry.reasons) if not entry.failed else ""
            yield f"{entry.excluded} of {entry.expected or entry.excluded} instances of a series stayed behind" + (
                f": {rules}" if rules else ""
            )
        yield from entry.notes
