"""The lock of an `ADIT_HOME`, and who holds it: one supervisor has it from its start to its end."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from adit.site.database import make_private
from adit.site.env import Config
from adit.site.errors import RunsAlready
from adit.site.state import read_state


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


def take_lock(config: Config) -> IO[str]:
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
