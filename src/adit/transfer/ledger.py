"""The ledger: what was expected of a study, and what became of it.

A tally of events per series, and the verdict on them. It alone decides a task's status; what
the peers claimed in their status words plays no part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from adit.dicom.refs import UID, Ref
from adit.transfer.events import (
    Committed,
    Confirmed,
    Denied,
    Doubted,
    Event,
    Excluded,
    Expected,
    Failed,
    Held,
    Leaving,
    Noted,
    Placed,
    Received,
    Stored,
    Unanswered,
)

NEVER_ARRIVED = "did not arrive from the source"
NOT_LISTED = "stored, but the destination does not list it"
NOT_SENT = "not sent: canceled"
"""Of what was still to go when somebody canceled: it has not failed."""


@dataclass(frozen=True, slots=True)
class SeriesState:
    """What an earlier attempt left behind about a series, to go on from.

    Attributes:
        stored: SOP Instance UIDs that the destination took.
        excluded: SOP Instance UID → reason.
        size: Bytes stored.
    """

    series: UID
    stored: frozenset[UID] = frozenset()
    excluded: tuple[tuple[UID, str], ...] = ()
    size: int = 0
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """The numbers of one series. Sets of SOP Instance UIDs, so that nothing counts twice.

    Attributes:
        left_out: By which rule the whole series stays behind; empty when it goes.
        denied: Stored, but the destination does not take responsibility for it: SOP Instance UID → why.
        noted: What is to be said of instances that were stored, and of which.
    """

    series: UID
    left_out: str = ""
    count: int | None = None
    listed: frozenset[UID] | None = None
    received: set[UID] = field(default_factory=set)
    stored: set[UID] = field(default_factory=set)
    excluded: dict[UID, str] = field(default_factory=dict)
    refused: dict[UID, str] = field(default_factory=dict)
    denied: dict[UID, str] = field(default_factory=dict)
    confirmed_instances: frozenset[UID] | None = None
    size: int = 0
    notes: list[str] = field(default_factory=list)
    noted: dict[str, set[UID]] = field(default_factory=dict)

    def note(self, text: str, instance: UID) -> None:
        """Say *text* of *instance*, once for all of which the same is to be said, with their number."""
        instances = self.noted.setdefault(text, set())
        before = _counted(text, instances)
        instances.add(instance)
        if before in self.notes:
            self.notes[self.notes.index(before)] = _counted(text, instances)
        else:
            self.notes.append(_counted(text, instances))

    @property
    def expected(self) -> int | None:
        """How many instances should go or be excluded; None where the source cannot say.

        Instance UIDs win over counts. What arrived without being listed was added meanwhile
        and is expected too.
        """
        if self.listed is not None:
            return len(self.listed | self.received)
        return None if self.count is None else max(self.count, len(self.received))

    @property
    def confirmed(self) -> int | None:
        """How many of the stored the destination lists; None where it cannot be asked."""
        return None if self.confirmed_instances is None else len(self.stored & self.confirmed_instances)

    @property
    def kept(self) -> set[UID]:
        """Stored, and not sent again by another attempt unless the destination does not list it."""
        return self.stored - self.denied.keys()

    @property
    def done(self) -> set[UID]:
        """Stored, and not denied by the destination afterwards."""
        return self.kept if self.confirmed_instances is None else self.kept & self.confirmed_instances

    @property
    def excluded_count(self) -> int:
        """How many stay behind by a rule; 0 where a whole series does and the source cannot say how many it has."""
        if self.left_out:
            return max(0, (self.expected or 0) - len(self.done))
        return len(self.excluded)

    @property
    def failed(self) -> int:
        """How many should have gone and did not."""
        if self.left_out:
            return 0
        expected = self.expected
        known = len(self.done) + len(self.excluded)
        if expected is None:
            return len(self.refused) + len(self.denied)
        return max(0, expected - known)

    @property
    def complete(self) -> bool:
        """Everything expected was stored, confirmed where possible, or excluded."""
        return bool(self.left_out) or (self.expected is not None and self.failed == 0 and not self.refused)

    def missing(self) -> frozenset[UID] | None:
        """The instances that are yet to come and were not refused, or None where only their number is known."""
        if self.left_out:
            return frozenset()
        if self.listed is None:
            return None
        return frozenset(self.listed - self.stored - self.excluded.keys() - self.refused.keys())

    @property
    def open(self) -> int:
        """How many should have gone and did not, without anything having been said against them."""
        return max(0, self.failed - len(self.refused) - (len(self.stored) - len(self.done)))

    def failures(self, *, canceled: bool = False) -> Counter[str]:
        """Why instances that should have gone did not, with their number; *canceled*: see `NOT_SENT`."""
        reasons = Counter((*self.refused.values(), *self.denied.values()))
        unlisted = len(self.stored) - len(self.done) - len(self.denied)
        if unlisted:
            reasons[NOT_LISTED] = unlisted
        if self.open:
            reasons[NOT_SENT if canceled else NEVER_ARRIVED] = self.open
        return reasons

    def reasons(self, *, canceled: bool = False) -> dict[str, int]:
        """Why instances are not at the destination, with their number: failures and exclusions."""
        if self.left_out:
            return {self.left_out: self.excluded_count}
        return dict(self.failures(canceled=canceled) + Counter(self.excluded.values()))


class Status(StrEnum):
    """What a finished task was."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A task's status, and the sentence that says why."""

    status: Status
    message: str


class Ledger:
    """The tallies of one task, by series.

    Attributes:
        series: In the order in which the series became known.
        notes: What concerns the study as a whole.
        unanswered: Why the destination did not say what it holds, though it can be asked.
        doubted: What it lists may be what was sent before; a note says more.
    """

    def __init__(self, states: Iterable[SeriesState] = ()) -> None:
        self.series: dict[UID, Tally] = {}
        self.notes: list[str] = []
        self.unanswered = ""
        self.doubted = False
        self._changed: set[UID] = set()
        for state in states:
            tally = self._tally(state.series)
            tally.stored |= state.stored
            tally.received |= state.stored
            tally.excluded.update(state.excluded)
            tally.size = state.size
            tally.notes.extend(state.notes)
        self._changed.clear()

    def _tally(self, series: UID) -> Tally:
        self._changed.add(series)
        return self.series.setdefault(series, Tally(series))

    def changed(self) -> set[UID]:
        """The series that changed since this was asked last."""
        changed, self._changed = self._changed, set()
        return changed

    def apply(self, event: Event) -> None:
        """Count *event*. The same event again changes nothing."""
        match event:
            case Expected(series, count, instances):
                tally = self._tally(series)
                tally.count = count
                if instances is not None:
                    tally.listed = instances
            case Received(ref):
                self._tally(_series(ref)).received.add(_instance(ref))
            case Excluded(ref, reason):
                self._exclude(self._tally(_series(ref)), ref, reason)
            case Stored(ref, size, note):
                self._store(self._tally(_series(ref)), _instance(ref), size, note)
            case Failed(ref, reason):
                tally = self._tally(_series(ref))
                if _instance(ref) not in tally.stored:
                    tally.refused[_instance(ref)] = reason
            case Held(series, instances):
                tally = self._tally(series)
                tally.stored = (tally.stored | (tally.listed or frozenset())) & instances
                tally.received |= tally.stored
            case Confirmed(series, instances):
                self._tally(series).confirmed_instances = instances
                self.unanswered = ""
            case Denied(ref, reason):
                self._tally(_series(ref)).denied[_instance(ref)] = reason
            case Unanswered(reason):
                self.unanswered = reason
            case Doubted(reason):
                self.doubted = True
                self._note(self.notes, reason)
            case Noted(text, series):
                self._note(self.notes if series is None else self._tally(series).notes, text)
            case Leaving(series):
                self._tally(series)
            case Placed() | Committed():
                pass

    @staticmethod
    def _note(notes: list[str], text: str) -> None:
        if text not in notes:
            notes.append(text)

    @staticmethod
    def _exclude(tally: Tally, ref: Ref, reason: str) -> None:
        if ref.instance is None:
            tally.left_out = reason
        else:
            tally.excluded[ref.instance] = reason

    @staticmethod
    def _store(tally: Tally, instance: UID, size: int, note: str) -> None:
        if instance not in tally.stored:
            tally.stored.add(instance)
            tally.received.add(instance)
            tally.size += size
        tally.refused.pop(instance, None)
        if note:
            tally.note(note, instance)

    @property
    def stored_instances(self) -> frozenset[UID]:
        """Every instance that the destination took, in this attempt or an earlier one."""
        return frozenset().union(*(tally.stored for tally in self.series.values()))

    @property
    def kept_instances(self) -> frozenset[UID]:
        """Those of `stored_instances` that the destination did not deny."""
        return frozenset().union(*(tally.kept for tally in self.series.values()))

    def verdict(self, *, canceled: bool = False) -> Verdict:
        """Judge what was counted so far (behaviour: success means complete).

        Args:
            canceled: Somebody did not want the rest, see `NOT_SENT`.
        """
        tallies = list(self.series.values())
        done = sum(len(tally.done) for tally in tallies)
        excluded = sum(tally.excluded_count for tally in tallies)
        failed = sum(tally.failed for tally in tallies)
        if not tallies:
            return Verdict(Status.FAILURE, "nothing was sent" if canceled else "the source named no series")
        if failed or any(tally.refused for tally in tallies):
            expected = sum(tally.expected or len(tally.received) for tally in tallies)
            reasons = sum((tally.failures(canceled=canceled) for tally in tallies), Counter[str]())
            unsent = reasons.pop(NOT_SENT, 0)
            said = [f"{done} of {expected - excluded} instances stored"]
            if unsent:
                said.append(f"{unsent} not sent")
            if reasons:
                why = "; ".join(f"{reason} ({number})" for reason, number in reasons.items())
                said.append(f"{failed - unsent} failed: {why}")
            return Verdict(Status.WARNING if done else Status.FAILURE, "; ".join(said))
        if any(tally.expected is None and not tally.left_out for tally in tallies):
            status = Status.WARNING if done else Status.FAILURE
            return Verdict(status, f"{done} instances stored; the source cannot say how many it has")
        if self.unanswered:
            return Verdict(
                Status.WARNING, f"{done} of {done} instances stored, but nobody confirms it: {self.unanswered}"
            )
        praise = self._praise(tallies, done, excluded)
        if self.doubted and done:
            return Verdict(Status.WARNING, f"{praise}; perhaps not as this job sent them")
        return Verdict(Status.SUCCESS, praise)

    @staticmethod
    def _praise(tallies: list[Tally], done: int, excluded: int) -> str:
        if not done and any(tally.excluded_count or tally.left_out for tally in tallies):
            return f"nothing of it may go: {excluded} instances excluded"
        asked = all(tally.confirmed_instances is not None for tally in tallies if tally.stored)
        words = f"{done} of {done} instances stored" + (
            " and confirmed" if asked else "; the destination cannot be asked"
        )
        return words + (f"; {excluded} excluded" if excluded else "")


def _counted(text: str, instances: set[UID]) -> str:
    return text if len(instances) < 2 else f"{text} ({len(instances)} instances)"


def _series(ref: Ref) -> UID:
    assert ref.series is not None, "events name their instance"
    return ref.series


def _instance(ref: Ref) -> UID:
    assert ref.instance is not None, "events name their instance"
    return ref.instance
