"""Everything that ADIT runs on one machine, started in order, kept running, ended in order.

One supervisor per `ADIT_HOME`. Children cannot outlive it: the kernel ends them when it dies
(`children.py`), and whatever was left in the middle is put right by the next start.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from adit.endpoints.receiver import listening
from adit.site.children import bind_to_parent
from adit.site.database import Cluster, DatabaseError, free_port, is_free, make_private
from adit.site.env import Config
from adit.site.probe import healthy
from adit.site.state import State, read_state, remove_state, write_state

log = logging.getLogger(__name__)

_START_LIMIT = 60.0
"""Seconds that one process may take until it is ready, at the first start."""

_STOP_LIMIT = 4.5
"""Seconds that the processes have after the first signal, and then once more the database."""

_LONGEST_WAIT = 30.0
"""Seconds between two attempts to start a process that does not stay up."""

_LOG_LIMIT = 20 * 1024 * 1024


class StartFailed(Exception):
    """ADIT could not be started; the message says what failed and where to look."""


class RunsAlready(StartFailed):
    """Another supervisor has this `ADIT_HOME`."""


async def _at_once() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Process:
    """One child.

    Attributes:
        name: For people, and of its log file.
        ready: Asked every few milliseconds after each start until it says yes.
        prepare: Called before each start; may block.
        environment: On top of the supervisor's own.
        stop: Asks it to end; SIGKILL follows after 4.5 s.
        orphaned: What the kernel sends when the supervisor dies.
        demotion: `user`, `group` and `extra_groups` as of `subprocess.Popen`.
        outlives: Ends only after all others have ended.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]] = _at_once
    prepare: Callable[[], None] = lambda: None
    environment: Mapping[str, str] = field(default_factory=dict)
    stop: signal.Signals = signal.SIGTERM
    orphaned: signal.Signals = signal.SIGKILL
    demotion: Mapping[str, Any] = field(default_factory=dict)
    outlives: bool = False


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
        self._lock = _take_lock(self.config)
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
        port = await _port_for(self.config, any_port=self._any_port)
        if self.config.receiver_plain:
            await _require_receiver_port(*self._receiver, "ADIT_RECEIVER_PORT")
        if self.config.receiver_tls_certificate:
            await _require_receiver_port(self._receiver[0], self.config.receiver_tls_port, "ADIT_RECEIVER_TLS_PORT")
        self.web_url = f"http://{_shown(host)}:{port}/"
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
            raise StartFailed(f"the database could not be brought up to date: {self._last_words('migrate')}")

    def _adit(self, name: str, *arguments: str) -> Process:
        """A process of ADIT's own command line."""
        ready = _at_once
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
            log.warning("%s ended (%s); it starts again in %.1f s", process.name, _how(code), wait)
            while True:
                await asyncio.sleep(wait)
                try:
                    child = await self._spawn(process)
                    break
                except (DatabaseError, OSError) as error:
                    wait = min(wait * 2, _LONGEST_WAIT)
                    log.warning("%s cannot start: %s; next attempt in %.1f s", process.name, error, wait)

    async def _spawn(self, process: Process) -> asyncio.subprocess.Process:
        await asyncio.to_thread(process.prepare)
        environment = {**os.environ, "ADIT_HOME": str(self.config.home), **process.environment}
        # Without its compiled files every start would compile everything again: 16 s instead of 3.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["ADIT_EXCLUDED_MODALITIES"] = ",".join(self.config.excluded_modalities)
        if self.database_url:
            environment["DATABASE_URL"] = self.database_url
        with _open_log(self.config.logs / f"{process.name}.log") as output:
            child = await asyncio.create_subprocess_exec(
                *process.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd="/",
                start_new_session=True,
                preexec_fn=bind_to_parent(process.orphaned),
                **process.demotion,
            )
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
                raise StartFailed(f"{self._lost} does not stay up: {self._last_words(self._lost)}")
            if child is not None and child.returncode is not None:
                raise StartFailed(f"{what} does not start ({_how(child.returncode)}): {self._last_words(name)}")
            if time.monotonic() > deadline:
                raise StartFailed(f"{what}: not ready after {_START_LIMIT:.0f} s: {self._last_words(name)}")
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
            await asyncio.gather(*(self._end(self._running[name], stops.get(name)) for name in names))
        if self._lock is not None:
            self._lock.close()

    async def _end(self, child: asyncio.subprocess.Process, stop: signal.Signals | None) -> None:
        if child.returncode is None:
            with suppress(ProcessLookupError, TimeoutError):
                child.send_signal(stop or signal.SIGTERM)
                await asyncio.wait_for(child.wait(), _STOP_LIMIT)
        # Every child leads a group of its own; whatever it started goes with it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()

    def _last_words(self, name: str) -> str:
        path = self.config.logs / f"{name}.log"
        lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
        return f"{lines[-1].strip() if lines else 'it said nothing'} (all of it in {path})"


def supervisor_pid(config: Config) -> int | None:
    """The process that holds the lock of this home, starting or running; None when nobody does."""
    try:
        with _lock_file(config).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        words = _lock_file(config).read_text().strip()
        return int(words) if words.isdigit() else None
    return None


def _lock_file(config: Config) -> Path:
    return config.run / "lock"


def _take_lock(config: Config) -> IO[str]:
    """Hold the lock of this home until the file is closed, by whatever end of this process.

    Raises:
        RunsAlready: Somebody has it.
    """
    make_private(config.home, mode=0o711)
    make_private(config.run)
    lock = _lock_file(config).open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        state = read_state(config)
        where = f" at {state.web_url} (process {state.pid})" if state else ", or is just starting or ending"
        raise RunsAlready(f"ADIT runs already{where}: '{config.launcher} down' ends it") from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


async def _port_for(config: Config, *, any_port: bool) -> int:
    """The configured port, else a free one where that is allowed.

    Raises:
        StartFailed: It stays taken for 2 s (a web server that was killed just now is gone by then).
    """
    deadline = time.monotonic() + 2
    while not is_free(config.web_port, config.web_host):
        if any_port:
            return free_port(config.web_host)
        if time.monotonic() > deadline:
            raise StartFailed(
                f"port {config.web_port} on {config.web_host} is taken by another program: "
                "set ADIT_WEB_PORT to a free one"
            )
        await asyncio.sleep(0.05)
    return config.web_port


async def _require_receiver_port(host: str, port: int, variable: str) -> None:
    """Raise StartFailed when it stays taken for 2 s (a receiver that was killed just now is gone by then)."""
    deadline = time.monotonic() + 2
    while not is_free(port, host):
        if time.monotonic() > deadline:
            raise StartFailed(
                f"port {port} on {host}, to which PACS send what is retrieved, is taken by another program: "
                f"set {variable} to a free one, and have it entered in the PACS"
            )
        await asyncio.sleep(0.05)


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


def _open_log(path: Path) -> IO[bytes]:
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def _shown(host: str) -> str:
    """*host* as part of an address that a browser on this machine can open."""
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by signal {-code}"
    return f"exit code {code}"
