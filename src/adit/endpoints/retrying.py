"""Trying again what failed for the moment: openings, queries, and single instances.

What broke off in the middle of a retrieval is not tried again here: only the ledger knows what
is missing then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import chain
from typing import Self, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from adit.dicom.errors import DicomError
from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.protocols import Cancellation, Capabilities, Outcome, Receipt, Sink, Source
from adit.dicom.query import Query
from adit.dicom.refs import UID, Ref
from adit.endpoints.lent import lent

MOST_HELD = 16
"""Refused instances that are kept for another try; a peer that refuses more is full, not busy."""

MOST_HELD_BYTES = 4 << 20

T = TypeVar("T")


class Patience:
    """How often something is tried again, and how long one waits before.

    Args:
        waits: Seconds before the second, third, … try.
        chance: Between 0 and 1: spreads each wait by ± 30 %, so that many do not come back at once.
        cancel: Ends a wait.
    """

    def __init__(self, waits: Sequence[float], *, chance: Callable[[], float], cancel: Cancellation) -> None:
        self.waits = tuple(waits)
        self._chance = chance
        self._cancel = cancel

    def __call__(self, action: Callable[[], T]) -> T:
        """Call *action*, and again while it raises a transient DicomError and waits are left.

        Raises:
            DicomError: The last one.
            Canceled: While waiting.
        """
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, DicomError) and error.transient),
            stop=stop_after_attempt(len(self.waits) + 1),
            wait=self._seconds,
            sleep=self._cancel.wait,
            reraise=True,
        )
        return retrying(action)

    def pause(self, number: int) -> None:
        """Wait before try *number* + 2."""
        self._cancel.wait(self._spread(self.waits[number]))

    def _seconds(self, state: RetryCallState) -> float:
        # It is asked after the last try too, when nobody waits any more.
        return self._spread((*self.waits, 0)[state.attempt_number - 1])

    def _spread(self, seconds: float) -> float:
        return seconds * (0.7 + 0.6 * self._chance())


class RetryingSource:
    """A source whose queries are asked again, as long as they have not answered anything."""

    def __init__(self, source: Source, patience: Patience) -> None:
        self._source = source
        self._patience = patience

    @property
    def capabilities(self) -> Capabilities:
        return self._source.capabilities

    def find(self, query: Query) -> Iterator[Match]:
        def begin() -> tuple[Match | None, Iterator[Match]]:
            matches = self._source.find(query)
            return next(matches, None), matches

        first, rest = self._patience(begin)
        if first is not None:
            yield first
            yield from rest

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]:
        return self._source.retrieve(refs)


class RetryingSink:
    """A sink that gets what it refused for the moment once more, when the others are done."""

    def __init__(self, sink: Sink, patience: Patience) -> None:
        self._sink = sink
        self._patience = patience

    @property
    def capabilities(self) -> Capabilities:
        return self._sink.capabilities

    def __enter__(self) -> Self:
        self._sink.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object, /) -> None:
        self._sink.__exit__(kind, error, trace)

    def store(self, instances: Iterable[Instance]) -> Generator[Receipt, None, None]:
        tries = len(self._patience.waits)
        held = _Held()
        try:
            yield from self._round(instances, held, more=tries > 0)
            for number in range(tries):
                if not held.waiting:
                    return
                self._patience.pause(number)
                yield from self._round(held.taken(), held, more=number + 1 < tries)
        finally:
            held.close()

    def _round(self, instances: Iterable[Instance], held: _Held, *, more: bool) -> Iterator[Receipt]:
        for receipt in self._sink.store(held.lending(instances)):
            busy = receipt.outcome is Outcome.REFUSED and receipt.transient
            if not (busy and more and held.keep(receipt.ref)):
                held.give_up(receipt.ref)
                yield receipt

    def holds(self, study: UID) -> frozenset[UID] | None:
        return self._sink.holds(study)


class _Held:
    """The instances of one store: lent to the sink, closed after their last receipt."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # An instance may come twice before its first receipt is there.
        self._out: dict[Ref, list[Instance]] = {}
        self._again: list[Instance] = []
        self._due: list[Instance] = []
        self._bytes = 0

    def lending(self, instances: Iterable[Instance]) -> Iterator[Instance]:
        for instance in instances:
            with self._lock:
                self._out.setdefault(instance.ref, []).append(instance)
            yield lent(instance)

    def keep(self, ref: Ref) -> bool:
        """Keep it for another try. False when there are too many."""
        size = self._out[ref][0].body.size or 0
        if len(self._again) >= MOST_HELD or self._bytes + size > MOST_HELD_BYTES:
            return False
        self._again.append(self._pop(ref))
        self._bytes += size
        return True

    def give_up(self, ref: Ref) -> None:
        self._pop(ref).close()

    def _pop(self, ref: Ref) -> Instance:
        with self._lock:
            instance = self._out[ref].pop(0)
            if not self._out[ref]:
                del self._out[ref]
        return instance

    @property
    def waiting(self) -> bool:
        """Something is kept for another try."""
        return bool(self._again)

    def taken(self) -> Iterator[Instance]:
        """Everything that is kept for another try; the caller stores it now."""
        self._due, self._again, self._bytes = self._again, [], 0
        while self._due:
            yield self._due.pop(0)

    def close(self) -> None:
        for instance in (*chain.from_iterable(self._out.values()), *self._again, *self._due):
            instance.close()
