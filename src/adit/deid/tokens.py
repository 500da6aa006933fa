"""What is technical in a description, what is a date, and what is a number too long to mean anything but somebody."""

from __future__ import annotations

import re
from collections.abc import Iterator

from adit.deid.folding import humps_parted, merged, plain
from adit.deid.vocabulary import entries, is_imaging, is_term

_PIECES = re.compile(r"[^\W\d_]+|\d+")

_MOST_DIGITS = 4
"""In one number, and in all numbers of one word."""

_MOST_SINGLE = 2
"""Letters that stand alone between numbers: `4i21s`. With more of them, it is an id in hexadecimal digits."""

_MONTH = (
    r"(?:jan(?:uary?|uar)?|feb(?:ruary?|ruar)?|m(?:ar|är|ae|rz|arch|ärz|aerz)z?|apr(?:il)?|ma[iy]|june?|juni|july?|juli"
    r"|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?|jänner)"
)
_BEFORE = r"(?<!\d)(?<!\d[.,])"
_NAME_BEFORE = r"(?<![^\W\d_])"
_YEAR = r"(?:19|20)\d\d"
_TH = r"(?:st|nd|rd|th)?"
_BETWEEN = r"[\s.,\-_/]*"

_DATES = tuple(
    re.compile(f"(?=({pattern}))", re.IGNORECASE)
    for pattern in (
        # Day, month, year in any order.
        rf"{_BEFORE}\d{{1,2}}(\s?[./\-_]\s?)\d{{1,2}}\2(?:\d{{4}}|\d{{2}})(?!\d|\.\d)",
        rf"{_BEFORE}{_YEAR}(\s?[./\-_ ]\s?)\d{{1,2}}\2\d{{1,2}}(?!\d|\.\d)",
        rf"{_BEFORE}\d{{1,2}} \d{{1,2}} {_YEAR}(?!\d)",
        # Month and year.
        rf"{_BEFORE}(?:0?[1-9]|1[0-2])[./\-]{_YEAR}(?!\d)",
        rf"{_BEFORE}{_YEAR}[./\-](?:0[1-9]|1[0-2])(?!\d)",
        # With the month's name.
        rf"(?<!\d)\d{{1,2}}{_TH}{_BETWEEN}{_MONTH}(?![^\W\d_])\.?(?:{_BETWEEN}(?:\d{{4}}|\d{{2}})(?!\d))?",
        rf"{_NAME_BEFORE}{_MONTH}(?![^\W\d_])\.?{_BETWEEN}\d{{1,2}}{_TH}(?:[\s.,\-_/]+(?:\d{{4}}|\d{{2}}))?(?!\d)",
        rf"{_NAME_BEFORE}{_MONTH}(?![^\W\d_])\.?{_BETWEEN}{_YEAR}(?!\d)",
        rf"(?<!\d)\d{{4}}{_BETWEEN}{_MONTH}{_BETWEEN}\d{{1,2}}(?!\d)",
    )
)
"""Each may begin within another: `b0_12_03_1954`."""

_CHAIN = re.compile(r"(?<!\d)\d+(?:[-/]\d+)+(?![-/]?\d)")
_DOTTED = re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}(?!\d)")

_SIZES = frozenset(("128", "192", "256", "384", "448", "512", "1024"))

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_VERSION = re.compile(r"(?<![^\W_])V\d{1,2}\.\d{2}[A-Z]{2}\d{3}(?![^\W_])")
"""Versions that have more digits than words may have: `V6.02ER003`."""


def versions(text: str) -> Iterator[tuple[int, int]]:
    """Where versions of software stand in *text*."""
    return (found.span() for found in _VERSION.finditer(text))


def dates_and_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where dates stand in *text*, and numbers in pieces that are long and not round: `4711/20`, not `600-1000`."""
    for pattern in _DATES:
        for found in pattern.finditer(text):
            yield found.span(1)
    for found in _UUID.finditer(text):
        yield found.span()
    for found in _CHAIN.finditer(text):
        numbers = re.split("[-/]", found[0])
        odd = any(len(one) >= 3 and not one.endswith("0") and one not in _SIZES for one in numbers)
        if odd and sum(map(len, numbers)) >= 6:
            yield found.span()
    for found in _DOTTED.finditer(text):
        if len(found[0].replace(".", "")) >= 7:
            yield found.span()


def is_technical(atom: str) -> bool:
    """Whether a run of letters and digits belongs to imaging: a word, a short number, or words and short numbers."""
    if atom.isdigit():
        return len(atom) <= _MOST_DIGITS
    folded = plain(atom)
    if folded in entries("capitals.txt"):
        return atom.isupper()
    if folded in entries("small.txt"):
        return atom.islower()
    return is_term(folded) or all(_is_put_together(plain(part)) for part in humps_parted(atom).split())


def _is_put_together(folded: str) -> bool:
    pieces = _PIECES.findall(folded)
    if sum(len(piece) for piece in pieces if piece.isdigit()) > _MOST_DIGITS:
        return False
    if sum(len(piece) == 1 and piece.isalpha() for piece in pieces) > _MOST_SINGLE:
        return False
    before = ""
    for piece in pieces:
        if not (len(piece) <= _digits_after(before) if piece.isdigit() else is_term(piece)):
            return False
        before = piece
    return True


def _digits_after(piece: str) -> int:
    if not piece or piece in entries("numbered.txt"):
        return _MOST_DIGITS
    return 3 if len(piece) >= 4 and is_imaging(merged(piece)) else 2
