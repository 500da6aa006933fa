"""Who is known by an instance, and whether a text tells it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from pydicom import Dataset

from adit.deid.birthday import Birthday
from adit.deid.carried import Carried, Kind, carried_by
from adit.deid.folding import Folded, taken_apart
from adit.deid.keys import is_well_known
from adit.deid.names import Names
from adit.deid.numbers import Numbers
from adit.dicom.reading import AFFECTED
from adit.dicom.values import decode_text, read_date

_REMEMBERED = 1 << 14
"""Texts whose answer is remembered: a series says the same again and again."""

_LONG = 1 << 10
"""Characters or bytes beyond which a value is not remembered."""

_CODED = frozenset(("CS", "AE", "AS"))

_TEXTS = AFFECTED | _CODED | {"UR"}

_BYTES = frozenset(("UN", "OB", "OW"))

_LEAST_BY_MACHINES = 3
"""Characters that an id must have to count in what a machine writes of itself: a version `2` is nobody's id."""

_SURE = 6
"""Characters that a name or id must have to count between bytes that are no text: by chance there are many shorter."""

# ASCII, the letters of Latin-1, and what UTF-8 writes in two bytes.
_STRINGS = re.compile(rb"(?:[\t\n\r\x20-\x7e]|[\xc3-\xdf][\x80-\xbf]|[\xc0-\xff](?=[\x20-\x7e])){6,}")

_BLOCK, _OVERLAP = 1 << 22, 1 << 8
"""Bytes of a value that are looked through at a time, and those that two blocks share."""


class Known:
    """What an instance carried that says who is meant. Safe to share between threads."""

    __slots__ = ("_birthdays", "_coded", "_encoded", "_free", "_names", "_numbers")

    def __init__(self, carried: Iterable[Carried]) -> None:
        self._names = Names()
        self._numbers = Numbers()
        self._birthdays: list[Birthday] = []
        self._free: dict[str, Kind | None] = {}
        self._coded: dict[str, Kind | None] = {}
        self._encoded: dict[tuple[str, bytes, tuple[str, ...], bool], Kind | None] = {}
        importance = list(Kind)
        for kind, value in sorted(carried, key=lambda one: importance.index(one[0])):
            for one in value.split("\\"):
                self._learn(kind, one.strip("\0 "))

    @classmethod
    def of(cls, dataset: Dataset) -> Known:
        """What *dataset* carries; one and the same for all that carry the same, with all that it remembers."""
        return cls.carrying(carried_by(dataset))

    @staticmethod
    def carrying(carried: Iterable[Carried]) -> Known:
        """Of values that are gathered already, see `carried.kind_of`."""
        return _known(frozenset(one for one in carried if one[1]))

    def _learn(self, kind: Kind, value: str) -> None:
        match kind:
            case Kind.NAME | Kind.PERSON:
                self._names.learn(kind, value)
            case Kind.BIRTH:
                if day := read_date(value):
                    self._birthdays.append(Birthday(day))
                else:
                    self._numbers.learn(kind, value)
            case Kind.PHONE:
                self._numbers.learn_phone(kind, value)
            case Kind.ADDRESS:
                self._numbers.learn_address(kind, value)
            case Kind.ORDER if len(value) < 5:
                # Studies are counted from 1 on: that is everybody's number.
                pass
            case _:
                self._numbers.learn(kind, value)

    def hit(self, text: str, *, coded: bool = False) -> Kind | None:
        """What *text* tells, None where it tells nothing.

        Args:
            coded: It is one of a list of terms (CS): the word of imaging `HAND` is no Mr Hand.
        """
        remembered = self._coded if coded else self._free
        try:
            return remembered[text]
        except KeyError:
            found = self._look(text, coded=coded)
        if len(text) <= _LONG:
            if len(remembered) >= _REMEMBERED:
                remembered.clear()
            remembered[text] = found
        return found

    def hit_in(
        self, vr: str, encoded: bytes, charset: tuple[str, ...] = (), *, by_machine: bool = False
    ) -> Kind | None:
        """What an encoded value tells. Dates, times and numbers are not looked at.

        Args:
            charset: Defined terms, as `values.charset_terms` gives them.
            by_machine: Of an attribute that a machine fills out of its own lists, see `rules.beyond.MACHINES`.
        """
        if vr not in _TEXTS and vr not in _BYTES and vr != "UI":
            return None
        key = (vr, encoded, charset, by_machine)
        try:
            return self._encoded[key]
        except KeyError:
            found = self._look_in(vr, encoded, charset, by_machine=by_machine)
        if len(encoded) <= _LONG:
            if len(self._encoded) >= _REMEMBERED:
                self._encoded.clear()
            self._encoded[key] = found
        return found

    def _look_in(self, vr: str, encoded: bytes, charset: Sequence[str], *, by_machine: bool) -> Kind | None:
        if vr in _TEXTS and by_machine:
            told = decode_text(encoded, charset).strip("\0 ")
            return self._look(told, coded=vr in _CODED, least_id=_LEAST_BY_MACHINES)
        if vr in _TEXTS:
            return self.hit(decode_text(encoded, charset).strip("\0 "), coded=vr in _CODED)
        if vr == "UI":
            return self.hit_uid(decode_text(encoded))
        blocks = (encoded[start : start + _BLOCK + _OVERLAP] for start in range(0, len(encoded), _BLOCK))
        return next((found for block in blocks if (found := self._look_through(block, charset))), None)

    def hit_uid(self, written: str) -> Kind | None:
        """What UIDs tell that nobody replaced: whole components that are a long id or the birth date."""
        for one in written.split("\\"):
            uid = one.strip("\0 ")
            components = [] if is_well_known(uid) else [part for part in uid.split(".") if len(part) >= 5]
            if components and (found := self._look(" ".join(components), coded=True, least=5)):
                return found
        return None

    def _look_through(self, encoded: bytes, charset: Sequence[str]) -> Kind | None:
        if encoded.count(0) * 5 >= len(encoded) * 2:
            # UTF-16, or padded fields.
            encoded = encoded.replace(b"\0", b"")
        strings = [found[0] for found in _STRINGS.finditer(encoded)]
        is_text = sum(map(len, strings)) >= 0.9 * len(encoded.strip(b"\0 "))
        decoded = decode_text(b"\n".join(strings), charset)
        return self._look(decoded, coded=False, least=3 if is_text else _SURE) if decoded else None

    def _look(self, text: str, *, coded: bool, least: int = 1, least_id: int = 1) -> Kind | None:
        folded = taken_apart(text) if len(text) <= _LONG else Folded(text)
        found = self._names.found_in(folded, coded=coded, least=least)
        return (
            found or self._numbers.found_in(folded, least=max(least, least_id)) or self._birth_in(folded, least=least)
        )

    def _birth_in(self, text: Folded, *, least: int) -> Kind | None:
        if text.runs and any(
            day.among(text.runs, long_only=least > 1) or day.written_in(text.folded) for day in self._birthdays
        ):
            return Kind.BIRTH
        return None


@lru_cache(maxsize=64)
def _known(carried: frozenset[Carried]) -> Known:
    return Known(carried)
