"""The table of what a batch query found, filtered and sorted: any page of it is as fast as the first.

A row is a match (`Found`), or a line without any. Both are read in the order of an index and joined by nobody; only
the lines of the rows of one page are looked up.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Exists, F, Func, JSONField, OuterRef, Q, QuerySet, Value
from django.db.models.functions import JSONObject
from django.db.models.lookups import GreaterThan, LessThan

from adit.jobs.batchmodels import SORTED_BY, Found, Line, Outcome
from adit.jobs.models import Job
from adit.jobs.results import FOUND, Result, result_of
from adit.transfer.batches.rows import BadRow, QueryRow

SORTS = ("line", "status", *SORTED_BY)
"""What the table can be sorted by."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows of the table, in which order. Empty ones let everything through.

    Attributes:
        outcome: Of the lines.
        words: Without blanks around: a line's number, a UID, or part of a PatientID, name, accession number,
            description or reason.
        sort: One of `SORTS`. Rows that are alike in it go by line; what is not known is at the end, both ways.
    """

    outcome: str = ""
    words: str = ""
    sort: str = "line"
    descending: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Of a row: its line, and its position among the matches of that line; 0 for none."""

    line: int
    position: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows that follow each other.

    Attributes:
        before, after: Whether there are more, and behind which row they go on; None where there are none.
    """

    rows: list[Result]
    before: Place | None
    after: Place | None


def page_of(job: Job, choice: Choice, *, size: int, after: Place | None = None, before: Place | None = None) -> Page:
    """Up to *size* rows of the table of *job*: the first ones, or those behind *after*, or those ahead of *before*.

    Looks are for the caller to record. A row that vanished meanwhile is as good a mark as any: its line is there.
    """
    stretches, down = _stretches(job, choice), choice.descending
    if before is not None and (mark := _mark_at(job, choice, before)):
        found = _taken(stretches, mark, size + 1, down=down, backwards=True)
        shown = found[:size][::-1]
        if shown:
            return Page(_results(job, shown), _place(shown[0]) if len(found) > size else None, _place(shown[-1]))
    mark = _mark_at(job, choice, after) if after is not None else None
    found = _taken(stretches, mark, size + 1, down=down, backwards=False)
    shown = found[:size]
    return Page(
        _results(job, shown),
        _place(shown[0]) if shown and mark else None,
        _place(shown[-1]) if len(found) > size else None,
    )


@dataclass(frozen=True, slots=True)
class _Mark:
    """A row that a page goes on behind.

    Attributes:
        stretch: In which it is.
        keys: What its stretch is sorted by, without line and position.
    """

    stretch: int
    keys: tuple[Any, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of the table in which all rows are sorted alike: matches, lines without any, or both by line.

    Attributes:
        keys: Names of what the matches are annotated with and sorted by, before line and position.
        unknown: The first of the keys is null for all of them.
    """

    found: QuerySet[Found] | None
    empty: QuerySet[Line] | None
    keys: tuple[str, ...] = ()
    unknown: bool = False

    def take(self, size: int, *, down: bool, mark: _Mark | None) -> list[dict[str, Any]]:
        """The first *size* rows, or those behind *mark*."""
        both = [self._matches(size, down, mark), self._lines(size, down, mark)]
        if not all(both):
            return both[0] or both[1]
        return list(heapq.merge(*both, key=_place, reverse=down))[:size]

    def _matches(self, size: int, down: bool, mark: _Mark | None) -> list[dict[str, Any]]:
        if self.found is None:
            return []
        order, found = [*self.keys, "number", "position"], self.found
        if mark is not None:
            # Where the first key is null, PostgreSQL would compare it to no avail.
            left_out = 1 if self.unknown else 0
            there = (*mark.keys[left_out:], mark.place.line, mark.place.position)
            beyond = LessThan if down else GreaterThan
            found = found.filter(beyond(_Tuple(*order[left_out:]), _Tuple(*map(Value, there))))
        found = found.order_by(*(f"-{name}" if down else name for name in order))
        return list(found.values("number", *FOUND)[:size])

    def _lines(self, size: int, down: bool, mark: _Mark | None) -> list[dict[str, Any]]:
        if self.empty is None:
            return []
        lines = self.empty
        if mark is not None:
            lines = lines.filter(**{"number__lt" if down else "number__gt": mark.place.line})
        numbers = lines.order_by("-number" if down else "number").values_list("number", flat=True)
        return [{"number": number, "position": 0} for number in numbers[:size]]


class _Tuple(Func):
    """Values that PostgreSQL compares one after the other, by one look into an index of all of them."""

    template = "(%(expressions)s)"
    output_field = BooleanField()


def _stretches(job: Job, choice: Choice) -> list[_Stretch]:
    """The whole table, in its order."""
    called = _line_called(job, choice.words)
    found, empty = _found(job, choice, called), _empty(job, choice, called)
    if choice.sort == "status" and not choice.outcome:
        return [_Stretch(found.filter(outcome=outcome), empty.filter(outcome=outcome)) for outcome in _outcomes(choice)]
    if choice.sort not in SORTED_BY:
        return [_Stretch(found, empty)]
    keys = SORTED_BY[choice.sort]
    sorted_so = found.annotate(**keys)
    first, names = next(iter(keys)), tuple(keys)
    return [
        _Stretch(sorted_so.filter(**{f"{first}__isnull": False}), None, names),
        _Stretch(sorted_so.filter(**{f"{first}__isnull": True}), None, names, unknown=True),
        _Stretch(None, empty),
    ]


def _outcomes(choice: Choice) -> list[Outcome]:
    return sorted(Outcome, reverse=choice.descending)


def _found(job: Job, choice: Choice, called: int | None) -> QuerySet[Found]:
    found = Found.objects.filter(job=job)
    if choice.outcome:
        found = found.filter(outcome=choice.outcome)
    if words := choice.words:
        about = Q(words__contains=words.lower())
        if _may_be_uid(words):
            about |= Q(study_uid=words) | Q(series_uid=words)
        if called is not None:
            about |= Q(number=called)
        found = found.filter(about)
    return found


def _empty(job: Job, choice: Choice, called: int | None) -> QuerySet[Line]:
    lines = Line.objects.filter(~Q(outcome=Outcome.FOUND), job=job)
    if choice.outcome:
        lines = lines.filter(outcome=choice.outcome)
    if words := choice.words:
        about = Q(reason__icontains=words)
        if called is not None:
            about |= Q(number=called)
        lines = lines.filter(about)
    return lines.filter(~Exists(Found.objects.filter(line=OuterRef("pk"))))


def _may_be_uid(words: str) -> bool:
    return "." in words and set(words) <= set("0123456789.")


def _line_called(job: Job, words: str) -> int | None:
    """The line that *words* is the number of, or which stands for the line of this number."""
    if not (words.isascii() and words.isdigit() and len(words) < 10):
        return None
    number = int(words)
    lines = Line.objects.filter(Q(number=number) | Q(also__contains=[number]) & ~Q(also=[]), job=job)
    return lines.values_list("number", flat=True).first()


def _mark_at(job: Job, choice: Choice, place: Place) -> _Mark | None:
    """Where the row at *place* is in the table; None where *job* has no such line."""
    if not 0 <= place.line < 2**31:
        return None
    keys = SORTED_BY.get(choice.sort, {})
    of_line = Found.objects.filter(job=job, number=place.line).annotate(**keys)
    found = of_line.order_by("-position").filter(position__lte=place.position).first() if place.position else None
    if found is not None:
        values, outcome = tuple(getattr(found, key) for key in keys), found.outcome
        stretch = int(bool(values) and values[0] is None)
    else:
        line = Line.objects.filter(job=job, number=place.line).first()
        if line is None:
            return None
        values, outcome, stretch = (), line.outcome, 2 if keys else 0
    if choice.sort == "status" and not choice.outcome:
        stretch = _outcomes(choice).index(Outcome(outcome))
    return _Mark(stretch, values, place)


def _taken(
    stretches: list[_Stretch], mark: _Mark | None, size: int, *, down: bool, backwards: bool
) -> list[dict[str, Any]]:
    """Up to *size* rows on one side of *mark*, the nearest first.

    Args:
        down: The table is sorted so.
    """
    numbered = list(enumerate(stretches))
    if backwards:
        numbered.reverse()
    rows: list[dict[str, Any]] = []
    for number, stretch in numbered:
        here = mark is not None and number == mark.stretch
        passed = mark is not None and (number > mark.stretch if backwards else number < mark.stretch)
        if passed:
            continue
        rows += stretch.take(size - len(rows), down=down != backwards, mark=mark if here else None)
        if len(rows) == size:
            break
    return rows


def _results(job: Job, rows: list[dict[str, Any]]) -> list[Result]:
    numbers = {row["number"] for row in rows}
    lines = Line.objects.filter(job=job, number__in=numbers).annotate(asked=_ASKED)
    known = {line["number"]: line for line in lines.values("number", "also", "outcome", "reason", "asked")}
    return [result_of(known[row["number"]], row, _asked(known[row["number"]]["asked"])) for row in rows]


_ASKED = Func(
    F("task__item"),
    Value("$.rows[*] ? (@.lines[0] == $number)"),
    JSONObject(number=F("number")),
    function="jsonb_path_query_first",
    output_field=JSONField(),
)
"""What the line looks for: one of the rows that its task holds."""


def _asked(stored: Any) -> QueryRow | None:
    try:
        return QueryRow.from_json(stored) if stored else None
    except BadRow:
        return None


def _place(row: dict[str, Any]) -> Place:
    return Place(row["number"], row["position"])
