"""A supervisor for synchronous code: it works in a thread while the block runs."""

from __future__ import annotations

import asyncio
import signal
import threading
from concurrent.futures import Future
from contextlib import closing
from types import FrameType
from typing import Self

from adit.site.supervise import Supervisor


class Background:
    """`with Background(Supervisor(…)) as running:` - everything is ready inside the block.

    Use it in the main thread. SIGTERM raises KeyboardInterrupt in the block, as Ctrl-C does;
    leaving the block ends every process, undisturbed by further signals.

    Raises:
        StartFailed: As the supervisor says.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self._started: Future[None] = Future()
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        # The kernel ends the children when the thread that started them ends; this one lives until they have.
        self._thread = threading.Thread(target=self._work, name="supervisor")

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGTERM, _interrupt)
        self._thread.start()
        try:
            self._started.result()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, self._before)

    def wait(self) -> None:
        """Return never; Ctrl-C and SIGTERM raise KeyboardInterrupt."""
        while True:
            signal.pause()

    def _work(self) -> None:
        with closing(self._loop):
            self._loop.run_until_complete(self._run())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())

    async def _run(self) -> None:
        serving = asyncio.create_task(self._serve())
        ending = asyncio.create_task(self._end.wait())
        await asyncio.wait((serving, ending), return_when=asyncio.FIRST_COMPLETED)
        if not self._started.done():
            serving.cancel()
        ending.cancel()
        await asyncio.gather(serving, ending, return_exceptions=True)

    async def _serve(self) -> None:
        try:
            async with self.supervisor:
                self._started.set_result(None)
                await self._end.wait()
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
