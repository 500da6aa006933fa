"""What only a look at whole columns of a spreadsheet tells."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from adit.transfer.sheets.values import RawRow
from adit.transfer.sheets.worksheets import column_letters

LOST_ZEROS = (
    "Excel has made a number of it, and other values of this column begin with zeros, which it has most likely lost: "
    "format the cell as text and type it again"
)
TOO_WIDE = (
    "the line has more cells than the header, so its values may stand in wrong columns: "
    "a text that holds the separator must stand in quotes"
)


def doubt_lost_zeros(rows: Sequence[RawRow], places: Sequence[int]) -> None:
    """Mark numbers that have fewer digits than texts with zeros in front have in the same column."""
    for place in places:
        bit = 1 << place
        numbers = [row for row in rows if row.numbers & bit]
        if not numbers:
            continue
        longest = max(
            (
                len(text)
                for row in rows
                if not row.numbers & bit and (text := row.cells.get(place, "")).startswith("0") and text.isdecimal()
            ),
            default=0,
        )
        for row in numbers:
            if len(row.cells.get(place, "")) < longest:
                row.doubts.setdefault(place, LOST_ZEROS)


def doubt_wide_rows(rows: Iterable[RawRow], places: Sequence[int]) -> None:
    """Mark all cells of records with something beyond the last title."""
    for row in rows:
        if max(row.cells, default=0) > places[-1]:
            row.doubts.update(dict.fromkeys(places, TOO_WIDE))


def about_columns(header: RawRow, rows: Sequence[RawRow], *, lettered: bool) -> list[str]:
    """Notices about titles that are missing or stand twice, and about what Excel holds in whole columns.

    Args:
        lettered: A person names the columns A, B, C; otherwise they are numbered.
    """
    return [
        *_titles_that_are_missing(header, rows, lettered=lettered),
        *_titles_that_stand_twice(header, lettered=lettered),
        *_numbers(header, rows),
        *_short_years(header, rows),
    ]


def places_of(titles: Sequence[str], header: Mapping[int, str], width: int) -> list[int]:
    """Where columns of *titles* are written: where *header* has them already, else from *width* on."""
    there = {_same(title): at for at, title in sorted(header.items(), reverse=True)}
    free = itertools.count(width)
    return [there[_same(title)] if _same(title) in there else next(free) for title in titles]


def _same(title: str) -> str:
    return "".join(title.split()).casefold()


def _titles_that_are_missing(header: RawRow, rows: Sequence[RawRow], *, lettered: bool) -> list[str]:
    first: dict[int, int] = {}
    for row in rows:
        for at in row.cells.keys() - header.cells.keys():
            first.setdefault(at, row.line)
    beyond = max(header.cells)
    return [
        f"Column {_called(at, lettered=lettered)} has no name in line {header.line}, so it is not read; "
        f"its first value is in line {line}."
        for at, line in sorted(first.items())[:20]
        # In a CSV the line itself is in doubt.
        if lettered or at < beyond
    ]


def _titles_that_stand_twice(header: RawRow, *, lettered: bool) -> list[str]:
    places = defaultdict(list)
    for at, title in sorted(header.cells.items()):
        places[_same(title)].append(at)
    return [
        f"Columns {' and '.join(_called(at, lettered=lettered) for at in same)} have the same name, "
        f"'{header.cells[same[0]]}'."
        for same in places.values()
        if len(same) > 1
    ]


def _numbers(header: RawRow, rows: Sequence[RawRow]) -> list[str]:
    counts: Counter[int] = Counter()
    for row in rows:
        if row.numbers:
            counts.update(at for at in header.cells if row.numbers >> at & 1)
    if not counts:
        return []
    named = ", ".join(f"'{header.cells[at]}' ({counts[at]:,})" for at in sorted(counts))
    notice = (
        f"Excel holds numbers in {named}: zeros typed in front of them would be lost. "
        "Columns of ids are safe when they are formatted as text before they are filled."
    )
    return [notice]


def _short_years(header: RawRow, rows: Sequence[RawRow]) -> list[str]:
    notices = []
    for at, title in sorted(header.cells.items()):
        dates = [(row.line, row.cells.get(at, "")) for row in rows if row.short_years >> at & 1]
        if dates:
            line, date = dates[0]
            notices.append(
                f"Excel shows the dates of '{title}' with two digits of the year ({len(dates):,}); the century was "
                f"chosen by Excel: line {line} is read as {date}."
            )
    return notices


def _called(at: int, *, lettered: bool) -> str:
    return column_letters(at) if lettered else str(at + 1)
