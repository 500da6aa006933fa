"""A question that found nothing, asked once more in other words."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing

from adit.dicom.match import Match
from adit.dicom.query import Query


def find_either(
    find: Callable[[Query], Generator[Match, None, None]], query: Query, reworded: Callable[[Query], Query | None]
) -> Generator[Match, None, None]:
    """Yield what *find* gives for *query*; where that is nothing, what it gives for *query* as *reworded* has it.

    Args:
        reworded: Gives None where there are no other words. What it gives may find more than was asked for:
            the answers are matched again (`rechecked.Rechecked`).
    """
    found = False
    with closing(find(query)) as answers:
        for match in answers:
            found = True
            yield match
    if not found and (other := reworded(query)) is not None:
        yield from find(other)
