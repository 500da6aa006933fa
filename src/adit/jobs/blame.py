"""Finds out which node an error came from, for the sentence that a person reads."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from adit.dicom.errors import DicomError
from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.protocols import Capabilities, Receipt, Sink, Source
from adit.dicom.query import Query
from adit.dicom.refs import UID, Ref


class Blame:
    """Remembers for the last error which endpoint raised it first.

    A source's error passes through the sink that pulls from it, so the first to see it is the one.
    """

    def __init__(self) -> None:
        self._error: DicomError | None = None
        self._name = ""

    def source(self, source: Source, name: str) -> Source:
        """*source*, watched."""
        return _WatchedSource(source, self, name)

    def sink(self, sink: Sink, name: str) -> Sink:
        """*sink*, watched."""
        return _WatchedSink(sink, self, name)

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        """What the block raises is the fault of *name*, unless somebody within is to blame."""
        try:
            yield
        except DicomError as error:
            self.blame(error, name)
            raise

    def blame(self, error: DicomError, name: str) -> None:
        """*error* is the fault of *name*, unless somebody is to blame already."""
        if error is not self._error:
            self._error, self._name = error, name

    def culprit(self, error: DicomError) -> str:
        """The name of the node that raised *error*; empty when that is not known."""
        return self._name if error is self._error else ""

    def sentence(self, error: DicomError) -> str:
        """What happened, where, and who can mend it."""
        # Most endpoints have named it themselves.
        where = f"{self._name}: " if error is self._error and not error.node else ""
        return f"{where}{error} (can be mended by {error.mended_by})"


class _WatchedSource:
    def __init__(self, source: Source, blame: Blame, name: str) -> None:
        self._source, self._blame, self._name = source, blame, name

    @property
    def capabilities(self) -> Capabilities:
        return self._source.capabilities

    def find(self, query: Query) -> Iterator[Match]:
        with self._blame.on(self._name):
            yield from self._source.find(query)

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance]:
        with self._blame.on(self._name):
            yield from self._source.retrieve(refs)


class _WatchedSink:
    def __init__(self, sink: Sink, blame: Blame, name: str) -> None:
        self._sink, self._blame, self._name = sink, blame, name

    @property
    def capabilities(self) -> Capabilities:
        return self._sink.capabilities

    def __enter__(self) -> Self:
        with self._blame.on(self._name):
            self._sink.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object, /) -> None:
        with self._blame.on(self._name):
            self._sink.__exit__(kind, error, trace)

    def store(self, instances: Iterable[Instance]) -> Generator[Receipt]:
        with self._blame.on(self._name):
            yield from self._sink.store(instances)

    def holds(self, study: UID) -> frozenset[UID] | None:
        with self._blame.on(self._name):
            return self._sink.holds(study)
