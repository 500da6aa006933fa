"""Pages of long lists, by cursor: as fast at the end as at the beginning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import QueryDict

Row = TypeVar("Row", bound=Model)

_LONGEST = 18
"""Digits of a cursor; more is no id."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list, and the cursors to what stands before and after them.

    Attributes:
        previous, next: Values of `before` and `after` in the address; None where there is nothing more.
    """

    rows: list[Row]
    previous: int | None
    next: int | None


def page_of(rows: QuerySet[Row], asked: QueryDict, *, size: int, newest_first: bool = False) -> Page[Row]:
    """The page of *rows* that *asked* wants, in the order of their ids.

    Args:
        asked: With `after` or `before`, the id of the row at the edge; anything else there means the first page.
    """
    after, before = _cursor(asked.get("after", "")), _cursor(asked.get("before", ""))
    later, forwards = ("pk__lt", "-pk") if newest_first else ("pk__gt", "pk")
    earlier, backwards = ("pk__gt", "pk") if newest_first else ("pk__lt", "-pk")
    if before is not None:
        found = list(rows.filter(**{earlier: before}).order_by(backwards)[: size + 1])
        more = len(found) > size
        shown = found[:size][::-1]
        if shown:
            return Page(shown, shown[0].pk if more else None, shown[-1].pk)
    if after is not None:
        rows = rows.filter(**{later: after})
    found = list(rows.order_by(forwards)[: size + 1])
    shown = found[:size]
    more = len(found) > size
    return Page(shown, shown[0].pk if shown and after is not None else None, shown[-1].pk if more else None)


def _cursor(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST else None
