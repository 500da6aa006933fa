"""Workbooks written with openpyxl. What Excel itself would write differs in no cell that is used here."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime, time

from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.formula import ArrayFormula
from openpyxl.worksheet.worksheet import Worksheet


def _made(fill: Callable[[Workbook, Worksheet], None]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = "Patients"
    fill(book, sheet)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _put(sheet: Worksheet, place: str, value: object, number_format: str = "General") -> None:
    sheet[place] = value
    sheet[place].number_format = number_format


def _numbers(_: Workbook, sheet: Worksheet) -> None:
    sheet.append(["PatientID", "Format"])
    for line, (value, form) in enumerate(
        [
            (4711, "General"),
            (4711, "@"),
            (1234, "000000"),
            (-5, "0"),
            (1234567, "#,##0"),
            (1234567, "#,##0_);[Red](#,##0)"),
            (1.1, "General"),
            (1.1, "0.00"),
            (1.1, "0.0#"),
            (1.14, "0.0"),
            (0.1 + 0.2, "0.0"),
            (100000, "0.00E+00"),
            (0.05, "0%"),
            (12345678, "000-00-0000"),
            (7, '"P-"000'),
            (7, "General;General"),
            (999999999999999, "General"),
            (1234567890123450, "General"),
            (9007199254740991, "0"),
            (12345678901234567890, "General"),
            (12345678901234567890, "0"),
            (0.5, "# ?/?"),
        ],
        2,
    ):
        _put(sheet, f"A{line}", value, form)
        sheet[f"B{line}"] = form


def _dates(_: Workbook, sheet: Worksheet) -> None:
    sheet.append(["StudyDate", "Format"])
    for line, (value, form) in enumerate(
        [
            (date(1954, 3, 12), "yyyy-mm-dd"),
            (date(1954, 3, 12), "mm-dd-yy"),
            (date(1954, 3, 12), "dd.mm.yyyy"),
            (date(1954, 3, 12), "[$-407]d. mmmm yyyy;@"),
            (date(2025, 3, 12), "dd.mm.yy"),
            (date(2024, 10, 1), "d-mmm"),
            (date(2024, 10, 1), "mmm-yy"),
            (date(2024, 10, 1), "mmmm"),
            (datetime.fromisoformat("2024-10-01T00:00"), "yyyy-mm-dd h:mm"),
            (datetime.fromisoformat("2024-10-01T14:30"), "yyyy-mm-dd h:mm"),
            (datetime.fromisoformat("2024-10-01T14:30"), "dd.mm.yyyy"),
            (time(14, 30), "h:mm"),
            (1.5, "[h]:mm:ss"),
            (1, "yyyy-mm-dd"),
            (59, "yyyy-mm-dd"),
            (60, "yyyy-mm-dd"),
            (61, "yyyy-mm-dd"),
            (-3, "yyyy-mm-dd"),
            (3000000, "yyyy-mm-dd"),
            (2958465, "yyyy-mm-dd"),
        ],
        2,
    ):
        _put(sheet, f"A{line}", value, form)
        sheet[f"B{line}"] = form


def _from_1904(book: Workbook, sheet: Worksheet) -> None:
    book.epoch = CALENDAR_MAC_1904
    sheet.append(["PatientID", "StudyDate"])
    sheet.append(["007", None])
    _put(sheet, "B2", 0, "yyyy-mm-dd")
    sheet.append(["008", None])
    _put(sheet, "B3", 43889, "yyyy-mm-dd")


def _others(_: Workbook, sheet: Worksheet) -> None:
    sheet.append(["PatientID", "Value"])
    for value in (
        True,
        False,
        "#N/A",
        "#DIV/0!",
        "=1+1",
        ArrayFormula("B6", "=A1:A2"),
        "'=1+1",
        "a\nb",
        " \u00a0",
        "1.10",
    ):
        sheet.append(["007", value])
    sheet["B2"].number_format = "@"


def _several(book: Workbook, sheet: Worksheet) -> None:
    book.create_sheet("Old", 0).sheet_state = "hidden"
    book["Old"].append(["PatientID"])
    book.create_sheet("Cover", 1).append([" "])
    book.create_chartsheet("Chart")
    sheet.append(["PatientID"])
    sheet.append(["007"])
    book.create_sheet("Secret").sheet_state = "veryHidden"


def _all_hidden(book: Workbook, sheet: Worksheet) -> None:
    book.create_sheet("Empty")
    sheet.append(["PatientID"])
    sheet.append(["007"])
    sheet.sheet_state = "hidden"


def _all_empty(book: Workbook, sheet: Worksheet) -> None:
    book.create_sheet("Other")
    sheet["A1"].number_format = "0.00"


def _merged(_: Workbook, sheet: Worksheet) -> None:
    for row in (
        ("Patient", None, "Study"),
        ("PatientID", "PatientName", "Modality"),
        ("007", "x", "CT"),
        (None, "x", "MR"),
        (None, None, None),
        ("Outpatients", None, None),
        ("008", "y", "US"),
    ):
        sheet.append(row)
    for area in ("A1:B1", "A3:A4", "A6:C6"):
        sheet.merge_cells(area)


def _hidden(_: Workbook, sheet: Worksheet) -> None:
    sheet.append(["PatientID", "PatientName", "Modality"])
    for line in range(2, 6):
        sheet.append([f"00{line}", "x", "CT"])
    sheet.row_dimensions[3].hidden = True
    sheet.row_dimensions[4].hidden = True
    sheet.row_dimensions[9].hidden = True
    sheet.column_dimensions["B"].hidden = True
    sheet.column_dimensions["G"].hidden = True


def _low(_: Workbook, sheet: Worksheet) -> None:
    sheet["C4"] = "List 7, printed on Monday"
    for line, row in enumerate(
        (("PatientID", "Modality"), ("007", "CT"), (None, None), ("008", "MR"), (None, "US")), 7
    ):
        sheet.cell(line, 3, row[0])
        sheet.cell(line, 4, row[1])
    sheet["F9"] = "a note"
    sheet["A1048576"].number_format = "0.00"


def _lost_zeros(_: Workbook, sheet: Worksheet) -> None:
    sheet.append(["PatientID", "SeriesNumber"])
    for row in (("00001234", 1), (4711, 2), ("X1", 3), (12345678, "4")):
        sheet.append(row)


def _twice(_: Workbook, sheet: Worksheet) -> None:
    sheet.append(["PatientID", "Patient ID", None, "Modality"])
    sheet.append(["007", "008", "here", "CT"])


FILES = {
    "numbers.xlsx": _made(_numbers),
    "dates.xlsx": _made(_dates),
    "dates-from-1904.xlsx": _made(_from_1904),
    "other-cells.xlsx": _made(_others),
    "several-worksheets.xlsx": _made(_several),
    "all-worksheets-hidden.xlsx": _made(_all_hidden),
    "all-worksheets-empty.xlsx": _made(_all_empty),
    "merged.xlsx": _made(_merged),
    "hidden.xlsx": _made(_hidden),
    "low-and-to-the-right.xlsx": _made(_low),
    "lost-zeros.xlsx": _made(_lost_zeros),
    "title-twice.xlsx": _made(_twice),
    "by-another-name.csv": _made(_lost_zeros),
}
