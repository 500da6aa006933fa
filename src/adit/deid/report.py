"""What became of every element of an instance, for whoever judges a profile."""

from __future__ import annotations

from dataclasses import dataclass

from adit.deid.keys import Key
from adit.deid.level import Path, path_of


@dataclass(frozen=True, slots=True)
class Line:
    """One element.

    Attributes:
        path: `(0040,0275).(0040,0007)`; the items of a sequence have a line each for the same path.
        action: A rule's (`rules.actions.Action`), or `stamp` for what the treatment says of itself.
        before: Hash of its value; empty where there was none.
        after: Equal to *before* where the value stayed; empty where the element was removed.
    """

    path: str
    action: str
    before: str
    after: str


class Report:
    """Writes the lines. Hashes are keyed: without the key nobody finds an id by trying all of them."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self.lines: list[Line] = []

    def record(self, path: Path, action: str, before: bytes | None, after: bytes | None) -> None:
        """See `walking.Recorder`."""
        self.lines.append(Line(path_of(path), action, self._hash(before), self._hash(after)))

    def _hash(self, value: bytes | None) -> str:
        return "" if value is None else self._key.derive("report", value.decode("latin-1")).hex()[:32]
