"""Telling somebody what was searched for, for the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.protocols import Capabilities, Source
from adit.dicom.query import Query
from adit.dicom.refs import Ref

Note = Callable[[Query, int], None]
"""Gets a query that has ended, in whatever way, and how many matches were given out."""


class Recorded:
    """A source whose queries are noted."""

    def __init__(self, source: Source, note: Note) -> None:
        self._source = source
        self._note = note

    @property
    def capabilities(self) -> Capabilities:
        return self._source.capabilities

    def find(self, query: Query) -> Iterator[Match]:
        given = 0
        try:
            for match in self._source.find(query):
                given += 1
                yield match
        finally:
            # What was given out was seen, also when the search broke off.
            self._note(query, given)

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]:
        return self._source.retrieve(refs)
