"""Excel workbooks (.xlsx, .xlsm): which worksheet is read, and what a person should know about it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from adit.transfer.sheets.number_formats import GENERAL, NumberFormat, built_in, understood
from adit.transfer.sheets.office_files import OfficeFile
from adit.transfer.sheets.shared_texts import read_texts
from adit.transfer.sheets.values import BadSheet, Raw
from adit.transfer.sheets.worksheets import Book, Worksheet, column_letters, read_worksheet

_MOST_MERGED = 500_000
"""Cells that areas may cover, counted where there are rows."""

_MERGED = "it is merged with {}, and only that cell holds the value: unmerge them and write the value into each"


@dataclass(frozen=True, slots=True)
class Tab:
    """A worksheet that can be chosen."""

    name: str
    part: str
    hidden: bool


def read_workbook(content: bytes, *, worksheet: str) -> Raw:
    """The rows of a worksheet.

    Args:
        worksheet: Its name; empty for the first that holds something, hidden ones last.

    Raises:
        BadSheet: It cannot be read, or there is no such worksheet.
    """
    office = OfficeFile(content)
    tabs, from_1904 = tabs_of(office)
    book = _book(office, from_1904=from_1904)
    tab, sheet = _chosen(office, book, tabs, worksheet)
    _doubt_merged(sheet)
    return Raw(
        sheet.rows,
        f"Excel, worksheet '{tab.name}'",
        [*_about_tabs(tabs, tab, asked=bool(worksheet)), *_about(sheet)],
        tab.name,
        tuple(one.name for one in tabs),
        lettered=True,
    )


def tabs_of(office: OfficeFile) -> tuple[tuple[Tab, ...], bool]:
    """The worksheets in their order, and whether days count from 1904.

    Raises:
        BadSheet: There is none, or the file is damaged.
    """
    tree = office.tree(office.workbook)
    relations = office.relations(office.workbook)
    tabs = []
    for one in tree.iterfind("sheets/sheet"):
        key = next((value for name, value in one.items() if name.rpartition("}")[2] == "id"), "")
        kind, part = relations.get(key, ("", ""))
        if kind == "worksheet" and part in office:
            tabs.append(Tab(one.get("name", ""), part, one.get("state", "visible") != "visible"))
    if not tabs:
        raise BadSheet("The workbook has no worksheet with cells: copy the table into one, and upload that.")
    properties = tree.find("workbookPr")
    return tuple(tabs), properties is not None and properties.get("date1904") in {"1", "true"}


def _chosen(office: OfficeFile, book: Book, tabs: Sequence[Tab], worksheet: str) -> tuple[Tab, Worksheet]:
    if worksheet:
        tab = next((one for one in tabs if one.name == worksheet), None)
        if tab is None:
            there = ", ".join(f"'{one.name}'" for one in tabs)
            raise BadSheet(f"The workbook has no worksheet '{worksheet}': choose one of {there}.")
        return tab, _read(office, book, tab)
    for tab in sorted(tabs, key=lambda one: one.hidden):
        sheet = _read(office, book, tab)
        if any(text.strip() for row in sheet.rows for text in row.cells.values()):
            return tab, sheet
    raise BadSheet("All worksheets of the workbook are empty: a header with the names of the columns is needed.")


def _read(office: OfficeFile, book: Book, tab: Tab) -> Worksheet:
    with office.opened(tab.part) as part:
        return read_worksheet(part, book)


def _book(office: OfficeFile, *, from_1904: bool) -> Book:
    parts = dict(office.relations(office.workbook).values())
    texts, styles = parts.get("sharedStrings", ""), parts.get("styles", "")
    formats = _formats(office.tree(styles)) if styles in office else ()
    if texts not in office:
        return Book((), formats, from_1904)
    with office.opened(texts) as part:
        return Book(read_texts(part), formats, from_1904)


def _formats(tree: ElementTree.Element) -> Sequence[NumberFormat]:
    own = {one.get("numFmtId"): one.get("formatCode", "") for one in tree.iterfind("numFmts/numFmt")}
    formats = []
    for style in tree.iterfind("cellXfs/xf"):
        number = style.get("numFmtId", "0")
        if number in own:
            formats.append(understood(own[number]))
        else:
            formats.append(built_in(int(number)) if number.isdigit() else GENERAL)
    return formats


def _doubt_merged(sheet: Worksheet) -> None:
    """Mark the cells that an area covers, in rows that hold something: only the upper left one counts."""
    lines = [row.line for row in sheet.rows]
    last = max((at for row in sheet.rows for at in row.cells), default=0)
    marked = 0
    for left, top, right, bottom in sheet.merged:
        doubt = _MERGED.format(f"{column_letters(left)}{top}")
        covered = range(left, min(right, last) + 1)
        for at in range(bisect_left(lines, top), bisect_right(lines, bottom) if covered else 0):
            row = sheet.rows[at]
            row.doubts.update(
                {one: doubt for one in covered if (one, row.line) != (left, top) and one not in row.cells}
            )
            marked += len(covered)
            if marked > _MOST_MERGED:
                raise BadSheet("The worksheet has too many merged cells: unmerge them and write the value into each.")


def _about_tabs(tabs: Sequence[Tab], read: Tab, *, asked: bool) -> list[str]:
    notices = []
    if len(tabs) > 1 and not asked:
        others = ", ".join(f"'{tab.name}'" + (" (hidden)" if tab.hidden else "") for tab in tabs if tab is not read)
        notices.append(f"The workbook has {len(tabs)} worksheets; '{read.name}' was read, not {others}.")
    if read.hidden:
        notices.append(f"The worksheet '{read.name}' is hidden in Excel; it was read all the same.")
    return notices


def _about(sheet: Worksheet) -> list[str]:
    notices = []
    if sheet.formulas:
        at, line = sheet.first_formula
        notices.append(
            f"{_count(sheet.formulas, 'cell is a formula', 'cells are formulas')} "
            f"(first: {column_letters(at)}{line}); the values that were saved with the file are used."
        )
    if sheet.hidden_rows:
        notices.append(
            f"{_count(len(sheet.hidden_rows), 'line is hidden', 'lines are hidden')} in Excel, as by a filter "
            f"(first: {min(sheet.hidden_rows)}), and read all the same: delete what shall not be read."
        )
    used = sorted({at for row in sheet.rows for at in row.cells}) if sheet.hidden_columns else []
    hidden = [at for at in used if any(first <= at <= last for first, last in sheet.hidden_columns)]
    if hidden:
        notices.append(f"Hidden in Excel, but read: column {', '.join(map(column_letters, hidden[:20]))}.")
    return notices


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"
