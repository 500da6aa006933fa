"""A whole ADIT in a temporary home, driven through its command line as a person would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adit.site.database import free_port

from . import forking


@dataclass(frozen=True)
class Adit:
    """One `ADIT_HOME`, and the ports of its web server and its receiver."""

    home: Path
    port: int
    receiver_port: int = field(default_factory=free_port)

    def __call__(self, *arguments: str, limit: float = 100, **environment: str) -> subprocess.CompletedProcess[str]:
        return forking.run(arguments, self.environment(**environment), limit=limit)

    def environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("ADIT_", "DATABASE_", "DJANGO_"))
        }
        ports = {"ADIT_WEB_PORT": str(self.port), "ADIT_RECEIVER_PORT": str(self.receiver_port)}
        return {**kept, "ADIT_HOME": str(self.home), "ADIT_RECEIVER_HOST": "127.0.0.1", **ports, **more}

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json").stdout)

    def supervisor(self) -> int:
        return int((self.home / "run" / "lock").read_text())

    def children(self) -> dict[str, list[int]]:
        """Process ids below the supervisor, by what they are: "postgres", "web", "worker", "receiver"."""
        found: dict[str, list[int]] = {}
        for pid in children_of(self.supervisor()):
            words = _words(pid)
            # Between fork and exec a child still has the words of its parent.
            for name in ("postgres", "web", "worker", "receiver"):
                if name in (Path(words[0]).name, *words[4:5]):
                    found.setdefault(name, []).append(pid)
        return found

    def is_well(self) -> bool:
        return self("doctor").returncode == 0


@contextmanager
def at_home() -> Iterator[Adit]:
    """An ADIT that is not started yet; all of it is gone at the end.

    Not below `tmp_path`, which is closed to the account that root runs PostgreSQL as.
    """
    room = Path(tempfile.mkdtemp(prefix="adit-home-"))
    room.chmod(0o755)
    one = Adit(room / "home", free_port())
    try:
        yield one
    finally:
        one("down", "--purge")
        shutil.rmtree(room, ignore_errors=True)


def children_of(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        # A thread may end between being listed and being read.
        with suppress(FileNotFoundError, ProcessLookupError):
            children += map(int, (task / "children").read_text().split())
    return children


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return [""]


def eventually(condition: Callable[[], bool], what: str, *, within: float = 100) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.05)
