"""Telling someone what was asked of a source: for the audit."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.protocols import Capabilities, Source
from adit.dicom.query import Query
from adit.dicom.refs import Ref


class Recorded:
    """A source of which every query and retrieval is told, however it ended.

    Args:
        found: Called with the query and the number of matches that were read.
        retrieved: Called with what was asked for and the number of instances that were taken.
    """

    def __init__(
        self,
        source: Source,
        *,
        found: Callable[[Query, int], None],
        retrieved: Callable[[Sequence[Ref], int], None],
    ) -> None:
        self._source = source
        self._found = found
        self._retrieved = retrieved

    @property
    def capabilities(self) -> Capabilities:
        return self._source.capabilities

    def find(self, query: Query) -> Iterator[Match]:
        count = 0
        try:
            for match in self._source.find(query):
                count += 1
                yield match
        finally:
            self._found(query, count)

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]:
        count = 0
        try:
            with closing(self._source.retrieve(refs)) as instances:
                for instance in instances:
                    count += 1
                    yield instance
        finally:
            self._retrieved(refs, count)
