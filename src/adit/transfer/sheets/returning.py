"""Tables that go back to people: their own file with more columns, and new ones."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

from adit.transfer.sheets.cells import not_a_formula
from adit.transfer.sheets.csv_sheets import Dialect, Record, records, understood
from adit.transfer.sheets.found_columns import places_of
from adit.transfer.sheets.new_workbooks import workbook_of
from adit.transfer.sheets.office_files import is_workbook
from adit.transfer.sheets.values import Sheet
from adit.transfer.sheets.workbook_edits import with_cells


def with_columns(
    content: bytes,
    name: str,  # noqa: ARG001  What it is, its content says.
    sheet: Sheet,
    titles: Sequence[str],
    values: Mapping[int, Sequence[str]],
    *,
    lines: Collection[int] | None = None,
) -> bytes:
    """The file that *sheet* was read from, with columns at its end.

    Formatting and other worksheets stay, or the encoding and separator of a CSV; only a CSV whose encoding cannot
    hold *values* becomes UTF-8. A column that has one of *titles*, from the last time, is written anew.

    Args:
        content: The file.
        name: Of the file.
        values: By line, a text for each of *titles*. Lines that are missing get empty cells.
        lines: Leave out all others below the header. Formulas become their values then, and what hangs on places of
            cells (merged areas, filters, comments) goes.

    Raises:
        BadSheet: As `read_sheet`.
    """
    written = {line: tuple(map(_safe, texts)) for line, texts in values.items()}
    kept = None if lines is None else frozenset(lines)
    if is_workbook(content):
        return with_cells(content, sheet, titles, written, lines=kept)
    return _with_cells(content, sheet, titles, written, kept)


def new_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, form: Literal["csv", "xlsx"], title: str = ""
) -> bytes:
    """A table of texts: neither formulas nor numbers, so that it is read again as it was.

    Args:
        title: Of the worksheet.
    """
    if form == "csv":
        return _new_csv(columns, rows)
    return workbook_of(columns, ([_safe(text) for text in row] for row in rows), title=title)


def _safe(text: str) -> str:
    return str(not_a_formula(text))


def _new_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\r\n")
    table.writerow(columns)
    table.writerows(map(_safe, row) for row in rows)
    # With a mark, by which Excel knows it.
    return written.getvalue().encode("utf-8-sig", "replace")


def _with_cells(
    content: bytes,
    sheet: Sheet,
    titles: Sequence[str],
    values: Mapping[int, Sequence[str]],
    lines: frozenset[int] | None,
) -> bytes:
    dialect, text = understood(content)
    table = list(records(text, dialect))
    header = next(record for record in table if record.line == sheet.header)
    width = max(len(record.cells) for record in table if record.line >= sheet.header)
    places = places_of(titles, dict(enumerate(header.cells)), width)
    pieces = [dialect.hint]
    for record in table:
        if record.line < sheet.header or (lines is None and not any(record.cells)):
            pieces.append(record.written)
        elif record.line == sheet.header:
            pieces.append(_record(record, places, titles, dialect))
        elif lines is None or record.line in lines:
            pieces.append(_record(record, places, values.get(record.line, ()), dialect))
    return _encoded("".join(pieces), dialect)


def _record(record: Record, places: Sequence[int], texts: Sequence[str], dialect: Dialect) -> str:
    """*record* with *texts* at *places*; as it was written, where they only come after it."""
    delimiter = dialect.delimiter or ";"
    new = dict(itertools.zip_longest(places, texts, fillvalue=""))
    there = len(record.cells)
    if min(places, default=there) >= there:
        end = _written([new.get(at, "") for at in range(there, max(places, default=there - 1) + 1)], delimiter)
        return record.written.rstrip("\r\n") + (f"{delimiter}{end}" if places else "") + dialect.end
    cells = [
        new.get(at, record.cells[at] if at < there else "") for at in range(max(there, *(at + 1 for at in places)))
    ]
    return _written(cells, delimiter) + dialect.end


def _written(cells: Sequence[str], delimiter: str) -> str:
    written = io.StringIO()
    # Two cells or more: the only one of a line would get quotes when it is empty.
    csv.writer(written, delimiter=delimiter, lineterminator="\r\n").writerow([*cells, ""])
    return written.getvalue().removesuffix(f"{delimiter}\r\n")


def _encoded(text: str, dialect: Dialect) -> bytes:
    try:
        return dialect.mark + text.encode(dialect.encoding)
    except UnicodeEncodeError:
        return text.encode("utf-8-sig", "replace")
