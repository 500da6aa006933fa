"""Descriptions cleaned by word: what belongs to imaging stays, all else goes (PS3.15 E.3.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from adit.deid.folding import fold
from adit.deid.known import Known
from adit.deid.tokens import dates_and_numbers, is_technical, versions


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A description as it may leave, and the words that were cut, in order. Those may be anybody's name."""

    text: str
    cut: tuple[str, ...] = ()


Span = tuple[int, int]

_ATOM = re.compile(r"[^\W_]+")

_WORDS = re.compile(r"[^\W_](?:.*[^\W_])?", re.DOTALL)
"""From the first word to the last."""

_BRACKETS = re.compile(r"[()\[\]{}<>]")
_SPACED_BRACKETS = re.compile(rf"\s*{_BRACKETS.pattern}\s*")

_LOOSE = " \t_-.,;:/+=*#&|'\"^"
"""What is left over at the ends where words were cut."""

_REMEMBERED = 1 << 14


class Words:
    """Cleans descriptions by the vocabulary and by the words that the site approved. Safe to share between threads.

    Args:
        approved: Words, in any case; also joined ones, `KOPF_MUELLER-1`.
    """

    def __init__(self, approved: Iterable[str] = ()) -> None:
        self._approved = frozenset(fold(word) for word in approved)
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._clean_value)

    def clean(self, text: str, known: Known | None) -> Cleaned:
        """*text* without what is no word of imaging, number of up to four digits, technical token or approved word.

        Several values, joined by backslash, stay as many. What *known* tells of goes whatever it is.
        """
        cleaned = [self._clean_one(value, known) for value in text.split("\\")]
        return Cleaned("\\".join(one.text for one in cleaned), tuple(word for one in cleaned for word in one.cut))

    def _clean_one(self, text: str, known: Known | None) -> Cleaned:
        if known is None or known.hit(text) is None:
            return self._remembered(text)
        cleaned = self._without(text, lambda atom: self._stays(atom) and known.hit(atom) is None)
        if known.hit(cleaned.text):
            # Names side by side, or a number in pieces.
            return Cleaned("", tuple(_ATOM.findall(text)))
        return cleaned

    def _clean_value(self, text: str) -> Cleaned:
        return self._without(text, self._stays)

    def _stays(self, atom: str) -> bool:
        return fold(atom) in self._approved or is_technical(atom)

    def _without(self, text: str, stays: Callable[[str], bool]) -> Cleaned:
        kept = [*versions(text), *self._approved_in(text)]
        gone = [span for span in dates_and_numbers(text) if not _within(span, kept)]
        cut: list[Span] = []
        for atom in _ATOM.finditer(text):
            dates = [span for span in gone if span[0] < atom.end() and atom.start() < span[1]]
            if not _within(atom.span(), kept) and (dates or not stays(atom[0])):
                for span in (atom.span(), *dates):
                    _add(cut, span)
        return Cleaned(_tidied(_between(text, cut)) if cut else text, tuple(text[start:end] for start, end in cut))

    def _approved_in(self, text: str) -> list[tuple[int, int]]:
        if fold(text.strip()) in self._approved:
            return [(0, len(text))]
        return [found.span() for found in re.finditer(r"\S+", text) if fold(found[0]) in self._approved]


def _within(span: Span, others: Iterable[Span]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in others)


def _add(spans: list[Span], span: Span) -> None:
    """Add *span*, which begins behind all but the last of *spans* or meets that."""
    if spans and span[0] < spans[-1][1]:
        start, end = spans.pop()
        span = min(start, span[0]), max(end, span[1])
    spans.append(span)


def _between(text: str, cut: list[Span]) -> str:
    """*text* without the spans *cut*, one separator in place of each and of those around it."""
    built = separators = ""
    starts, ends = [0, *(end for _, end in cut)], [*(start for start, _ in cut), len(text)]
    for start, end in zip(starts, ends, strict=True):
        words = _WORDS.search(text, start, end)
        if words is None:
            separators += text[start:end]
            continue
        separators += text[start : words.start()]
        if built:
            built += " " if " " in separators else (_BRACKETS.sub("", separators)[:1] or " ")
        built += words[0]
        separators = text[words.end() : end]
    return built + (separators if built and text[cut[-1][1] :] != separators else "")


def _tidied(text: str) -> str:
    if text.count("(") != text.count(")") or text.count("[") != text.count("]"):
        # Not without a trace: two words would become one, and perhaps a name.
        text = _SPACED_BRACKETS.sub(" ", text)
    return text.strip(_LOOSE)
