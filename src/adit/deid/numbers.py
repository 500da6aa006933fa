"""Ids and other numbers of people, found again in a text."""

from __future__ import annotations

import re

from adit.deid.carried import Kind
from adit.deid.folding import ALPHANUMERIC, Folded, chained, fold
from adit.deid.names import NOBODY

LEAST_INSIDE = 5
"""Characters of an id that is looked for within longer words; shorter ones count as whole words only."""

_LEAST_CHAINED = 6
"""Digits of a number that is looked for across separators."""

_LEAST_LINE = 8
"""Letters and digits of a line of an address that is looked for."""


class Numbers:
    """Numeric ids count as whole runs of digits, whatever zeros lead and whatever separates groups of digits;
    others within longer words too, whatever separates their parts; short ones as whole words.
    """

    __slots__ = ("_codes", "_runs", "_short")

    def __init__(self) -> None:
        self._runs: dict[str, Kind] = {}
        self._codes: dict[str, Kind] = {}
        self._short: dict[str, tuple[re.Pattern[str], Kind]] = {}

    def learn(self, kind: Kind, written: str) -> None:
        """Look for an id from now on."""
        folded = fold(written)
        parts = ALPHANUMERIC.findall(folded)
        squeezed = "".join(parts)
        if not squeezed or all(part in NOBODY for part in parts):
            return
        if len(squeezed) < LEAST_INSIDE:
            # `1` is no word of `1.5`.
            whole = re.compile(rf"(?<![^\W_])(?<!\d[.,]){re.escape(folded)}(?![^\W_])(?![.,]\d)")
            self._short.setdefault(folded, (whole, kind))
        elif squeezed.isdigit():
            self._runs.setdefault(squeezed, kind)
            if len(bare := squeezed.lstrip("0")) >= LEAST_INSIDE:
                self._runs.setdefault(bare, kind)
        else:
            self._codes.setdefault(squeezed, kind)

    def learn_phone(self, kind: Kind, written: str) -> None:
        for number in chained(fold(written), least=_LEAST_CHAINED + 1):
            self._runs.setdefault(number, kind)

    def learn_address(self, kind: Kind, written: str) -> None:
        """Look for each line of an address, and for its post code."""
        for line in re.split(r"[\^\r\n,;]+", fold(written)):
            squeezed = "".join(ALPHANUMERIC.findall(line))
            if len(squeezed) >= _LEAST_LINE and not squeezed.isdigit():
                self._codes.setdefault(squeezed, kind)
            for run in re.findall(r"\d{5,}", line):
                self._runs.setdefault(run, kind)

    def found_in(self, text: Folded, *, least: int) -> Kind | None:
        """What kind of number stands in *text*, of those with *least* characters or more."""
        if self._runs and text.runs:
            for run in text.runs if least <= LEAST_INSIDE else (one for one in text.runs if len(one) >= least):
                if kind := self._runs.get(run) or self._runs.get(run.lstrip("0")):
                    return kind
            for number in chained(text.folded, least=_LEAST_CHAINED):
                if kind := self._runs.get(number):
                    return kind
        for code, kind in self._codes.items():
            if len(code) >= least and code in text.squeezed:
                return kind
        for short, (whole, kind) in self._short.items() if least < LEAST_INSIDE else ():
            if len(short) >= least and short in text.folded and whole.search(text.folded):
                return kind
        return None
