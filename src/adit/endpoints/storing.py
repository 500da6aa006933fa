"""Storing by C-STORE (PS3.4 B) over one or two associations at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import SimpleQueue

from adit.dicom.contexts import EXPLICIT, IMPLICIT, MOST, contexts_for, name_of
from adit.dicom.decoding import NotDecodable
from adit.dicom.errors import BadData, DicomError, Refused
from adit.dicom.instance import Instance
from adit.dicom.protocols import Outcome, Receipt
from adit.dicom.refs import UID
from adit.dicom.status import Category, Service, category, describe, transient
from adit.dimse.association import Association
from adit.dimse.errors import NoContext
from adit.dimse.scu import store
from adit.endpoints.decompressing import OFF, Decompressor
from adit.endpoints.dialling import Dial
from adit.endpoints.spool import Spool

MOST_LANES = 2
"""Associations beyond the second bring nothing (measured against Orthanc)."""

_LONG = 8 << 20
"""Bytes from which on decompressing takes long."""


@dataclass(frozen=True, slots=True)
class _Outgoing:
    sop_class: UID
    sop_instance: UID
    transfer_syntax: UID


class Storer:
    """The sending side of one task. Its associations are opened by need and kept until `close`."""

    def __init__(self, dial: Dial, spool: Spool) -> None:
        """
        Args:
            spool: Where instances lie that have to be decompressed.
        """
        self._lanes = [_Lane(dial, spool) for _ in range(min(MOST_LANES, dial.config.associations))]

    def store(self, instances: Iterable[Instance]) -> Generator[Receipt, None, None]:
        """See `Sink.store`. Receipts come in the order of the answers.

        Raises:
            DicomError: No association could be had, or all of them broke.
        """
        supply = _Supply(instances)
        if len(self._lanes) == 1:
            for instance in supply:
                with instance:
                    receipt = self._lanes[0].store(instance)
                yield receipt
        else:
            yield from _Lanes(self._lanes, supply).receipts()

    def close(self) -> None:
        """Release the associations."""
        for lane in self._lanes:
            lane.close()
            lane.rest()

    def abort(self) -> None:
        for lane in self._lanes:
            lane.abort()
            lane.rest()


class _Supply:
    """The instances to be stored, for several takers. Thread-safe."""

    def __init__(self, instances: Iterable[Instance]) -> None:
        self._instances = iter(instances)
        self._lock = threading.Lock()
        self._closed = False

    def __iter__(self) -> Iterator[Instance]:
        while (instance := self.take()) is not None:
            yield instance

    def take(self) -> Instance | None:
        """The next instance, or None at the end."""
        with self._lock:
            return None if self._closed else next(self._instances, None)

    def close(self) -> None:
        """Nothing more is wanted: the next `take` is the end."""
        self._closed = True


class _Lanes:
    """Several lanes at work on one supply."""

    def __init__(self, lanes: list[_Lane], supply: _Supply) -> None:
        self._lanes = lanes
        self._supply = supply
        self._answers: SimpleQueue[Receipt | _Ended] = SimpleQueue()
        self._begun = threading.Event()

    def receipts(self) -> Iterator[Receipt]:
        first, *further = self._lanes
        threads = [threading.Thread(target=self._run, args=(self._work, first), name="storing", daemon=True)]
        threads += [
            threading.Thread(target=self._run, args=(self._join_in, lane), name="storing", daemon=True)
            for lane in further
        ]
        for thread in threads:
            thread.start()
        errors: list[BaseException] = []
        running = len(threads)
        try:
            while running:
                answer = self._answers.get()
                if isinstance(answer, Receipt):
                    yield answer
                    continue
                running -= 1
                if answer.error is not None:
                    errors.append(answer.error)
                    self._supply.close()
        finally:
            self._supply.close()
            for thread in threads:
                thread.join()
        if errors:
            # Whatever broke one may have broken the other, which only nobody has noticed yet.
            for lane in self._lanes:
                lane.abort()
            raise errors[0]

    def _run(self, work: Callable[[_Lane], None], lane: _Lane) -> None:
        error: BaseException | None = None
        try:
            work(lane)
        except BaseException as raised:  # noqa: BLE001  raised again in the caller's thread
            error = raised
        self._begun.set()
        self._answers.put(_Ended(error))

    def _work(self, lane: _Lane) -> None:
        for instance in self._supply:
            with instance:
                receipt = lane.store(instance)
            self._answers.put(receipt)
            self._begun.set()

    def _join_in(self, lane: _Lane) -> None:
        """Work on a lane beyond the first, once that one got through; unless the PACS does not want it."""
        self._begun.wait()
        with suppress(DicomError):
            lane.open_like(self._lanes[0])
        if lane.open:
            self._work(lane)


@dataclass(frozen=True, slots=True)
class _Ended:
    error: BaseException | None


class _Lane:
    """One association, opened anew when an instance needs a presentation context it lacks."""

    def __init__(self, dial: Dial, spool: Spool) -> None:
        self._dial = dial
        self._decompressor = Decompressor(dial.config.name, spool, dial.cancel) if dial.config.decompress else None
        self._association: Association | None = None
        self._pairs: dict[tuple[UID, UID], None] = {}

    @property
    def open(self) -> bool:
        return self._association is not None and self._association.established

    def open_for(self, instance: Instance) -> Association:
        """An association on which the pair of *instance* was proposed, and what it may be decompressed to.

        Raises:
            DicomError: It could not be had.
        """
        syntaxes = self._syntaxes(instance)
        if self._association is not None and self.open and (instance.sop_class, syntaxes[0]) in self._pairs:
            return self._association
        for syntax in syntaxes:
            self._pairs.pop((instance.sop_class, syntax), None)
            self._pairs[instance.sop_class, syntax] = None
        while len(self._pairs) > MOST:
            del self._pairs[next(iter(self._pairs))]
        return self._open()

    def open_like(self, other: _Lane) -> None:
        """Open for the pairs that *other* had to do with.

        Raises:
            DicomError: It could not be had.
        """
        self._pairs.update(other._pairs)
        if self._pairs and not self.open:
            self._open()

    def _open(self) -> Association:
        self.close()
        self._association = self._dial(contexts_for(self._pairs)[0])
        return self._association

    def _syntaxes(self, instance: Instance) -> tuple[UID, ...]:
        """In which *instance* may go, the best first."""
        plain = (EXPLICIT, IMPLICIT) if self._decompressor else ()
        return tuple(dict.fromkeys((instance.transfer_syntax, *plain)))

    def store(self, instance: Instance) -> Receipt:
        """Send *instance* and wait for the answer.

        Raises:
            DicomError: The association could not be had, or broke.
        """
        try:
            syntax = self._taken(instance)
            if self._decompressor is None or syntax == instance.transfer_syntax:
                return self._sent(instance)
            return self._sent_decompressed(instance, syntax, self._decompressor)
        except NoContext:
            return self._unsent(instance, NoContext.mended_by)
        except DicomError as error:
            self.abort()
            raise error.on(self._dial.config.name) from error
        except BaseException:
            self.abort()
            raise

    def _taken(self, instance: Instance) -> UID:
        """The best transfer syntax in which the peer takes *instance*.

        Raises:
            NoContext: There is none.
        """
        association = self.open_for(instance)
        *others, last = self._syntaxes(instance)
        for syntax in others:
            with suppress(NoContext):
                return association.context(instance.sop_class, syntax).transfer_syntax
        return association.context(instance.sop_class, last).transfer_syntax

    def _unsent(self, instance: Instance, mended_by: str, why: str = "") -> Receipt:
        what = f"{name_of(instance.sop_class)} in {name_of(instance.transfer_syntax)}"
        if not why and self._decompressor is None:
            why, mended_by = OFF, f"{mended_by}, or whoever configures its node"
        reason = f"{self._dial.config.name} does not take {what}{why and f', and {why}'} (can be mended by {mended_by})"
        return Receipt(instance.ref, Outcome.REFUSED, 0, reason)

    def _sent_decompressed(self, instance: Instance, syntax: UID, decompressor: Decompressor) -> Receipt:
        if (instance.body.size or _LONG) >= _LONG:
            # It takes a while: longer, perhaps, than the peer waits for the next word.
            self.close()
        try:
            decompressed = decompressor(instance, syntax)
        except (NotDecodable, BadData) as error:
            return self._unsent(instance, error.mended_by, str(error))
        with decompressed:
            receipt = self._sent(decompressed)
        if receipt.outcome is Outcome.REFUSED:
            return receipt
        note = decompressor.note(instance.transfer_syntax, syntax)
        return replace(receipt, reason="; ".join(filter(None, (receipt.reason, note))))

    def _sent(self, instance: Instance) -> Receipt:
        request = _Outgoing(instance.sop_class, instance.uid, instance.transfer_syntax)
        status = store(self.open_for(instance), request, instance.body.chunks())
        size = instance.body.size or 0
        words = describe(status, Service.STORE)
        match category(status):
            case Category.SUCCESS:
                return Receipt(instance.ref, Outcome.STORED, size)
            case Category.WARNING:
                return Receipt(instance.ref, Outcome.WARNED, size, words)
        reason = f"{self._dial.config.name} refused: {words} (can be mended by {Refused.mended_by})"
        return Receipt(instance.ref, Outcome.REFUSED, size, reason, transient=transient(status))

    def close(self) -> None:
        association, self._association = self._association, None
        if association is not None:
            association.release()

    def abort(self) -> None:
        association, self._association = self._association, None
        if association is not None:
            association.abort()
            association.close()

    def rest(self) -> None:
        """End what decompresses."""
        if self._decompressor is not None:
            self._decompressor.close()
