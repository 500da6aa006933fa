"""What a check of a file found, summed over its lines: what would go, what stays behind, how much and how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, FloatField, Q, Sum
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast

from adit.jobs.batchmodels import Line, Outcome
from adit.jobs.line_counts import counts_of
from adit.jobs.models import Job

_REASONS = """
SELECT kind, why, sum(series::bigint)
FROM jobs_line
CROSS JOIN LATERAL (VALUES ('behind', details -> 'behind'), ('risks', details -> 'risks')) AS told (kind, reasons)
CROSS JOIN LATERAL jsonb_each_text(coalesce(reasons, '{}')) AS each (why, series)
WHERE job_id = %s AND outcome = %s
GROUP BY kind, why
ORDER BY 3 DESC, 2
"""


@dataclass(frozen=True, slots=True)
class Unchecked:
    """Series whose pixels nobody checked: they go only where that is permitted and wanted.

    Attributes:
        studies: Those that have some.
        size: Estimated, in bytes.
    """

    studies: int
    series: int
    instances: int
    size: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Of the studies that were found; a study counts once, in however many lines it stands.

    Attributes:
        outcomes: What became of the studies → how many.
        series, instances, size: What would go; the size is estimated, in bytes.
        seconds: One task after the other; several at once take less. None where no speed was measured.
        left: Series that stay behind; they are in none of the sums above.
        empty: Studies of which everything stays behind.
        behind, risks: Why series stay behind, or go and may show names → how many.
        uncounted: Studies whose instances the source does not count: they are missing in the sums.
        unchecked: They stay behind, or go, as the check was told.
    """

    outcomes: dict[str, int]
    series: int
    instances: int
    size: int
    seconds: float | None
    left: int
    empty: int
    behind: dict[str, int]
    risks: dict[str, int]
    uncounted: int
    unchecked: Unchecked


def check_totals(check: Job) -> Totals:
    """Sum up what *check* has found so far."""
    found = Line.objects.filter(job=check, outcome=Outcome.FOUND)
    sums = found.aggregate(
        **{name: _sum(name) for name in ("series", "instances", "bytes", "seconds")},
        **{f"unchecked_{name}": _sum("unchecked", name) for name in ("series", "instances", "bytes")},
        unchecked_studies=Count("pk", filter=Q(details__unchecked__series__gt=0)),
        # Of none of its series nothing would go.
        empty=Count("pk", filter=Q(details__instances=0) & ~Q(details__behind={})),
        uncounted=Count("pk", filter=Q(details__bytes=None)),
    )
    reasons = _reasons(check)
    left = sum(reasons["behind"].values())
    return Totals(
        counts_of(check),
        _whole(sums["series"]) - left,
        _whole(sums["instances"]),
        _whole(sums["bytes"]),
        sums["seconds"],
        left,
        sums["empty"],
        reasons["behind"],
        reasons["risks"],
        sums["uncounted"],
        Unchecked(
            sums["unchecked_studies"], *(_whole(sums[f"unchecked_{name}"]) for name in ("series", "instances", "bytes"))
        ),
    )


def series_going(details: Mapping[str, Any]) -> int | None:
    """How many series of a line's study would go, by its details; None where nobody knows."""
    series = details.get("series")
    return None if series is None else series - sum((details.get("behind") or {}).values())


def _reasons(check: Job) -> dict[str, dict[str, int]]:
    """Why series stay behind and why those that go may show names, the most frequent first."""
    reasons: dict[str, dict[str, int]] = {"behind": {}, "risks": {}}
    with connection.cursor() as cursor:
        cursor.execute(_REASONS, [check.pk, Outcome.FOUND])
        for kind, reason, count in cursor.fetchall():
            reasons[kind][reason] = int(count)
    return reasons


def _sum(*path: str) -> Any:
    *above, name = path
    place: Any = "details"
    for key in above:
        place = KeyTransform(key, place)
    return Sum(Cast(KeyTextTransform(name, place), FloatField()))


def _whole(number: float | None) -> int:
    return int(number or 0)
