"""The texts that cells of a workbook share (ECMA-376 18.4.9), and how untrusted XML is read: in pieces, and bounded."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import IO
from xml.parsers import expat

from adit.transfer.sheets.cell_values import Reading, of_text
from adit.transfer.sheets.values import MOST_CELLS, MOST_ROWS

MOST_ELEMENTS = 3 * MOST_CELLS + 4 * MOST_ROWS
"""A cell has three: itself, its text, and what surrounds it."""

_PIECE = 1 << 16

_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def parse(
    part: IO[bytes],
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Hand the elements of an XML *part* and what stands in them to functions. Names have their prefixes.

    Raises:
        ExpatError, ValueError: It is damaged.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _no_doctype
    while piece := part.read(_PIECE):
        parser.Parse(piece, False)
    parser.Parse(b"", True)


def read_texts(part: IO[bytes]) -> list[Reading]:
    """The shared strings, without how East Asian names are spoken (ECMA-376 18.4.3).

    Raises:
        ExpatError, ValueError: It is damaged, or has more of them than a worksheet may have cells.
    """
    texts: list[Reading] = []
    pieces: list[str] = []
    inside = {"t": 0, "rPh": 0}
    elements = 0

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal elements
        elements += 1
        if elements > MOST_ELEMENTS:
            raise ValueError("too many elements")
        name = name.rpartition(":")[2]
        if name in inside:
            inside[name] += 1

    def end(name: str) -> None:
        name = name.rpartition(":")[2]
        if name in inside:
            inside[name] -= 1
        elif name == "si":
            texts.append(of_text(unescaped("".join(pieces))))
            pieces.clear()

    def text(piece: str) -> None:
        if inside["t"] and not inside["rPh"]:
            pieces.append(piece)

    parse(part, start, end, text)
    return texts


def unescaped(text: str) -> str:
    """*text* with what XML cannot hold as it was (ECMA-376 18.18.105, ST_Xstring)."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _no_doctype(*_: object) -> None:
    # ECMA-376 Part 2, 9.1.1: there is none; entities could grow without bound.
    raise ValueError("a document type")
