"""Text without what spelling, typing and printing change: case, diacritics, width, `ß` and `ae`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property, lru_cache

LETTERS = re.compile(r"[^\W\d_]+")
"""A run of letters of any script."""

ALPHANUMERIC = re.compile(r"[^\W_]+")
"""A run of letters and digits."""

UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
"""Han, kana and Hangul: written without spaces between words, a name may be two characters long."""

# Letters that no decomposition takes apart (casefold has done ß already).
_SPECIAL = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "a", "œ": "o", "þ": "th", "ħ": "h"})

_WITH_E = re.compile("([aou])e")

_HUMP = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")


def plain(text: str) -> str:
    """Lower case, without diacritics, of one width: the same for `Müller` and `MULLER`, but not for `Mueller`."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_SPECIAL)
    bare = "".join(one for one in unicodedata.normalize("NFD", folded) if unicodedata.category(one) != "Mn")
    return unicodedata.normalize("NFC", bare)


def merged(folded: str) -> str:
    """`ae`, `oe`, `ue` as the letter that they may stand for: what this makes equal may be the same word."""
    return _WITH_E.sub(r"\1", folded)


def fold(text: str) -> str:
    """`plain`, then `merged`: equal for `Müller`, `Mueller`, `MULLER`."""
    return merged(plain(text))


def humps_parted(text: str) -> str:
    """`MeierThorax` as `Meier Thorax`."""
    return _HUMP.sub(" ", text)


_DIGITS = re.compile(r"\d+")
_CHAIN = re.compile(r"\d+(?:[-./ ]\d+)+")

_MOST_LINKS = 6
"""Groups of digits that are read as one number: `49 621 12345 67`."""


def chained(text: str, *, least: int) -> Iterator[str]:
    """Numbers of *least* digits and more, their groups parted by single dashes, dots, slashes or spaces."""
    for chain in _CHAIN.findall(text):
        groups = _DIGITS.findall(chain)
        for start in range(len(groups)):
            for end in range(start + 1, min(start + _MOST_LINKS, len(groups)) + 1):
                number = "".join(groups[start:end])
                if len(number) >= least:
                    yield number


@lru_cache(maxsize=1 << 12)
def taken_apart(text: str) -> Folded:
    """*text*, remembered: the next patient's instances say much of the same."""
    return Folded(text)


class Folded:
    """A text that is searched for several things, taken apart once."""

    def __init__(self, text: str) -> None:
        self.folded = fold(text)
        self.words = LETTERS.findall(self.folded)
        """Its runs of letters, also those that begin at a capital: `MeierThorax`."""
        if _HUMP.search(text):
            parted = LETTERS.findall(fold(humps_parted(text)))
            self.words = [*self.words, *parted] if parted != self.words else parted

    @cached_property
    def letters(self) -> str:
        """Its letters alone."""
        return "".join(LETTERS.findall(self.folded))

    @cached_property
    def squeezed(self) -> str:
        """Its letters and digits alone."""
        return "".join(ALPHANUMERIC.findall(self.folded))

    @cached_property
    def runs(self) -> frozenset[str]:
        """Its runs of digits."""
        return frozenset(_DIGITS.findall(self.folded))
