"""Finding a row by the name that somebody typed."""

from __future__ import annotations

from difflib import get_close_matches
from typing import ClassVar, TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


class Unknown(LookupError):
    """Nothing has this name.

    Attributes:
        what: What was looked for.
        name: What was asked for.
        near: Names that may have been meant, the nearest first.
    """

    what: ClassVar[str]

    def __init__(self, name: str, near: list[str]) -> None:
        self.name = name
        self.near = near
        hint = f"; did you mean {' or '.join(near)}?" if near else "."
        super().__init__(f"There is no {self.what} '{name}'{hint}")


def find_named(name: str, among: QuerySet[M], unknown: type[Unknown]) -> M:
    """The one of *among* called *name*, whatever its capitals.

    Args:
        among: Rows that whoever asks may know of: others are neither found nor suggested.

    Raises:
        Unknown: As *unknown*, with names that are near.
    """
    name = " ".join(name.split())
    found = among.filter(name__iexact=name).first()
    if found is not None:
        return found
    names = {known.casefold(): known for known in among.values_list("name", flat=True)}
    near = get_close_matches(name.casefold(), names, n=3, cutoff=0.6)
    raise unknown(name, [names[known] for known in near])
