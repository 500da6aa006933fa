"""What a check of a file found, summed over its lines: what would go, how much it is and how long it takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import FloatField, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from adit.jobs.batchmodels import Line, Outcome
from adit.jobs.models import Job


@dataclass(frozen=True, slots=True)
class Totals:
    """Of the studies that were found; a study counts once, in however many lines it stands.

    Attributes:
        outcomes: What became of the studies → how many.
        series, instances, size: What would go; the size is estimated, in bytes.
        seconds: One task after the other; several at once take less. None where no speed was measured.
        behind, risks: Why series stay behind, or may show names → how many.
        uncounted: Studies whose instances the source does not count: they are missing in the sums.
    """

    outcomes: dict[str, int]
    series: int
    instances: int
    size: int
    seconds: float | None
    behind: dict[str, int]
    risks: dict[str, int]
    uncounted: int


def check_totals(check: Job) -> Totals:
    """Sum up what *check* has found so far."""
    lines = Line.objects.filter(job=check)
    found = lines.filter(outcome=Outcome.FOUND)
    sums = found.aggregate(**{name: _sum(name) for name in ("series", "instances", "bytes", "seconds")})
    behind, risks = Counter[str](), Counter[str]()
    for some, others in found.values_list("details__behind", "details__risks").iterator(chunk_size=1000):
        behind.update(some or {})
        risks.update(others or {})
    return Totals(
        dict(Counter(lines.values_list("outcome", flat=True))),
        int(sums["series"] or 0),
        int(sums["instances"] or 0),
        int(sums["bytes"] or 0),
        sums["seconds"],
        dict(behind),
        dict(risks),
        found.filter(details__bytes=None).count(),
    )


def _sum(name: str) -> Any:
    return Sum(Cast(KeyTextTransform(name, "details"), FloatField()))
