"""Spreadsheets that people bring, as text: the one door for files with rows."""

from __future__ import annotations

from collections.abc import Sequence

from adit.transfer.sheets.cells import as_it_was
from adit.transfer.sheets.csv_sheets import read_csv
from adit.transfer.sheets.found_columns import about_columns, doubt_lost_zeros, doubt_wide_rows
from adit.transfer.sheets.office_files import is_workbook
from adit.transfer.sheets.values import MOST_CELLS, TOO_LARGE, BadSheet, RawRow, Row, Sheet
from adit.transfer.sheets.workbooks import read_workbook

__all__ = ["BadSheet", "Row", "Sheet", "read_sheet"]

_BLANK = "".join(
    [
        *map(chr, range(0x21)),
        *map(chr, [0x7F, 0x85, 0xA0, 0xAD, 0x1680, *range(0x2000, 0x2010), *range(0x2028, 0x2030)]),
        *map(chr, [0x205F, *range(0x2060, 0x2065), 0x3000, 0xFEFF]),
    ]
)
"""Blanks of every width, those that do not break and have no width, and marks of direction and control."""

_HEADER_WITHIN = 30
"""Lines with something in them among which the header is looked for."""

_OF_THE_WIDEST = 0.6
"""A header has this share of the cells of the widest line, a title above it fewer."""


def read_sheet(content: bytes, name: str, *, worksheet: str = "") -> Sheet:
    """Read *content*, which decides itself what it is, whatever its name says: CSV or an Excel workbook.

    Args:
        name: Of the file, for the person who reads about it.
        worksheet: The one to read; empty for the first that holds something.

    Raises:
        BadSheet: It cannot be read, with one sentence why.
    """
    if not content.strip():
        raise BadSheet("The file is empty: a header with the names of the columns, and lines below it, are needed.")
    raw = read_workbook(content, worksheet=worksheet) if is_workbook(content) else read_csv(content)
    for row in raw.rows:
        _clean(row)
    rows = [row for row in raw.rows if row.cells or row.doubts]
    if not any(row.cells for row in rows):
        raise BadSheet(
            "Nothing is in the file: a header with the names of the columns, and lines below it, are needed."
        )
    at = _header(rows)
    header, above, below = rows[at], rows[:at], rows[at + 1 :]
    places = sorted(header.cells)
    if len(places) * len(below) > MOST_CELLS:
        raise BadSheet(TOO_LARGE)
    doubt_lost_zeros(below, places)
    if not raw.lettered:
        doubt_wide_rows(below, places)
    notices = [*raw.notices, *about_columns(header, below, lettered=raw.lettered)]
    if above:
        notices.insert(0, f"The names of the columns are in line {header.line}; what stands above them is not read.")
    return Sheet(
        name=name,
        worksheet=raw.worksheet,
        worksheets=raw.worksheets,
        how=raw.how,
        header=header.line,
        columns=tuple(header.cells[place] for place in places),
        rows=tuple(row for row in (_aligned(row, places) for row in below) if any(row.cells) or row.doubts),
        notices=tuple(notices),
    )


def _clean(row: RawRow) -> None:
    cells = {}
    for at, cell in row.cells.items():
        text = cell.strip(_BLANK)
        if text:
            cells[at] = as_it_was(text) if text[0] == "'" else text
    row.cells = cells


def _header(rows: Sequence[RawRow]) -> int:
    """Index of the first row that is as wide as a header and names something; else of the first that is as wide."""
    first = rows[:_HEADER_WITHIN]
    least = max(len(row.cells) for row in first) * _OF_THE_WIDEST
    wide = [at for at, row in enumerate(first) if len(row.cells) >= least]
    # A heading over several columns stands above their names.
    named = [at for at in wide if _names(first[at])] or wide
    return next((at for at in named if first[at].doubts.keys() <= first[at].cells.keys()), named[0])


def _names(row: RawRow) -> bool:
    """Whether most of its cells have letters: values are numbers and dates more often."""
    return 2 * sum(any(map(str.isalpha, cell)) for cell in row.cells.values()) > len(row.cells)


def _aligned(row: RawRow, places: Sequence[int]) -> Row:
    doubts = {index: row.doubts[at] for index, at in enumerate(places) if at in row.doubts} if row.doubts else {}
    return Row(row.line, tuple(row.cells.get(at, "") for at in places), doubts)
