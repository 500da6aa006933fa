"""An endpoint in memory, with faults that are scripted: what a PACS does wrong, on demand."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from pydicom import Dataset

from adit.dicom.errors import Full, NotFound, Refused, Unreachable
from adit.dicom.instance import InMemory, Instance
from adit.dicom.match import Match
from adit.dicom.matching import matches
from adit.dicom.protocols import Cancellation, Capabilities, Outcome, Receipt
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.dicom.status import NOT_UNDERSTOOD
from adit.endpoints.cancel import NEVER

_FOREVER = 3600.0
"""Seconds of one wait of a stalled endpoint; only a cancel ends it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One instance in memory."""

    ref: Ref
    sop_class: UID
    transfer_syntax: UID
    encoded: bytes

    def instance(self) -> Instance:
        return Instance(self.ref, self.sop_class, self.transfer_syntax, InMemory(self.encoded))


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong. Positions count from 0 within one retrieve.

    Attributes:
        unreachable: How many times in a row neither find nor retrieve nor store gets a connection.
        for_good: It says that this will not pass.
        stalls_at: Sends nothing any more from this position on, until canceled.
        closes_at: Breaks off at this position.
        skips: Leaves these positions out and says nothing.
        withholds: Never sends these, and says nothing.
        repeats: Sends these positions twice.
        unasked: Sends this first, whatever was asked for.
        ignores_filters: Answers a query with everything it has at that level of that study.
        lists_instances: Answers queries at instance level. Otherwise it finds nothing there.
        refuses_to_list: Answers queries at instance level with a failure.
        counts: Fills in the numbers of related instances.
        busy: So many times, each instance is refused with a status that may pass.
        refuses: Refuses these for good.
        warns: Stores these with the warning B000 (coercion of data elements, PS3.4 B.2.3).
        room: Bytes that it has room for; None for any number.
        dies_after: Breaks off, once, instead of storing one more than so many.
        verifiable: Says what it holds.
        lists_late: So many times, it leaves out of what it holds the instance that came last.
        unanswering: Breaks off when asked what it holds.
    """

    unreachable: int = 0
    for_good: bool = False
    stalls_at: int | None = None
    closes_at: int | None = None
    skips: frozenset[int] = frozenset()
    withholds: frozenset[UID] = frozenset()
    repeats: frozenset[int] = frozenset()
    unasked: Kept | None = None
    ignores_filters: bool = False
    lists_instances: bool = True
    refuses_to_list: bool = False
    counts: bool = True
    busy: int = 0
    refuses: frozenset[UID] = frozenset()
    warns: frozenset[UID] = frozenset()
    room: int | None = None
    dies_after: int | None = None
    verifiable: bool = True
    lists_late: int = 0
    unanswering: bool = False


class Memory:
    """Source and sink. What was stored in a `with` block counts when the block ends cleanly, or broke off.

    Attributes:
        kept: What it holds, by SOP Instance UID, in the order in which it came.
    """

    def __init__(
        self, kept: Iterable[Kept] = (), *, faults: Faults | None = None, cancel: Cancellation = NEVER
    ) -> None:
        self.kept = {each.ref.instance: each for each in kept}
        self._faults = faults or Faults()
        self._cancel = cancel
        self._unreachable = self._faults.unreachable
        self._busy: dict[Ref, int] = {}
        self._taken = self._asked = 0
        self.capabilities = Capabilities(
            lists_instances=self._faults.lists_instances, verifiable=self._faults.verifiable
        )

    def __enter__(self) -> Self:
        self._connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object, /) -> None:
        return

    def find(self, query: Query) -> Iterator[Match]:
        self._connect()
        if query.level is Level.INSTANCE and not self._faults.lists_instances:
            return
        if query.level is Level.INSTANCE and self._faults.refuses_to_list:
            raise Refused("it does not understand the query", status=NOT_UNDERSTOOD)
        given = 0
        for match in self._all(query.level):
            self._cancel.check()
            if given == query.limit:
                return
            if self._faults.ignores_filters or matches(match, query):
                given += 1
                yield match

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]:
        self._connect()
        wanted = [each for each in list(self.kept.values()) if any(each.ref in ref for ref in refs)]
        if not wanted:
            raise NotFound
        if self._faults.unasked is not None:
            yield self._faults.unasked.instance()
        for position, each in enumerate(wanted):
            self._cancel.check()
            while position == self._faults.stalls_at:
                self._cancel.wait(_FOREVER)
            if position == self._faults.closes_at:
                raise Unreachable("the connection broke off")
            if position not in self._faults.skips and each.ref.instance not in self._faults.withholds:
                yield each.instance()
            if position in self._faults.repeats:
                yield each.instance()

    def store(self, instances: Iterable[Instance]) -> Generator[Receipt, None, None]:
        for instance in instances:
            with instance:
                self._cancel.check()
                self._live()
                encoded = b"".join(bytes(chunk) for chunk in instance.body.chunks())
                receipt = self._receipt(instance.ref, len(encoded))
                if receipt.outcome is not Outcome.REFUSED and instance.uid not in self.kept:
                    kept = Kept(instance.ref, instance.sop_class, instance.transfer_syntax, encoded)
                    self._make_room(len(encoded))
                    self.kept[instance.uid] = kept
            yield receipt

    def holds(self, study: UID) -> frozenset[UID] | None:
        if not self._faults.verifiable:
            return None
        if self._faults.unanswering:
            raise Unreachable("the connection broke off")
        held = [each.ref.instance for each in list(self.kept.values()) if each.ref.study == study and each.ref.instance]
        self._asked += 1
        return frozenset(held[:-1] if self._asked <= self._faults.lists_late else held)

    def _connect(self) -> None:
        self._cancel.check()
        if self._unreachable:
            self._unreachable -= 1
            error = Unreachable()
            error.transient = not self._faults.for_good
            raise error

    def _live(self) -> None:
        self._taken += 1
        if self._faults.dies_after is not None and self._taken == self._faults.dies_after + 1:
            raise Unreachable("the connection broke off")

    def _receipt(self, ref: Ref, size: int) -> Receipt:
        tries = self._busy[ref] = self._busy.get(ref, 0) + 1
        if tries <= self._faults.busy:
            return Receipt(ref, Outcome.REFUSED, size, "out of resources (0xA700)", transient=True)
        if ref.instance in self._faults.refuses:
            return Receipt(ref, Outcome.REFUSED, size, "the data set does not match its SOP class (0xA900)")
        if ref.instance in self._faults.warns:
            return Receipt(ref, Outcome.WARNED, size, "data elements were coerced (0xB000)")
        return Receipt(ref, Outcome.STORED, size)

    def _make_room(self, size: int) -> None:
        held = sum(len(each.encoded) for each in self.kept.values())
        if self._faults.room is not None and held + size > self._faults.room:
            raise Full

    def _all(self, level: Level) -> Iterator[Match]:
        groups: dict[object, list[tuple[Kept, Dataset]]] = {}
        for each in list(self.kept.values()):
            head = each.instance().head()
            groups.setdefault(_KEYS[level](each.ref, head), []).append((each, head))
        for members in groups.values():
            yield Match(level, self._answer(level, members))

    def _answer(self, level: Level, members: list[tuple[Kept, Dataset]]) -> Dataset:
        answer = Dataset()
        answer.update(members[0][1])
        for other, keyword in _BELOW.items():
            if level in other and keyword in answer:
                del answer[keyword]
        if level is Level.STUDY:
            answer.ModalitiesInStudy = sorted({str(head.get("Modality", "")) for _, head in members})
        if self._faults.counts and level in _COUNTS:
            setattr(answer, _COUNTS[level], len(members))
        return answer


_KEYS: dict[Level, Callable[[Ref, Dataset], object]] = {
    Level.PATIENT: lambda _, head: str(head.get("PatientID", "")),
    Level.STUDY: lambda ref, _: ref.study,
    Level.SERIES: lambda ref, _: ref.series,
    Level.INSTANCE: lambda ref, _: ref.instance,
}

_COUNTS = {
    Level.PATIENT: "NumberOfPatientRelatedInstances",
    Level.STUDY: "NumberOfStudyRelatedInstances",
    Level.SERIES: "NumberOfSeriesRelatedInstances",
}

_BELOW = {
    (Level.PATIENT,): "StudyInstanceUID",
    (Level.PATIENT, Level.STUDY): "SeriesInstanceUID",
    (Level.PATIENT, Level.STUDY, Level.SERIES): "SOPInstanceUID",
}
"""Attributes that an answer at these levels does not have."""
