"""What is asked of a source (PS3.4 C.2.2, C.4.1)."""

from __future__ import annotations

from dataclasses import dataclass

from adit.dicom.refs import Level


@dataclass(frozen=True, slots=True)
class Query:
    """A query at one level.

    Attributes:
        keys: Matching keys as (keyword, value), values in the text form of PS3.4 C.2.2.2:
            `*` and `?` as wildcards, ranges as `20200101-20201231`, lists joined by backslash.
            A query below study level names StudyInstanceUID, one at instance level also
            SeriesInstanceUID.
        wanted: Keywords of attributes to return beyond those that every answer carries.
        limit: Stop after so many matches; None for all.
    """

    level: Level
    keys: tuple[tuple[str, str], ...] = ()
    wanted: tuple[str, ...] = ()
    limit: int | None = None

    @classmethod
    def of(cls, level: Level, *, limit: int | None = None, **keys: str) -> Query:
        """Build a query from keyword arguments; empty values are left out."""
        return cls(level, tuple((k, v) for k, v in keys.items() if v), limit=limit)

    def value(self, keyword: str) -> str:
        """The value of a matching key, or an empty text."""
        return dict(self.keys).get(keyword, "")
