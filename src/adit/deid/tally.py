"""What a treatment did beyond replacing: words cut, values emptied, elements removed because of what was in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class What(StrEnum):
    """What happened to an attribute."""

    CUT = "cut"
    """Words that are not in the vocabulary were taken out."""
    CLEANED = "cleaned"
    """Removed or emptied, because an identifier was left in it."""
    EMPTIED = "emptied"
    """Its value could not be read as what it should be."""
    RELEASED = "released"
    """An identifier was left in it, and a person had released the attribute."""


class Note(NamedTuple):
    """One thing that happened.

    Attributes:
        attribute: Its keyword, or its tag where it has none.
        word: What was cut, or the kind of identifier. A cut word may identify: it is shown only to those who may link.
    """

    what: What
    attribute: str
    word: str = ""


@dataclass
class Tally:
    """Notes with how often each was made. One instance makes each of its notes as often as it has the attribute."""

    counts: Counter[Note] = field(default_factory=Counter)

    def add(self, notes: Iterable[Note]) -> None:
        self.counts.update(notes)

    def merge(self, other: Tally) -> None:
        self.counts.update(other.counts)

    @property
    def cut(self) -> dict[str, int]:
        """Words that were cut, with how often: what somebody may approve for a new version of the profile."""
        words: Counter[str] = Counter()
        for note, count in self.counts.items():
            if note.what is What.CUT:
                words[note.word] += count
        return dict(words.most_common())

    @property
    def cut_from(self) -> dict[tuple[str, str], int]:
        """The same by attribute: (attribute, word) → how often."""
        return {(note.attribute, note.word): count for note, count in self.counts.items() if note.what is What.CUT}

    def sentences(self) -> Iterator[str]:
        """The notes for the ledger, one for each attribute and thing that happened, without the words themselves."""
        grouped: dict[tuple[What, str], int] = {}
        kinds: dict[tuple[What, str], set[str]] = {}
        for note, count in sorted(self.counts.items()):
            key = (note.what, note.attribute)
            grouped[key] = grouped.get(key, 0) + count
            kinds.setdefault(key, set()).add(note.word)
        for (what, attribute), count in grouped.items():
            words = len(kinds[what, attribute])
            often = "once" if count == 1 else f"{count} times"
            match what:
                case What.CUT:
                    yield f"{words} {'word' if words == 1 else 'words'} cut from {attribute}, {often}"
                case What.CLEANED:
                    yield f"an identifier taken out of {attribute}, {often}"
                case What.EMPTIED:
                    yield f"{attribute} emptied, {often}: its value was unreadable"
                case What.RELEASED:
                    yield f"{attribute} let through as released, {often}: an identifier is in it"
