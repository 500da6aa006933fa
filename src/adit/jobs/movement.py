"""Progress inside of an instance: one of a gigabyte may take longer than the no-progress limit."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

from adit.dicom.instance import Body, Instance
from adit.dicom.match import Match
from adit.dicom.protocols import Capabilities, Source
from adit.dicom.query import Query
from adit.dicom.refs import Ref


class HeardSource:
    """A source that tells *moved* of each answer to a query, and of each chunk that somebody reads of an instance.

    Chunks are read as they arrive, and no faster than they leave, so it hears either side move.
    """

    def __init__(self, source: Source, moved: Callable[[], None]) -> None:
        self._source = source
        self._moved = moved

    @property
    def capabilities(self) -> Capabilities:
        return self._source.capabilities

    def find(self, query: Query) -> Iterator[Match]:
        for match in self._source.find(query):
            self._moved()
            yield match
        self._moved()

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance]:
        for instance in self._source.retrieve(refs):
            instance.body = _HeardBody(instance.body, self._moved)
            yield instance


class _HeardBody:
    def __init__(self, body: Body, moved: Callable[[], None]) -> None:
        self._body = body
        self._moved = moved
        self.close = body.close

    @property
    def size(self) -> int | None:
        return self._body.size

    def chunks(self, start: int = 0) -> Iterator[memoryview]:
        for chunk in self._body.chunks(start):
            self._moved()
            yield chunk
