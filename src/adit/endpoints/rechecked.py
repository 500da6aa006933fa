"""Matching here what the peer ignored (PS3.4 C.2.2.2)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.matching import matches
from adit.dicom.protocols import Capabilities, Source
from adit.dicom.query import Query
from adit.dicom.refs import Ref


class Rechecked:
    """A source whose answers all fit the question, unless the question wants them unchecked."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def capabilities(self) -> Capabilities:
        return self._source.capabilities

    def find(self, query: Query) -> Iterator[Match]:
        # The limit counts what fits: the peer is asked without it.
        unlimited = replace(query, limit=None)
        given = 0
        for match in self._source.find(unlimited):
            if query.unchecked or matches(match, query):
                yield match
                given += 1
                if given == query.limit:
                    return

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]:
        return self._source.retrieve(refs)
