"""A running ADIT of its own for a benchmark, used through its command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.peers.process import HOST, Entity, free_ports

COMMAND = (sys.executable, "-m", "adit.site")


class Adit:
    """The command line of one ADIT_HOME.

    Attributes:
        receiver_port: Where its receiver listens, as ADIT.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        port, self.receiver_port = free_ports(2)
        self._environment = {
            **os.environ,
            "ADIT_HOME": str(home),
            "ADIT_WEB_PORT": str(port),
            "ADIT_RECEIVER_HOST": HOST,
            "ADIT_RECEIVER_PORT": str(self.receiver_port),
        }
        self._environment.pop("DATABASE_URL", None)

    def __call__(self, *arguments: str, check: bool = True) -> Any:
        """Run a command with --json and return what it prints."""
        done = subprocess.run(
            [*COMMAND, *arguments, "--json"], env=self._environment, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            raise RuntimeError(f"adit {' '.join(arguments)}: {done.stderr or done.stdout}")
        return json.loads(done.stdout)

    def add_server(self, name: str, peer: Entity, *options: str) -> None:
        address = ("--ae-title", peer.ae_title, "--host", peer.host, "--port", str(peer.port))
        self("node", "add", name, *address, *options)

    def pids(self, command: str) -> list[int]:
        """The processes that run *command*: worker, receiver, …"""
        supervisor = json.loads((self.home / "run" / "state.json").read_text())["pid"]
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        return [int(pid) for pid in children if command.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]


@contextmanager
def adit(*options: str, place: Path | None = None) -> Iterator[Adit]:
    """ADIT while the block runs; *options* are those of `adit up`."""
    with tempfile.TemporaryDirectory(prefix="adit-benchmark-", dir=place) as temporary:
        running = Adit(Path(temporary) / "home")
        running("up", "--detach", *options)
        try:
            yield running
        finally:
            running("down", "--purge")
