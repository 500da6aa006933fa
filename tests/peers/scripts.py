"""What the misbehaving PACS is told to do wrong, and what it saw."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from tests.peers.data import File
from tests.peers.process import Entity


class Gate:
    """Something that waits until a test lets it go on. Closed at first."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._allowed: float = 0
        self._passed = 0
        self._waiting = 0

    def let(self, count: int) -> None:
        """Let *count* more through."""
        with self._condition:
            self._allowed += count
            self._condition.notify_all()

    def open(self) -> None:
        """Let everything through from now on."""
        self.let(1 << 30)

    def passes(self) -> bool:
        """Go through if that is allowed now."""
        with self._condition:
            if self._passed >= self._allowed:
                return False
            self._passed += 1
            self._condition.notify_all()
            return True

    @property
    def waiting(self) -> int:
        """How many stand before it now."""
        with self._condition:
            return self._waiting

    def stand(self, by: int) -> None:
        """Count who stands before it (+1 on arriving, -1 on leaving)."""
        with self._condition:
            self._waiting += by
            self._condition.notify_all()

    def wait_until_somebody_waits(self, count: int = 1, *, seconds: float = 40) -> None:
        """Block until *count* stand before it.

        Raises:
            TimeoutError: Nobody came.
        """
        with self._condition:
            if not self._condition.wait_for(lambda: self._waiting >= count, seconds):
                raise TimeoutError(f"{self._waiting} of {count} stand before the gate")


@dataclass(frozen=True)
class Rejection:
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 table 9-21)."""

    result: int
    source: int
    reason: int


UNKNOWN_CALLED = Rejection(1, 1, 7)
"""Permanent: called AE title not recognized."""
UNKNOWN_CALLING = Rejection(1, 1, 3)
"""Permanent: calling AE title not recognized."""
BUSY = Rejection(2, 3, 2)
"""Transient: local limit exceeded."""


@dataclass(frozen=True)
class Script:
    """What goes wrong. Without any argument nothing does.

    Positions of instances count from 1 in the order of the study, so that one asked for again
    has the same position.

    Attributes:
        rejects: One for each of the first associations.
        rejects_always: For every association.
        silent: Connections are taken and never answered.
        silent_to: Requests of this command field are never answered, like 0x0020 for C-FIND.
        refuses_classes: Abstract syntaxes whose contexts are refused.
        only_syntax: The only transfer syntax that contexts are accepted with.

        ignores_filters: Every C-FIND answers with all there is at its level.
        image_level: What a C-FIND for instances does.
        leaves_out_counts: No Number of … Related Instances in answers.
        counts_off_by: Added to those numbers.
        find_status: The failure status that every C-FIND ends with, after no answer.
        most_results: After so many answers a C-FIND ends with A700.
        endless_pending: A C-FIND repeats its last answer for ever.
        find_gate: Each C-FIND waits for it.
        no_character_set: Answers hold no Specific Character Set, though they are not ASCII.

        faulty_retrieves: The faults of C-GET and C-MOVE happen in the first so many; None for all.
        unknown_status: How a C-GET ends that names nothing here: 0x0000 or 0xC000 for instance.
        closes_after: The connection is closed after so many instances of one C-GET.
        closes_in: It is closed in the middle of a PDV of the instance with this number in one C-GET.
        aborts_after: A-ABORT after so many.
        stalls_in: For ever silent in the middle of the instance with this number.
        withholds: Positions that are never sent, and counted as completed.
        sends_twice: Positions that are sent two times.
        sends_unasked: Sent before what was asked for.
        mislabels: Positions whose command set names another SOP Instance UID than the data set.
        get_status: The final status, whatever happened.
        leaves_out_suboperations: No numbers of sub-operations in C-GET responses.
        final_gate: The final response waits for it.

        destinations: Where a C-MOVE can send to; to all others it says A801.
        omits_originator: Its C-STORE requests do not name the C-MOVE that they come from.
        calls_as: The AE title by which it calls the destination, where that is another than its own.
        late: So many of the last instances of a C-MOVE go after the final response, which counts them as completed.
        late_gate: Each of them waits for it.

        store_statuses: Status by number of the C-STORE request, from 1, over all associations.
        status_of: Status by SOP Instance UID.
        store_status: Status of all others. What is answered with success or a warning is kept.
        forgets: SOP Instance UIDs that are answered with success and not kept.
        dies_after: All connections are reset instead of answering, after so many C-STORE requests; once.
        stays_down: It then listens no longer, until `revive()`.
        never_answers: The number of the C-STORE request that gets no answer.

        delay: Seconds before each instance that is sent, and each answer to a C-STORE.
        gate: Each instance that is sent, and each answer to a C-STORE, waits for it.
    """

    rejects: tuple[Rejection, ...] = ()
    rejects_always: Rejection | None = None
    silent: bool = False
    silent_to: frozenset[int] = frozenset()
    refuses_classes: frozenset[str] = frozenset()
    only_syntax: str | None = None

    ignores_filters: bool = False
    image_level: Literal["works", "fails", "empty", "silent"] = "works"
    leaves_out_counts: bool = False
    counts_off_by: int = 0
    find_status: int | None = None
    most_results: int | None = None
    endless_pending: bool = False
    no_character_set: bool = False

    faulty_retrieves: int | None = None
    unknown_status: int = 0x0000
    closes_after: int | None = None
    closes_in: int | None = None
    aborts_after: int | None = None
    stalls_in: int | None = None
    withholds: frozenset[int] = frozenset()
    sends_twice: frozenset[int] = frozenset()
    sends_unasked: tuple[File, ...] = ()
    mislabels: frozenset[int] = frozenset()
    get_status: int | None = None
    leaves_out_suboperations: bool = False
    find_gate: Gate | None = None
    final_gate: Gate | None = None

    destinations: tuple[Entity, ...] = ()
    omits_originator: bool = False
    calls_as: str | None = None
    late: int = 0
    late_gate: Gate | None = None

    store_statuses: tuple[tuple[int, int], ...] = ()
    status_of: tuple[tuple[str, int], ...] = ()
    store_status: int = 0x0000
    forgets: frozenset[str] = frozenset()
    dies_after: int | None = None
    stays_down: bool = False
    never_answers: int | None = None

    delay: float = 0
    gate: Gate | None = None

    def without_retrieve_faults(self) -> "Script":
        """The same, but C-GET and C-MOVE work as they should."""
        return replace(
            self,
            closes_after=None,
            closes_in=None,
            aborts_after=None,
            stalls_in=None,
            withholds=frozenset(),
            sends_twice=frozenset(),
            sends_unasked=(),
            mislabels=frozenset(),
            get_status=None,
            late=0,
        )


@dataclass(frozen=True)
class Request:
    """One DIMSE request that came in. *keys* are those of its identifier, as text, with their level."""

    kind: int
    calling: str
    sop_class: str
    keys: tuple[tuple[str, str], ...] = ()

    def key(self, keyword: str) -> str:
        """The value of one key, or an empty text."""
        return dict(self.keys).get(keyword, "")


@dataclass
class Seen:
    """What the PACS saw. Written by its threads, read by the test at any time.

    Attributes:
        open: Associations at this moment (TCP connections, rejected ones too).
        most: The highest number of them at a time.
        total: How many there were.
        rejected, released, aborted, vanished: How they ended. Vanished means that the peer closed the
            connection without a word; those that the script itself broke count as broken.
        stalled: How often it fell silent in the middle of an instance.
        received: SOP Instance UIDs of C-STORE requests in order, each time they came.
        received_bytes: Bytes of their data sets.
        sent: SOP Instance UIDs in the order they were sent whole.
        statuses: Statuses of C-STORE responses: its own as a destination, the peer's as a source.
        requests: Every DIMSE request but C-STORE.
        problems: What went wrong inside the misbehaving PACS itself; empty unless it has a bug.
    """

    open: int = 0
    most: int = 0
    total: int = 0
    rejected: int = 0
    released: int = 0
    aborted: int = 0
    vanished: int = 0
    broken: int = 0
    stalled: int = 0
    received: list[str] = field(default_factory=list)
    received_bytes: int = 0
    sent: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    problems: list[BaseException] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def note(self, **more: int) -> None:
        """Add to numbers, and wake those who wait."""
        with self.changed:
            for name, by in more.items():
                setattr(self, name, getattr(self, name) + by)
            self.changed.notify_all()

    def together(self, count: int) -> None:
        """Remember that *count* associations were open at the same time."""
        with self.changed:
            self.most = max(self.most, count)
            self.changed.notify_all()

    def wait_until(self, true: Callable[["Seen"], bool], *, seconds: float = 40) -> None:
        """Block until *true* of this.

        Raises:
            TimeoutError: It did not come true.
        """
        deadline = time.monotonic() + seconds
        with self.changed:
            while not true(self):
                if not self.changed.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"still {self}")
