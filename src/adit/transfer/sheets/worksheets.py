"""The cells of one worksheet (ECMA-376 18.3.1), read in pieces: its size is not that of its rows in memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO

from adit.transfer.sheets.cell_values import ERROR, NOT_COMPUTED, TRUTH, UNREADABLE, Reading, of_iso, of_number, of_text
from adit.transfer.sheets.number_formats import GENERAL, NumberFormat
from adit.transfer.sheets.shared_texts import MOST_ELEMENTS, parse, unescaped
from adit.transfer.sheets.values import MOST_CELLS, MOST_ROWS, TOO_LARGE, BadSheet, RawRow

_LAST_COLUMN = 16_384
_LAST_ROW = 1_048_576
"""Excel's limits."""

_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")


@dataclass(frozen=True, slots=True)
class Book:
    """What all worksheets of a workbook share.

    Attributes:
        texts: The shared strings, read.
        formats: By the number of a cell's style.
    """

    texts: Sequence[Reading]
    formats: Sequence[NumberFormat]
    from_1904: bool


@dataclass(slots=True)
class Worksheet:
    """What a worksheet holds.

    Attributes:
        rows: Those with something in them, from the top.
        merged: Areas: left, top, right, bottom; columns from 0, lines from 1.
        formulas: How many cells' saved values were taken; the first has its column and line in *first_formula*.
        hidden_columns: First and last of each run.
    """

    rows: list[RawRow] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    formulas: int = 0
    first_formula: tuple[int, int] = (0, 0)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)


def read_worksheet(part: IO[bytes], book: Book) -> Worksheet:
    """Read it from *part*, its XML.

    Raises:
        BadSheet: It has too many cells.
        ExpatError, ValueError: It is damaged.
    """
    return _Reader(book).read(part)


def column_letters(at: int) -> str:
    """What Excel calls the column *at*, counted from 0."""
    letters = ""
    while at >= 0:
        at, letter = divmod(at, 26)
        letters = chr(65 + letter) + letters
        at -= 1
    return letters


def place(reference: str) -> tuple[int, int]:
    """Column, from 0, and line, from 1, of a reference as B7.

    Raises:
        ValueError: It is none.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError(reference)
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    line = int(found[2])
    if not (1 <= column <= _LAST_COLUMN and 1 <= line <= _LAST_ROW):
        raise ValueError(reference)
    return column - 1, line


class _Reader:
    """Handlers of expat."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._sheet = Worksheet()
        self._line = self._column = self._cells = self._elements = 0
        self._row = RawRow(0, {}, {})
        self._columns: dict[str, int] = {}
        self._numbers: dict[tuple[str, str], Reading] = {}
        self._kind, self._style = "n", "0"
        self._formula = self._hidden = self._in_text = self._phonetic = False
        self._value: list[str] = []
        self._valued = False

    def read(self, part: IO[bytes]) -> Worksheet:
        parse(part, self._start, self._end, self._text)
        self._sheet.rows.sort(key=lambda row: row.line)
        return self._sheet

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise BadSheet(TOO_LARGE)
        if ":" in name:
            name = name.rpartition(":")[2]
        if name == "c":
            self._start_cell(attributes)
        elif name in {"v", "t"}:
            self._in_text = not self._phonetic
            self._valued = True
        elif name == "f":
            self._formula = True
        elif name == "row":
            self._line = int(attributes.get("r", self._line + 1))
            if not 1 <= self._line <= _LAST_ROW:
                raise ValueError("more lines than there can be")
            self._column = -1
            self._hidden = attributes.get("hidden") in {"1", "true"}
            self._row = RawRow(self._line, {}, {})
        elif name == "rPh":
            self._phonetic = True
        elif name == "mergeCell":
            first, _, last = attributes["ref"].partition(":")
            (left, top), (right, bottom) = place(first), place(last or first)
            self._sheet.merged.append((left, top, right, bottom))
        elif name == "col" and attributes.get("hidden") in {"1", "true"}:
            self._sheet.hidden_columns.append((int(attributes["min"]) - 1, int(attributes["max"]) - 1))
            if len(self._sheet.hidden_columns) > _LAST_COLUMN:
                raise ValueError("more columns than there can be")

    def _start_cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r")
        if reference is None:
            self._column += 1
            if self._column >= _LAST_COLUMN:
                raise ValueError("more columns than there can be")
        else:
            letters = reference.rstrip("0123456789")
            column = self._columns.get(letters)
            if column is None:
                column = self._columns[letters] = place(reference)[0]
            self._column = column
        self._kind = attributes.get("t", "n")
        self._style = attributes.get("s", "0")
        self._formula = self._valued = False
        self._value.clear()

    def _text(self, text: str) -> None:
        if self._in_text:
            self._value.append(text)

    def _end(self, name: str) -> None:
        if ":" in name:
            name = name.rpartition(":")[2]
        if name in {"v", "t"}:
            self._in_text = False
        elif name == "c":
            self._end_cell()
        elif name == "rPh":
            self._phonetic = False
        elif name == "row" and (self._row.cells or self._row.doubts):
            self._sheet.rows.append(self._row)
            self._cells += len(self._row.cells)
            if self._hidden:
                self._sheet.hidden_rows.append(self._line)
            if len(self._sheet.rows) > MOST_ROWS or self._cells > MOST_CELLS:
                raise BadSheet(TOO_LARGE)

    def _end_cell(self) -> None:
        value = "".join(self._value)
        if self._formula and not value and not (self._valued and self._kind == "str"):
            self._row.doubts[self._column] = NOT_COMPUTED
            return
        if not value:
            return
        reading = self._read_cell(value)
        if self._formula:
            self._sheet.formulas += 1
            if self._sheet.formulas == 1:
                self._sheet.first_formula = (self._column, self._line)
        self._row.cells[self._column] = reading.text
        if reading.doubt:
            self._row.doubts[self._column] = reading.doubt
        if reading.number:
            self._row.numbers |= 1 << self._column
        if reading.short_year:
            self._row.short_years |= 1 << self._column

    def _read_cell(self, value: str) -> Reading:
        match self._kind:
            case "s":
                at = int(value)
                if at < 0:
                    raise ValueError("no text has such a number")
                return self._book.texts[at]
            case "n":
                found = self._numbers.get((self._style, value))
                if found is None:
                    form = self._format()
                    found = of_number(value, form, from_1904=self._book.from_1904)
                    if len(self._numbers) < 100_000:
                        self._numbers[self._style, value] = found
                return found
            case "inlineStr" | "str":
                return of_text(unescaped(value))
            case "b":
                return Reading("TRUE" if value.strip() in {"1", "true"} else "FALSE", TRUTH)
            case "e":
                return Reading(value, ERROR)
            case "d":
                return of_iso(value)
            case _:
                return Reading(value, UNREADABLE)

    def _format(self) -> NumberFormat:
        style = int(self._style)
        return self._book.formats[style] if 0 <= style < len(self._book.formats) else GENERAL
