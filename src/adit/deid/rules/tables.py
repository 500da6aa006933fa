"""The tables of PS3.15 Annex E and the types of PS3.3 that they need, as shipped in `deid/data/`.

Everything is keyed by tag: many attributes of the table are too new for any dictionary.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from adit.dicom.refs import UID

EDITION = "2026d"
"""Of the tables; a profile names the edition it was made for."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One row of Table E.1-1.

    Attributes:
        tag: With zeros where the group repeats (50xx, 60xx).
        keyword: Empty where pydicom has none.
        basic: Action code of the Basic Profile: D, Z, X, U or several with a slash.
        options: Action code (K or C) of each option that has one, by CID 7050 code.
    """

    tag: int
    name: str
    keyword: str
    vr: str
    basic: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PrivateElement:
    """One private element that is safe.

    Attributes:
        vr: UN where the list does not know it.
        holds: "keep", or "uid" or "date" for what must be replaced.
        standard: PS3.15 Table E.3.10-1 has it.
    """

    vr: str
    holds: str
    standard: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class ContentItem:
    """One row of Table E.3.4-1: a kind of content item of a structured report."""

    meaning: str
    basic: str
    options: Mapping[str, str]


def attribute(tag: int) -> Attribute | None:
    """The row of Table E.1-1 that names *tag*; overlays and curves in any of their groups."""
    if tag >> 24 == 0x60:
        tag = 0x60000000 | tag & 0xFFFF
    elif tag >> 24 == 0x50:
        tag = 0x50000000
    return attributes().get(tag)


@cache
def attributes() -> Mapping[int, Attribute]:
    """Table E.1-1 by tag, without its row of private attributes."""
    return {
        (number := int(tag.replace("x", "0"), 16)): Attribute(number, *row)
        for tag, row in _load("attributes.json")["attributes"].items()
    }


def sop_classes() -> Iterable[UID]:
    """The SOP classes whose types are known."""
    return _types()


def type_in(sop_class: UID, tag: int) -> int | None:
    """Type of *tag* at the top of *sop_class*: 1 to 3, 1C and 2C counting as 1 and 2.

    None where either is unknown; only attributes whose action depends on it are known.
    """
    return _types().get(sop_class, {}).get(tag)


def type_inside(tag: int, inside: int) -> int | None:
    """The strictest type (1 or 2) that *tag* has in the sequence *inside*; None for Type 3 and where unknown."""
    return _types_inside().get(f"{inside:08X}", {}).get(tag)


def strictest_type(sop_class: UID, tag: int, inside: int | None) -> int:
    """The strictest type (1 to 3) that *tag* may have in this place.

    At the top: in any module of *sop_class*, of all modules where that is unknown. In a sequence for which PS3.3
    does not have it as Type 1 or 2: in any sequence.
    """
    if inside is None:
        return _types_at_top(sop_class).get(tag, 3)
    return type_inside(tag, inside) or min((types.get(tag, 3) for types in _types_inside().values()), default=3)


def private_element(creator: str, tag: int) -> PrivateElement | None:
    """The safe private element *tag* of *creator*, whatever block it stands in."""
    return private_elements().get(creator.strip(), {}).get(tag & 0xFFFF00FF)


@cache
def private_elements() -> Mapping[str, Mapping[int, PrivateElement]]:
    """By creator and by group and element, the element's block as zeros."""
    return {
        creator: {int(tag[:4] + "00" + tag[4:], 16): PrivateElement(*row) for tag, *row in rows}
        for creator, rows in _load("private.json")["creators"].items()
    }


@cache
def content_items() -> Mapping[tuple[str, str, str], ContentItem]:
    """Table E.3.4-1 by coding scheme, code and value type."""
    return {
        (scheme, code, value_type): ContentItem(*row)
        for scheme, code, value_type, *row in _load("content.json")["items"]
    }


@cache
def _types() -> Mapping[UID, Mapping[int, int]]:
    return {UID(sop_class): _by_tag(types) for sop_class, types in _load("types.json")["by_sop_class"].items()}


@cache
def _types_inside() -> Mapping[str, Mapping[int, int]]:
    return {place: _by_tag(types) for place, types in _load("types.json")["inside"].items()}


@cache
def _modules() -> tuple[Mapping[str, Mapping[int, int]], Mapping[str, str]]:
    """Types by module, and the modules of each SOP class."""
    loaded = _load("types.json")
    return {name: _by_tag(types) for name, types in loaded["modules"].items()}, loaded["sop_classes"]


@lru_cache(maxsize=256)
def _types_at_top(sop_class: UID) -> Mapping[int, int]:
    modules, of_class = _modules()
    names = of_class[sop_class].split() if sop_class in of_class else list(modules)
    types: dict[int, int] = {}
    for name in names:
        for tag, type_ in modules[name].items():
            types[tag] = min(type_, types.get(tag, 3))
    return types


def _by_tag(types: Mapping[str, str]) -> dict[int, int]:
    return {int(tag, 16): int(number) for number, tags in types.items() for tag in tags.split()}


def _load(name: str) -> Any:
    return json.loads(resources.files("adit.deid").joinpath("data", name).read_text("utf-8"))
