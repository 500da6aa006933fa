"""Cells put into the XML of a worksheet, by where expat says that its elements stand. Other bytes are not touched."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.parsers import expat
from xml.sax.saxutils import escape

from adit.transfer.sheets.worksheets import column_letters, place

_WIDTH = 50
"""Of a new column, in characters."""

_STAY = {
    *("sheetPr", "sheetViews", "sheetFormatPr", "cols", "sheetData", "conditionalFormatting", "dataValidations"),
    *("printOptions", "pageMargins", "headerFooter"),
}
"""Elements of a worksheet that make sense when lines are left out (ECMA-376 18.3.1.99)."""

_UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold."""

_ESCAPED = re.compile("_x(?=[0-9A-Fa-f]{4}_)")
"""What would be read as an escape (ECMA-376 18.18.105, ST_Xstring)."""

_TAG = re.compile(rb"""<[^"'>]*(?:"[^"]*"[^"'>]*|'[^']*'[^"'>]*)*>""")
_PLACE = re.compile(rb"""\sr=(?:"[^"]*"|'[^']*')""")
_SPANS = re.compile(rb"""\sspans=(?:"[^"]*"|'[^']*')""")
_SPANS_OR_HIDDEN = re.compile(rb"""\s(?:spans|hidden)=(?:"[^"]*"|'[^']*')""")


@dataclass(frozen=True, slots=True)
class Columns:
    """What is written where.

    Attributes:
        header: Line of the titles.
        places: Columns, from 0, in the order of the texts.
        texts: By line, one for each place; lines that are missing get empty cells.
        lines: Lines below the header that stay; None for all, in their places.
    """

    header: int
    places: Sequence[int]
    texts: Mapping[int, Sequence[str]]
    lines: frozenset[int] | None


def edited(content: bytes, columns: Columns) -> bytes:
    """The XML of a worksheet with *columns*.

    Raises:
        ExpatError, ValueError: It is damaged.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        content = re.sub(r"^<\?xml.*?\?>", "", content.decode("utf-16")).encode()
    return _Editor(content, columns).edited()


def text_cell(reference: str, text: str, *, style: str, prefix: str = "") -> str:
    """The XML of a cell that holds *text*, without what XML cannot hold.

    Args:
        style: Number of its style; empty for none.
        prefix: Of the names of elements, with its colon.
    """
    text = escape(_UNFIT.sub("", _ESCAPED.sub("_x005F_x", text)))
    styled = f' s="{style}"' if style else ""
    return (
        f'<{prefix}c r="{reference}"{styled} t="inlineStr">'
        f'<{prefix}is><{prefix}t xml:space="preserve">{text}</{prefix}t></{prefix}is></{prefix}c>'
    )


class _Editor:
    """Handlers of expat that note what is cut and what is put in."""

    def __init__(self, content: bytes, columns: Columns) -> None:
        self._content = content
        self._columns = columns
        self._edits: list[tuple[int, int, bytes]] = []
        self._parser = expat.ParserCreate()
        self._prefix = ""
        self._depth = self._part = self._formula = 0
        self._line = self._new_line = 0
        self._row_stays = True
        self._row = self._cell = 0
        self._column = -1
        self._style = ""
        self._cells: list[tuple[int, int, int]] = []
        self._title_style = ""
        self._last_of_cols = -1

    def edited(self) -> bytes:
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.Parse(self._content, True)
        pieces, at = [], 0
        # What is put in stands before what is cut from the same place on; inside of what is cut nothing counts.
        for start, end, text in sorted(self._edits, key=lambda edit: (edit[0], edit[1] > edit[0], -edit[1])):
            if start >= at:
                pieces += [self._content[at:start], text]
                at = end
        return b"".join([*pieces, self._content[at:]])

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._prefix, colon, name = name.rpartition(":")
        self._prefix += colon
        at = self._parser.CurrentByteIndex
        self._depth += 1
        if self._depth == 2:
            self._part = at
        if name == "c":
            self._start_cell(at, attributes)
        elif name == "row":
            self._start_row(at, attributes)
        elif name == "f":
            self._formula = at
        elif name == "col":
            self._last_of_cols = max(self._last_of_cols, int(attributes["max"]) - 1)
        elif name == "sheetData" and self._last_of_cols < 0 and self._columns.places:
            self._put(at, f"<{self._prefix}cols>{self._width()}</{self._prefix}cols>")

    def _end(self, name: str) -> None:
        prefix, colon, name = name.rpartition(":")
        self._prefix = prefix + colon
        at = self._parser.CurrentByteIndex
        if name == "c":
            self._cells.append((self._column, self._cell, self._end_of(self._cell, at)))
        elif name == "row":
            self._end_row(at)
        elif name == "f" and self._columns.lines is not None:
            self._edits.append((self._formula, self._end_of(self._formula, at), b""))
        elif name == "cols" and self._last_of_cols < min(self._columns.places, default=-1):
            self._put(at, self._width())
        elif self._depth == 2 and (name == "dimension" or (self._columns.lines is not None and name not in _STAY)):
            self._edits.append((self._part, self._end_of(self._part, at), b""))
        self._depth -= 1

    def _start_row(self, at: int, attributes: dict[str, str]) -> None:
        self._line = int(attributes.get("r", self._line + 1))
        self._column = -1
        self._cells.clear()
        self._row = at
        lines = self._columns.lines
        self._row_stays = lines is None or self._line <= self._columns.header or self._line in lines
        if not self._row_stays:
            return
        self._new_line = self._line if lines is None or self._line <= self._columns.header else self._new_line + 1
        # How far the cells go is said by "spans", and may be left out.
        if lines is not None or "spans" in attributes:
            self._rewrite(at, _SPANS_OR_HIDDEN if lines is not None else _SPANS, f' r="{self._new_line}"')

    def _start_cell(self, at: int, attributes: dict[str, str]) -> None:
        reference = attributes.get("r")
        self._column = self._column + 1 if reference is None else place(reference)[0]
        self._cell = at
        if self._line == self._columns.header and self._column < min(self._columns.places, default=0):
            self._title_style = attributes.get("s", "")
        if self._row_stays and self._new_line != self._line:
            self._rewrite(at, None, f' r="{column_letters(self._column)}{self._new_line}"')

    def _end_row(self, at: int) -> None:
        if not self._row_stays:
            self._edits.append((self._row, self._end_of(self._row, at), b""))
            return
        if self._line < self._columns.header or self._is_empty(self._row):
            return
        texts = dict(zip(self._columns.places, self._columns.texts.get(self._line, ()), strict=False))
        for column, start, end in self._cells:
            if column in self._columns.places:
                self._edits.append((start, end, b""))
        for column in sorted(texts):
            if texts[column]:
                before = next((start for there, start, _ in self._cells if there > column), at)
                self._put(before, self._new_cell(column, texts[column]))

    def _new_cell(self, column: int, text: str) -> str:
        style = self._title_style if self._line == self._columns.header else ""
        return text_cell(f"{column_letters(column)}{self._new_line}", text, style=style, prefix=self._prefix)

    def _width(self) -> str:
        first, last = min(self._columns.places) + 1, max(self._columns.places) + 1
        return f'<{self._prefix}col min="{first}" max="{last}" width="{_WIDTH}" customWidth="1"/>'

    def _rewrite(self, at: int, without: re.Pattern[bytes] | None, reference: str) -> None:
        """Give the tag at *at* another *reference*, its attribute r."""
        end = self._tag(at)
        tag = self._content[at:end]
        if without is not None:
            tag = without.sub(b"", tag)
        self._edits.append((at, end, _PLACE.sub(reference.encode(), tag)))

    def _put(self, at: int, text: str) -> None:
        # References to characters stand in every encoding of ASCII's kind.
        self._edits.append((at, at, text.encode("ascii", "xmlcharrefreplace")))

    def _end_of(self, start: int, at: int) -> int:
        """Where the element ends that begins at *start*, and of which expat says that it ends at *at*."""
        return self._tag(start if self._is_empty(start) else at)

    def _is_empty(self, start: int) -> bool:
        """Whether the element at *start* is one tag alone. Of its end, expat names the place after it."""
        return self._content.startswith(b"/>", self._tag(start) - 2)

    def _tag(self, at: int) -> int:
        """Where the tag ends that begins at *at*."""
        found = _TAG.match(self._content, at)
        if found is None:
            raise ValueError("no tag")
        return found.end()
