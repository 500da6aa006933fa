"""Sheets as reading gives them, made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from adit.transfer.sheets.reading import Row, Sheet

TODAY = date(2026, 11, 24)


def sheet(
    columns: str,
    *lines: str | Sequence[str],
    header: int = 1,
    doubts: Mapping[tuple[int, int], str] | None = None,
    notices: tuple[str, ...] = (),
) -> Sheet:
    """A sheet whose header and lines are written with `|` between cells.

    Args:
        doubts: By line and index of the cell.
    """
    titles = tuple(title.strip() for title in columns.split("|"))
    rows = []
    for line, written in enumerate(lines, header + 1):
        parts = written.split("|") if isinstance(written, str) else written
        cells = tuple(part.strip() for part in parts) + ("",) * (len(titles) - len(parts))
        rows.append(Row(line, cells, {at: why for (of, at), why in (doubts or {}).items() if of == line}))
    return Sheet("list.csv", "", (), "CSV, UTF-8, separated by |", header, titles, tuple(rows), notices)
