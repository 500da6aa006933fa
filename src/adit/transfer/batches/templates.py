"""Batch files to begin with: examples that are right, and what each column means."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from adit.transfer.batches.columns import COLUMNS_OF, NAME_OF, QUERY, TRANSFER
from adit.transfer.batches.headings import names_of
from adit.transfer.sheets.returning import new_table

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

EXPLANATIONS = "Columns"
"""The worksheet that explains."""

_WIDTHS = {"PatientID": 16, "PatientName": 24, "StudyInstanceUID": 44, "SeriesInstanceUID": 44}
_OTHER_WIDTH = 18

EXAMPLES: dict[str, tuple[dict[str, str], ...]] = {
    QUERY: (
        {column.keyword: column.example for column in COLUMNS_OF[QUERY]},
        {"PatientName": "Schröder, Käthe", "PatientBirthDate": "21.5.1933", "Modality": "CR, CT", "Pseudonym": "P-002"},
        {"AccessionNumber": "ACC70066"},
    ),
    TRANSFER: (
        {column.keyword: column.example for column in COLUMNS_OF[TRANSFER]},
        {
            "PatientID": "DEMO-1028",
            "StudyInstanceUID": "2.25.38928842777333971593740550874524049",
            "Pseudonym": "P-002",
        },
    ),
}
"""Lines by keyword: all columns of each kind, then what is enough. The demo has what they ask for."""


def template(kind: str, form: Literal["csv", "xlsx"]) -> bytes:
    """A batch file of *kind* with examples; the workbook has a second worksheet that explains the columns."""
    keywords = [column.keyword for column in COLUMNS_OF[kind]]
    rows = [[example.get(keyword, "") for keyword in keywords] for example in EXAMPLES[kind]]
    if form == "csv":
        return new_table(keywords, rows, form="csv")
    # Not before: every command would pay for it.
    from openpyxl import Workbook  # noqa: PLC0415

    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = NAME_OF[kind].capitalize()
    _fill(sheet, keywords, rows, widths=[_WIDTHS.get(keyword, _OTHER_WIDTH) for keyword in keywords])
    _fill(workbook.create_sheet(EXPLANATIONS), _ABOUT, _explained(kind), widths=(20, 34, 60, 40, 70))
    written = io.BytesIO()
    workbook.save(written)
    return written.getvalue()


_ABOUT = ("Column", "Required", "What it is", "Example", "May also be called")


def _explained(kind: str) -> list[Sequence[str]]:
    return [
        (column.keyword, column.required, column.explanation, column.example, ", ".join(names_of(column)[1:]))
        for column in COLUMNS_OF[kind]
    ]


def _fill(sheet: Worksheet, columns: Sequence[str], rows: Iterable[Sequence[str]], *, widths: Sequence[int]) -> None:
    """Write a table whose columns are text down to their ends, so that Excel keeps what is typed into them."""
    from openpyxl.styles import Alignment, Font  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    sheet.freeze_panes = "A2"
    for at, width in enumerate(widths, 1):
        dimension = sheet.column_dimensions[get_column_letter(at)]
        dimension.width = width
        dimension.number_format = "@"
    for number, row in enumerate([columns, *rows], 1):
        for at, text in enumerate(row, 1):
            cell = sheet.cell(number, at, text)
            cell.number_format = "@"
            cell.alignment = Alignment(vertical="top", wrap_text=True)
            if number == 1:
                cell.font = Font(bold=True)
