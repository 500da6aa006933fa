"""One child process: how it starts, where its words go, how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from adit.site.children import bind_to_parent

_STOP_LIMIT = 4.5
"""Seconds that a process has after the first signal."""

_LOG_LIMIT = 20 * 1024 * 1024


async def at_once() -> bool:
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
    ready: Callable[[], Awaitable[bool]] = at_once
    prepare: Callable[[], None] = lambda: None
    environment: Mapping[str, str] = field(default_factory=dict)
    stop: signal.Signals = signal.SIGTERM
    orphaned: signal.Signals = signal.SIGKILL
    demotion: Mapping[str, Any] = field(default_factory=dict)
    outlives: bool = False


async def spawn(process: Process, *, log: Path, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    """Start *process* with what it says appended to *log*; it leads a group of its own.

    Args:
        environment: All of it; `process.environment` is the caller's to put in.
    """
    await asyncio.to_thread(process.prepare)
    with _open_log(log) as output:
        return await asyncio.create_subprocess_exec(
            *process.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            cwd="/",
            start_new_session=True,
            preexec_fn=bind_to_parent(process.orphaned),
            **process.demotion,
        )


async def end(child: asyncio.subprocess.Process, stop: signal.Signals) -> None:
    """Ask *child* by *stop* to end, and end it after 4.5 s, with all that it started."""
    if child.returncode is None:
        with suppress(ProcessLookupError, TimeoutError):
            child.send_signal(stop)
            await asyncio.wait_for(child.wait(), _STOP_LIMIT)
    # Every child leads a group of its own; whatever it started goes with it.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    await child.wait()


def last_words(log: Path) -> str:
    """The last line of *log*, and where the rest is, for a person."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return f"{lines[-1].strip() if lines else 'it said nothing'} (all of it in {log})"


def how(code: int | None) -> str:
    """How it ended, for a person."""
    if code is not None and code < 0:
        return f"killed by signal {-code}"
    return f"exit code {code}"


def _open_log(path: Path) -> IO[bytes]:
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")
