"""Two headers side by side: what stays, what changes, what goes and what comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pydicom import DataElement, Dataset
from pydicom.datadict import keyword_for_tag

from adit.dicom.values import text

_LONGEST = 200
"""Characters of a value that are shown."""

_MOST_ITEMS = 20
"""Items of a sequence that are shown."""

_BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))


class Change(StrEnum):
    SAME = "same"
    CHANGED = "changed"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Line:
    """One attribute before and after.

    Attributes:
        tag: `(0010,0010)`, of a nested one the path to it.
        depth: How deep it is nested.
    """

    tag: str
    name: str
    before: str
    after: str
    change: Change
    depth: int


def compare(before: Dataset, after: Dataset) -> list[Line]:
    """All attributes of both, in the order of their tags."""
    return list(_lines(before, after, "", 0))


def _lines(before: Dataset, after: Dataset, above: str, depth: int) -> Iterator[Line]:
    for tag in sorted(before.keys() | after.keys()):
        old, new = _element(before, tag), _element(after, tag)
        known = old or new
        if known is None:
            continue
        path = f"{above}({tag >> 16:04X},{tag & 0xFFFF:04X})"
        name = keyword_for_tag(tag) or (known.name if known.tag.is_private else "")
        old_items, new_items = _items(old), _items(new)
        if old_items is None and new_items is None:
            yield _line(path, name, old, new, depth)
            continue
        shown_old = "" if old is None else _counted(old_items or [])
        shown_new = "" if new is None else _counted(new_items or [])
        yield Line(path, name, shown_old, shown_new, _change(old, new, same=shown_old == shown_new), depth)
        for at in range(min(_MOST_ITEMS, max(len(old_items or ()), len(new_items or ())))):
            nested = f"{path}[{at + 1}]."
            yield from _lines(_at(old_items, at), _at(new_items, at), nested, depth + 1)


def _line(path: str, name: str, old: DataElement | None, new: DataElement | None, depth: int) -> Line:
    before, after = _value(old), _value(new)
    # Of bytes, and of what is long, not everything is shown.
    same = before == after and old is not None and new is not None and _whole(old) == _whole(new)
    return Line(path, name, before, after, _change(old, new, same=same), depth)


def _change(old: DataElement | None, new: DataElement | None, *, same: bool) -> Change:
    if old is None:
        return Change.ADDED
    if new is None:
        return Change.REMOVED
    return Change.SAME if same else Change.CHANGED


def _element(dataset: Dataset, tag: int) -> DataElement | None:
    if tag not in dataset:
        return None
    try:
        return dataset[tag]
    except Exception:  # noqa: BLE001  one broken element must not hide the others
        return DataElement(tag, "UN", b"")


def _items(element: DataElement | None) -> list[Dataset] | None:
    return list(element.value or ()) if element is not None and element.VR == "SQ" else None


def _at(items: list[Dataset] | None, at: int) -> Dataset:
    return items[at] if items is not None and at < len(items) else Dataset()


def _counted(items: list[Dataset]) -> str:
    return f"[{len(items)}]"


def _whole(element: DataElement) -> str | bytes:
    value = element.value
    if isinstance(value, bytes):
        return value
    return "…" if element.VR in _BINARY else text(value)


def _value(element: DataElement | None) -> str:
    if element is None:
        return ""
    written = _whole(element)
    if isinstance(written, bytes):
        return f"{len(written)} B"
    return written if len(written) <= _LONGEST else f"{written[:_LONGEST]}…"
