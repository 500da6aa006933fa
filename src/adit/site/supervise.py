"""Everything that ADIT runs on one machine, started in order, kept running, ended in order.

One supervisor per `ADIT_HOME`. Children cannot outlive it: the kernel ends them when it dies
(`children.py`), and whatever was left in the middle is put right by the next start.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Self

from adit.endpoints.receiver import listening
from adit.site.database import Cluster, DatabaseError, make_private
from adit.site.env import Config
from adit.site.errors import StartFailed
from adit.site.lock import take_lock
from adit.site.ports import require_receiver_port, shown, web_port
from adit.site.probe import healthy
from adit.site.process import Process, at_once, end, how, last_words, spawn
from adit.site.state import State, remove_state, write_state

log = logging.getLogger(__name__)

_START_LIMIT = 60.0
"""Seconds that one process may take until it is ready, at the first start."""

_LONGEST_WAIT = 30.0
"""Seconds between two attempts to start a process that does not stay up."""


class Supervisor:
    """Runs PostgreSQL (unless `DATABASE_URL` names one), migrations, web server, workers, receiver and *extra*.

    An async context manager: inside the block everything is ready, and stays so; a process that
    ends is started again. `Background` is the same for synchronous code.

    Args:
        workers: Worker processes.
        concurrency: Tasks that each of them runs at a time.
        extra: More processes; each gets `DATABASE_URL` and `ADIT_HOME` in its environment.
        any_port: Take a free port for the web server when the configured one is taken.
        receiver: Address and port of the receiver where they are not the configured ones. Servers
            know them, so no other is taken by itself.

    Raises:
        RunsAlready: There is one already for `config.home`.
        StartFailed: A port is taken, or a process does not become ready.
    """

    def __init__(
        self,
        config: Config,
        *,
        workers: int | None = None,
        concurrency: int | None = None,
        extra: Sequence[Process] = (),
        any_port: bool = False,
        receiver: tuple[str, int] | None = None,
    ) -> None:
        self.config = config
        self.web_url = ""
        self.database_url = ""
        self._workers = workers or config.workers
        self._concurrency = concurrency or config.concurrency
        self._extra = extra
        self._any_port = any_port
        self._receiver = receiver or (config.receiver_host, config.receiver_port)
        self._lock: IO[str] | None = None
        self._keepers: dict[asyncio.Task[None], Process] = {}
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._ready = False
        self._lost: str | None = None
        self._stopping = False

    async def __aenter__(self) -> Self:
        self._lock = take_lock(self.config)
        try:
            await self._start()
        except BaseException:
            await _undisturbed(self._stop())
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await _undisturbed(self._stop())

    def pids(self) -> dict[str, int]:
        """The process ids of the children that run now, by name."""
        return {name: child.pid for name, child in self._running.items() if child.returncode is None}

    async def _start(self) -> None:
        for directory in (self.config.spool, self.config.logs):
            make_private(directory)
        host = self.config.web_host
        port = await web_port(self.config, any_port=self._any_port)
        if self.config.receiver_plain:
            await require_receiver_port(*self._receiver, "ADIT_RECEIVER_PORT")
        if self.config.receiver_tls_certificate:
            await require_receiver_port(self._receiver[0], self.config.receiver_tls_port, "ADIT_RECEIVER_TLS_PORT")
        self.web_url = f"http://{shown(host)}:{port}/"
        if self.config.database_url is None:
            self.database_url = await self._start_database()
        else:
            self.database_url = self.config.database_url
        await self._migrate()
        web = self._adit("web", "web", "--host", host, "--port", str(port))
        workers = [
            self._adit(f"worker-{number}", "worker", "--concurrency", str(self._concurrency))
            for number in range(1, self._workers + 1)
        ]
        receiver_host, receiver_port = self._receiver
        receiver = self._adit("receiver", "receiver", "--host", receiver_host, "--port", str(receiver_port))
        await _all_of(self._keep(process) for process in (web, *workers, receiver, *self._extra))
        await self._until(lambda: healthy(self.web_url, workers=self._workers), "the workers", "worker-1")
        self._ready = True
        write_state(
            self.config,
            State(
                pid=os.getpid(),
                database_url=self.database_url,
                web_url=self.web_url,
                ports={"web": port, "receiver": receiver_port},
                excluded_modalities=list(self.config.excluded_modalities),
            ),
        )

    async def _start_database(self) -> str:
        try:
            cluster = Cluster(self.config.home)
            cluster.prepare()
        except (DatabaseError, OSError) as error:
            raise StartFailed(str(error)) from error

        async def ready() -> bool:
            return await asyncio.to_thread(cluster.answers)

        await self._keep(
            Process(
                "database",
                tuple(cluster.command()),
                ready=ready,
                prepare=cluster.clear,
                stop=signal.SIGINT,
                orphaned=signal.SIGINT,
                demotion=cluster.account.demotion(),
                outlives=True,
            )
        )
        return cluster.url

    async def _migrate(self) -> None:
        child = await self._spawn(self._adit("migrate", "migrate"))
        if await child.wait() != 0:
            raise StartFailed(f"the database could not be brought up to date: {last_words(self._log_of('migrate'))}")

    def _adit(self, name: str, *arguments: str) -> Process:
        """A process of ADIT's own command line."""
        ready = at_once
        if name == "web":

            async def ready() -> bool:
                return await healthy(self.web_url)

        if name == "receiver":

            async def ready() -> bool:
                return await asyncio.to_thread(listening, self.config.spool) is not None

        return Process(name, (sys.executable, "-P", "-m", "adit.site", *arguments), ready=ready)

    async def _keep(self, process: Process) -> None:
        """Start *process*, wait until it is ready, and leave a task behind that starts it again."""
        child = await self._spawn(process)
        await self._until(process.ready, process.name, process.name, child)
        self._keepers[asyncio.create_task(self._restart(process, child))] = process

    async def _restart(self, process: Process, child: asyncio.subprocess.Process) -> None:
        wait = 0.2
        while True:
            started = time.monotonic()
            code = await child.wait()
            if self._stopping:
                return
            if not self._ready:
                # What does not even come up will not do so at the tenth attempt.
                self._lost = process.name
                return
            wait = 0.2 if time.monotonic() - started > 60 else min(wait * 2, _LONGEST_WAIT)
            log.warning("%s ended (%s); it starts again in %.1f s", process.name, how(code), wait)
            while True:
                await asyncio.sleep(wait)
                try:
                    child = await self._spawn(process)
                    break
                except (DatabaseError, OSError) as error:
                    wait = min(wait * 2, _LONGEST_WAIT)
                    log.warning("%s cannot start: %s; next attempt in %.1f s", process.name, error, wait)

    async def _spawn(self, process: Process) -> asyncio.subprocess.Process:
        environment = {**os.environ, "ADIT_HOME": str(self.config.home), **process.environment}
        # Without its compiled files every start would compile everything again: 16 s instead of 3.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["ADIT_EXCLUDED_MODALITIES"] = ",".join(self.config.excluded_modalities)
        if self.database_url:
            environment["DATABASE_URL"] = self.database_url
        child = await spawn(process, log=self._log_of(process.name), environment=environment)
        self._running[process.name] = child
        return child

    async def _until(
        self,
        ready: Callable[[], Awaitable[bool]],
        what: str,
        name: str,
        child: asyncio.subprocess.Process | None = None,
    ) -> None:
        deadline = time.monotonic() + _START_LIMIT
        while not await ready():
            if self._lost is not None:
                raise StartFailed(f"{self._lost} does not stay up: {last_words(self._log_of(self._lost))}")
            if child is not None and child.returncode is not None:
                raise StartFailed(f"{what} does not start ({how(child.returncode)}): {last_words(self._log_of(name))}")
            if time.monotonic() > deadline:
                raise StartFailed(f"{what}: not ready after {_START_LIMIT:.0f} s: {last_words(self._log_of(name))}")
            await asyncio.sleep(0.02)

    async def _stop(self) -> None:
        self._stopping = True
        remove_state(self.config)
        last = {process.name: process for process in self._keepers.values() if process.outlives}
        stops = {process.name: process.stop for process in self._keepers.values()}
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        first = [name for name in self._running if name not in last]
        for names in (first, list(last)):
            await asyncio.gather(*(end(self._running[name], stops.get(name, signal.SIGTERM)) for name in names))
        if self._lock is not None:
            self._lock.close()

    def _log_of(self, name: str) -> Path:
        return self.config.logs / f"{name}.log"


async def _undisturbed(work: Coroutine[Any, Any, None]) -> None:
    """Finish *work* although this task may be canceled meanwhile; that is raised afterwards."""
    task, canceled = asyncio.create_task(work), False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            canceled = True
    if canceled:
        raise asyncio.CancelledError
    task.result()


async def _all_of(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run *work* at the same time. The first failure cancels the rest and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
