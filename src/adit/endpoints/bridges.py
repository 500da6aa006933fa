"""Push made pull: what a peer sends of itself, as an iterator that is read at the reader's pace."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator

from adit.dicom.errors import Canceled
from adit.dicom.instance import Instance
from adit.dicom.protocols import Cancellation

TOGETHER = 16
ENOUGH = 512 << 10
PATIENCE = 0.004
"""So many instances are handed over at once, or so many bytes, or what has come in so many seconds:
two threads that wake each other for every small instance spend more time on that than on the
instances. A large one is worth waking for."""

Push = Callable[[Instance], None]
"""Hands an instance over. Blocks while the reader is too far behind. Raises Canceled when nobody reads any more."""


def pulled(
    produce: Callable[[Push], None], *, cancel: Cancellation, ahead: int, stop: Callable[[], None], name: str = "pulled"
) -> Generator[Instance, None, None]:
    """Run *produce* in a thread of its own and yield the instances that it pushes.

    The thread starts with the first `next` and has ended when the generator has, in whatever
    way: read to the end, closed early, canceled, or left by an exception. Instances that
    nobody took are closed; the ones that were yielded belong to the reader.

    Args:
        produce: Called with `push`. What it raises is raised here, behind everything that it
            pushed before.
        cancel: When set, *stop* is called and the reader gets Canceled at once.
        ahead: Instances that may lie ready before `push` blocks. Their bytes are bounded elsewhere.
        stop: Makes *produce* end soon, wherever it is blocked, e.g. aborts its association and
            stops its spool. Called from any thread, possibly twice; must not block or raise.
        name: Of the thread.
    """
    handover = _Handover(ahead)

    def run() -> None:
        try:
            produce(handover.push)
        except BaseException as error:  # noqa: BLE001  raised again in the reader's thread
            handover.end(error)
        else:
            handover.end(None)

    def canceled() -> None:
        handover.wake()
        stop()

    producer = threading.Thread(target=run, name=name, daemon=True)
    taken: deque[Instance] = deque()
    with cancel.closing(canceled):
        producer.start()
        try:
            while taken := handover.take(cancel):
                while taken:
                    cancel.check()
                    yield taken.popleft()
        finally:
            _close_all(taken)
            if not handover.ended:
                handover.refuse()
                stop()
            producer.join()
            handover.close_rest()
    if handover.error is not None:
        # What breaks because of a cancel is not what the reader should hear of.
        cancel.check()
        raise handover.error


class _Handover:
    """A queue between one producer and one reader."""

    def __init__(self, ahead: int) -> None:
        self._ahead = max(1, ahead)
        self._together = min(self._ahead, TOGETHER)
        self._ready: deque[Instance] = deque()
        self._bytes = 0
        self._changed = threading.Condition(threading.Lock())
        self._refusing = False
        self.ended = False
        self.error: BaseException | None = None

    def push(self, instance: Instance) -> None:
        with self._changed:
            while len(self._ready) >= self._ahead and not self._refusing:
                self._changed.wait()
            if not self._refusing:
                self._ready.append(instance)
                # One that still arrives is large.
                size = instance.body.size
                self._bytes += ENOUGH if size is None else size
                if len(self._ready) in (1, self._together) or self._bytes >= ENOUGH:
                    self._changed.notify_all()
                return
        instance.close()
        raise Canceled("nobody reads any more")

    def take(self, cancel: Cancellation) -> deque[Instance]:
        """The next instances, or none at the end."""
        with self._changed:
            while not self._ready and not self.ended and not cancel.canceled:
                self._changed.wait()
            self._changed.wait_for(lambda: self._worth_waking(cancel), PATIENCE)
            cancel.check()
            taken, self._ready, self._bytes = self._ready, deque(), 0
            self._changed.notify_all()
            return taken

    def _worth_waking(self, cancel: Cancellation) -> bool:
        enough = len(self._ready) >= self._together or self._bytes >= ENOUGH
        return enough or self.ended or cancel.canceled

    def end(self, error: BaseException | None) -> None:
        with self._changed:
            self.error = error
            self.ended = True
            self._changed.notify_all()

    def refuse(self) -> None:
        """Nobody reads any more: whoever waits in `push`, or comes, gets Canceled."""
        with self._changed:
            self._refusing = True
            self._changed.notify_all()
        self.close_rest()

    def close_rest(self) -> None:
        _close_all(self._ready)

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


def _close_all(instances: deque[Instance]) -> None:
    while instances:
        instances.popleft().close()
