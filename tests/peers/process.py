"""Servers as child processes: started on a free port, ready when they listen, ended by their own process id."""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

HOST = "127.0.0.1"
START = 60.0
"""Seconds a server may take until it listens; on an idle machine all need less than half a second."""

_TRIES = 5
_LISTENING = "0A"  # the state of a listening socket in /proc/net/tcp
_KILL_WHEN_PARENT_DIES = 1  # PR_SET_PDEATHSIG of prctl(2)

_libc = ctypes.CDLL(None, use_errno=True)


class MissingProgram(RuntimeError):
    """A program that the tests need is not installed. The message names the Debian package."""


class DidNotStart(RuntimeError):
    """A server ended, or did not listen in time. The message holds what it printed."""


class Entity(Protocol):
    """What a caller must know of an application entity."""

    @property
    def ae_title(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...


@dataclass(frozen=True)
class Peer:
    """Where an application entity listens."""

    ae_title: str
    host: str
    port: int


def program(name: str, *, package: str) -> str:
    """The path of an installed program.

    Raises:
        MissingProgram: It is neither on the PATH nor where Debian puts servers.
    """
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise MissingProgram(f"{name} is not installed, and these tests need it: apt-get install {package}")
    return found


def free_ports(count: int) -> tuple[int, ...]:
    """Ports that are free at this moment. Another process may take one before it is used."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("", 0))
        return tuple(each.getsockname()[1] for each in sockets)
    finally:
        for each in sockets:
            each.close()


def environment(*, nagle: bool) -> dict[str, str]:
    """Our environment; unless *nagle*, with the switch that turns Nagle's algorithm off in DCMTK and Orthanc."""
    values = {k: v for k, v in os.environ.items() if k != "TCP_NODELAY"}
    return values if nagle else {**values, "TCP_NODELAY": "1"}


@contextmanager
def running(
    command: Callable[[tuple[int, ...]], Sequence[str]], *, ports: int = 1, log: Path, nagle: bool = False
) -> Iterator[tuple[int, ...]]:
    """Run a server while the block runs, and kill it and its children at the end.

    The server also dies with the thread that started it (the main thread in tests), so that
    a killed test run leaves nothing behind.

    Args:
        command: Builds the command line from the ports that the server shall listen on. Called
            again with others when one of them was taken in between.
        log: What the server prints goes there.

    Raises:
        DidNotStart: It ended at once, several times, or did not listen within `START` seconds.
    """
    for attempt in range(_TRIES):
        chosen = free_ports(ports)
        with log.open("ab") as output:
            child = subprocess.Popen(
                command(chosen),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment(nagle=nagle),
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  one system call, safe beside threads
            )
        try:
            if not _listens(child, chosen) and attempt < _TRIES - 1:
                continue
            if child.poll() is not None:
                raise DidNotStart(f"{child.args!r} ended with {child.returncode}: {_tail(log)}")
            yield chosen
            return
        finally:
            _end(child)


def _die_with_parent() -> None:
    _libc.prctl(_KILL_WHEN_PARENT_DIES, signal.SIGKILL)


def _listens(child: subprocess.Popen[bytes], ports: tuple[int, ...]) -> bool:
    """Wait until *child* itself listens on all *ports*; False when it ended before that."""
    deadline = time.monotonic() + START
    while child.poll() is None:
        # Not by connecting: the port may by now belong to somebody else, and DCMTK's storescp
        # would count the probe as an association.
        if set(ports) <= _listening_ports(child.pid):
            return True
        if time.monotonic() > deadline:
            raise DidNotStart(f"{child.args!r} does not listen on {ports} after {START:.0f} s")
        time.sleep(0.005)
    return False


def _listening_ports(pid: int) -> set[int]:
    ports = set()
    try:
        own = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and f"socket:[{fields[9]}]" in own:
                    ports.add(int(fields[1].rpartition(":")[2], 16))
    except OSError:
        # It ended or closed a descriptor while we looked, or this kernel has no IPv6.
        return ports
    return ports


def _end(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        # Its process group, which holds nothing but what it started: storescp and dcmqrscp fork.
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:].strip()
