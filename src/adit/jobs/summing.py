"""What became of a job, in one sentence: partitions, lines of a file, studies, archive, as far as it has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from django.db.models import Count, Sum

from adit.jobs.batchmodels import OPEN, Line, Outcome
from adit.jobs.models import Entry, Job
from adit.jobs.states import TaskStatus
from adit.transfer.items import SealArchive, SweepWindow, TransferStudy
from adit.transfer.ledger import Status, Verdict

_NOT_DONE = {
    TaskStatus.WARNING: "incomplete",
    TaskStatus.FAILURE: "failed",
    TaskStatus.CANCELED: "canceled",
    TaskStatus.PENDING: "pending",
}


def summary(job: Job) -> str:
    """The sentence, without its full stop."""
    parts = [_sweeps(job), _lines(job), _studies(job), _sealing(job)]
    return "; ".join(part for part in parts if part) or "nothing to do"


def _counts(job: Job, work: str) -> Mapping[str, int]:
    return dict(job.tasks.filter(work=work).order_by().values_list("status").annotate(Count("pk")))


def _rest(counts: Mapping[str, int]) -> str:
    rest = ", ".join(f"{counts[status]} {word}" for status, word in _NOT_DONE.items() if counts.get(status))
    return f", {rest}" if rest else ""


def _sweeps(job: Job) -> str:
    counts = _counts(job, SweepWindow.work)
    total = sum(counts.values())
    if not total:
        return ""
    searched = f"{counts.get(TaskStatus.SUCCESS, 0)} of {total} {'partition' if total == 1 else 'partitions'} searched"
    nothing = not job.tasks.filter(work=TransferStudy.work).exists()
    return f"{searched}{_rest(counts)}{', nothing found' if nothing else ''}"


def _lines(job: Job) -> str:
    counts: Mapping[str, int] = dict(
        Line.objects.filter(job=job).order_by().values_list("outcome").annotate(Count("pk"))
    )
    return lines_said(counts) if counts else ""


def lines_said(counts: Mapping[str, int]) -> str:
    """How many lines there are, by outcome."""
    total = sum(counts.values())
    said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts.get(outcome))
    return f"{total} {'line' if total == 1 else 'lines'}: {said}"


def verdict_on(outcomes: Collection[str], *, over: bool) -> Verdict:
    """What became of the lines of a task. Not found is an answer.

    Args:
        over: Nobody asks any more for what has no answer.
    """
    missing = sum(outcome in OPEN for outcome in outcomes)
    status = Status.SUCCESS if not missing else Status.WARNING if missing < len(outcomes) else Status.FAILURE
    ends = Outcome.FAILED if over else Outcome.PENDING
    return Verdict(status, lines_said(Counter(ends if one == Outcome.PENDING else one for one in outcomes)))


def _studies(job: Job) -> str:
    counts = _counts(job, TransferStudy.work)
    total = sum(counts.values())
    if not total:
        return ""
    studies = job.tasks.filter(work=TransferStudy.work)
    sentence = f"{counts.get(TaskStatus.SUCCESS, 0)} of {total} {'study' if total == 1 else 'studies'} complete"
    if accepted := studies.filter(accepted_at__isnull=False).count():
        sentence += f" ({accepted} accepted as such)"
    stored = Entry.objects.filter(task__job=job).aggregate(stored=Sum("stored"))["stored"] or 0
    return f"{sentence}{_rest(counts)}; {stored} instances stored"


def _sealing(job: Job) -> str:
    return job.tasks.filter(work=SealArchive.work).values_list("message", flat=True).first() or ""
