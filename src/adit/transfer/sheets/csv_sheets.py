"""CSV: its encoding and delimiter are found out; its records keep the lines where they begin."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from adit.transfer.sheets.cell_values import of_text
from adit.transfer.sheets.values import MOST_ROWS, TOO_LARGE, BadSheet, Raw, RawRow

_DELIMITERS = ";,\t"
_NAMES = {";": "separated by ;", ",": "separated by ,", "\t": "separated by tabs", "": "one column"}

_SAMPLE = 100
"""Records that are looked at to find the delimiter."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with a mark"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)

_HINT = re.compile(r"sep=(\t|[^\w\s\"])(?:\r\n|\r|\n|\Z)", re.IGNORECASE)
"""The first line by which Excel is told the delimiter."""

_FORCED_TEXT = re.compile(r'="([^"]*)"')
"""How some programs keep Excel from making a number of a text."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV is written.

    Attributes:
        mark: The bytes that it begins with, before its text.
        hint: The line "sep=;" that it begins with, after the mark.
        delimiter: Empty where there is only one column.
        end: What ends its lines.
    """

    encoding: str
    spoken: str
    mark: bytes
    hint: str
    delimiter: str
    end: str

    @property
    def how(self) -> str:
        return f"CSV, {self.spoken}, {_NAMES.get(self.delimiter, f'separated by {self.delimiter}')}"


def read_csv(content: bytes) -> Raw:
    """All records of *content* that hold something.

    Raises:
        BadSheet: It is no text, or its quotes do not match.
    """
    dialect, text = understood(content)
    rows = []
    for record in records(text, dialect):
        row = RawRow(record.line, {}, {})
        for at, cell in enumerate(record.cells):
            if cell:
                row.cells[at], doubt, *_ = of_text(_as_text(cell))
                if doubt:
                    row.doubts[at] = doubt
        if row.cells:
            rows.append(row)
            if len(rows) > MOST_ROWS:
                raise BadSheet(TOO_LARGE)
    if rows and not dialect.delimiter and any(delimiter in rows[0].cells.get(0, "") for delimiter in _DELIMITERS):
        raise BadSheet(
            f"Line {rows[0].line} is one cell, because it stands in quotes as a whole: "
            "export the table again, or take the quotes around the lines away."
        )
    return Raw(rows, dialect.how, [])


def understood(content: bytes) -> tuple[Dialect, str]:
    """How *content* is written, and its text without mark and hint.

    Raises:
        BadSheet: It is no text.
    """
    mark, encoding, spoken = _encoding(content)
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise BadSheet(
            f"The file is no text from byte {len(mark) + error.start + 1} on: "
            "save it as CSV in UTF-8 or as an Excel workbook (.xlsx), and upload that."
        ) from None
    if (zero := text.find("\0")) >= 0:
        line = text.count("\n", 0, zero) + 1
        raise BadSheet(f"Line {line} holds a zero byte, so the file is damaged or no table: save it anew as CSV.")
    end = Counter(re.findall(r"\r\n|\n|\r", text[:100_000])).most_common(1)
    hint = _HINT.match(text)
    delimiter = hint[1] if hint else _delimiter(text)
    dialect = Dialect(encoding, spoken, mark, hint[0] if hint else "", delimiter, end[0][0] if end else "\r\n")
    return dialect, text[len(dialect.hint) :]


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Attributes:
        line: Where it begins, the hint's line counted.
        written: As in the file, with what ends it.
    """

    line: int
    cells: list[str]
    written: str


def records(text: str, dialect: Dialect) -> Iterator[Record]:
    """The records of *text*, also the empty ones.

    Raises:
        BadSheet: A quote is opened and never closed.
    """
    before = 1 if dialect.hint else 0
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            taken.append(line)
            yield line

    table = csv.reader(lines(), delimiter=dialect.delimiter or _DELIMITERS[0], strict=True)
    line = before + 1
    try:
        for cells in table:
            yield Record(line, cells, "".join(taken))
            taken.clear()
            line = before + table.line_num + 1
    except csv.Error as error:
        raise BadSheet(_explained(error, line)) from None


def _explained(error: csv.Error, line: int) -> str:
    if "unexpected end of data" in str(error):
        return f'A quote (") is opened in the record that begins in line {line} and never closed: close or remove it.'
    if "field larger" in str(error):
        return f'A cell in line {line} is too long; most likely a quote (") before it is never closed.'
    return f'A quote (") in line {line} closes before its cell ends: double it ("") or remove it.'


def _encoding(content: bytes) -> tuple[bytes, str, str]:
    for mark, encoding, spoken in _MARKS:
        if content.startswith(mark):
            return mark, encoding, spoken
    # Letters of the first 256 characters have a zero byte each in UTF-16.
    sample = content[:2048]
    if len(sample) >= 4 and sample.count(0) > len(sample) // 3:
        return b"", "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be", "UTF-16"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return b"", "cp1252", "Windows-1252"
    return b"", "utf-8", "UTF-8"


def _delimiter(text: str) -> str:
    """The one that most records agree on; the one that makes more columns where two do equally well."""
    best, best_score = "", (0.0, 1)
    for delimiter in _DELIMITERS:
        sample = io.StringIO(text, newline="")
        # Not strict: a wrong delimiter finds quotes in wrong places.
        widths = Counter(
            len(record)
            for record in itertools.islice(csv.reader(sample, delimiter=delimiter), _SAMPLE)
            if any(map(str.strip, record))
        )
        agreeing = {width: count for width, count in widths.items() if width > 1}
        if not agreeing:
            continue
        width, count = max(agreeing.items(), key=lambda one: (one[1], one[0]))
        score = (count / widths.total(), width)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _as_text(cell: str) -> str:
    forced = _FORCED_TEXT.fullmatch(cell.strip())
    return forced[1] if forced else cell
