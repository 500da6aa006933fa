"""Matching as an SCP does it (PS3.4 C.2.2.2): single value, list of UIDs, wild card, range, universal."""

import re
from collections.abc import Iterable

from pydicom import Dataset
from pydicom.dataelem import DataElement

_RANGED = ("DA", "TM", "DT")
_NOT_KEYS = ("QueryRetrieveLevel", "SpecificCharacterSet")


def matches(attributes: Dataset, identifier: Dataset) -> bool:
    """Whether *attributes* fulfil every key of *identifier* that has a value.

    Names, descriptions and ids are compared without case. An attribute that is not there
    matches only universal keys.
    """
    return all(_fits(key, attributes) for key in identifier if key.keyword not in _NOT_KEYS and key.VR != "SQ")


def answer(attributes: Dataset, identifier: Dataset) -> Dataset:
    """What a C-FIND response carries: the keys of *identifier* with the values of *attributes*, or empty."""
    response = Dataset()
    response.SpecificCharacterSet = attributes.get("SpecificCharacterSet", "ISO_IR 100")
    for key in identifier:
        if key.keyword == "SpecificCharacterSet":
            continue
        if key.tag in attributes:
            response[key.tag] = attributes[key.tag]
        elif key.keyword == "QueryRetrieveLevel":
            response.add(key)
        else:
            response.add(DataElement(key.tag, key.VR, [] if key.VR == "SQ" else None))
    return response


def values_of(element: DataElement) -> list[str]:
    """The values of an element as text; none for an empty one."""
    if element.is_empty:
        return []
    value = element.value
    # A name is iterable too, and a text is a sequence of its letters.
    several = element.VM > 1 and not isinstance(value, str) and isinstance(value, Iterable)
    return [str(each).strip(" \0") for each in (value if several else [value])]


def _fits(key: DataElement, attributes: Dataset) -> bool:
    wanted = [value for value in values_of(key) if value and value.strip("*")]
    if not wanted:
        return True
    actual = values_of(attributes[key.tag]) if key.tag in attributes else []
    if key.VR in _RANGED:
        return any(_in_range(wanted[0], value) for value in actual)
    if key.VR == "UI":
        return any(value in wanted for value in actual)
    return any(_like(pattern, value) for pattern in wanted for value in actual)


def _in_range(wanted: str, value: str) -> bool:
    if "-" not in wanted:
        return value.startswith(wanted)
    first, last = wanted.split("-", 1)
    # A bound that names less than the value, like an hour, holds to its end.
    return first <= value and (not last or value[: len(last)] <= last)


def _like(pattern: str, value: str) -> bool:
    # Each component group of a name may match by itself (PS3.4 C.2.2.2.1).
    regex = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return any(re.fullmatch(regex, each, re.IGNORECASE | re.DOTALL) for each in (value, *value.split("=")))
