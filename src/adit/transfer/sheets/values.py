"""A spreadsheet as it was read: texts in rows, and where a text may not be what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_ROWS = 250_000
"""Lines of a table that hold something."""

MOST_CELLS = 4_000_000
"""Lines of a table times its columns."""

TOO_LARGE = (
    f"The table has more than {MOST_ROWS:,} lines or {MOST_CELLS:,} cells: split it into several files, "
    "and leave out columns that are not needed."
)


class BadSheet(ValueError):
    """The file cannot be read; the text says in one sentence what is wrong, where, and who can mend it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line that is not empty.

    Attributes:
        line: As a person sees it in Excel or a text editor, from 1. A record of a CSV that goes over several lines
            has the one where it begins.
        cells: As many as the sheet has columns, without blanks around them; empty texts for empty cells.
        doubts: Index of a cell to a sentence why its text may not be what was typed.
    """

    line: int
    cells: tuple[str, ...]
    doubts: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with a header.

    Attributes:
        name: Of the file.
        worksheet: The one that was read; empty for a CSV.
        worksheets: All that could be read, in their order; empty for a CSV.
        how: How it was understood, e.g. "CSV, UTF-8, separated by ;".
        header: Line of the titles.
        columns: Titles as written, without blanks around them. A title may stand twice.
        rows: Those below the header that are not empty.
        notices: Sentences about what a person should know, though it can be read.
    """

    name: str
    worksheet: str
    worksheets: tuple[str, ...]
    how: str
    header: int
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notices: tuple[str, ...] = ()


@dataclass(slots=True)
class RawRow:
    """A line before the header is known.

    Attributes:
        cells: By index of their column from 0; those that are missing are empty.
        doubts: As in `Row`.
        numbers: Bit by bit, the columns where Excel holds a number without a format of its own.
        short_years: Bit by bit, the columns with a date whose year Excel shows with two digits.
    """

    line: int
    cells: dict[int, str]
    doubts: dict[int, str]
    numbers: int = 0
    short_years: int = 0


@dataclass(slots=True)
class Raw:
    """All lines of a table that hold something, before its header is known.

    Attributes:
        how, notices: As in `Sheet`.
        lettered: A person names the columns A, B, C; otherwise they are numbered.
    """

    rows: list[RawRow]
    how: str
    notices: list[str]
    worksheet: str = ""
    worksheets: tuple[str, ...] = ()
    lettered: bool = False
