"""The environment, read once into one frozen value.

Everything below this floor gets its settings as arguments; `docs/admin/environment.md` lists
the variables for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from environs import Env, EnvError

MEBIBYTE = 1024 * 1024
PROJECT = Path(__file__).resolve().parents[3]
"""The checkout that holds the launcher, where ADIT runs from one."""


class Misconfigured(Exception):
    """An environment variable holds what ADIT cannot use."""


@dataclass(frozen=True, slots=True)
class Config:
    """What the environment says. Durations are seconds, sizes are bytes.

    Attributes:
        home: Where every state lives (`ADIT_HOME`).
        database_url: The PostgreSQL to use; None means the embedded one.
        receiver_host, receiver_port: Where servers send what is retrieved by C-MOVE.
        receiver_quarantine: What nobody asked for is kept in quarantine instead of being refused.
        receiver_callers: AE titles that may send; empty for all.
        receiver_networks: From where; empty for everywhere.
        receiver_waiting: Bytes of one retrieval that may lie in the spool unread.
        launcher: What a person types to run ADIT, for sentences.
        log_format: "console" or "json".
        disk_reserve: Free bytes below which the doctor warns.
    """

    home: Path
    database_url: str | None
    launcher: str
    debug: bool
    log_format: str
    log_level: str
    web_host: str
    web_port: int
    allowed_hosts: tuple[str, ...]
    workers: int
    concurrency: int
    ae_title: str
    receiver_host: str
    receiver_port: int
    receiver_quarantine: bool
    receiver_callers: tuple[str, ...]
    receiver_networks: tuple[IPv4Network | IPv6Network, ...]
    receiver_waiting: int
    secret_keys: tuple[str, ...]
    folder_roots: tuple[Path, ...]
    no_progress: float
    lease: float
    heartbeat: float
    budget: int
    retry_waits: tuple[float, ...]
    task_retry_waits: tuple[float, ...]
    disk_reserve: int

    @property
    def spool(self) -> Path:
        return self.home / "spool"

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def run(self) -> Path:
        """Holds what is true only while ADIT runs: the state file and the lock."""
        return self.home / "run"


@cache
def config() -> Config:
    """The configuration of this process.

    Raises:
        Misconfigured: A variable cannot be read as what it must be; the message names it.
    """
    return read(Env())


def read(env: Env) -> Config:
    """Read every variable that ADIT knows.

    Raises:
        Misconfigured: A variable cannot be read as what it must be; the message names it.
    """
    try:
        found = Config(
            home=Path(env.str("ADIT_HOME", "") or _default_home()).expanduser().absolute(),
            database_url=env.str("DATABASE_URL", "") or None,
            launcher=_launcher(),
            debug=env.bool("ADIT_DEBUG", False),
            log_format=env.str("ADIT_LOG_FORMAT", "console"),
            log_level=env.str("ADIT_LOG_LEVEL", "INFO").upper(),
            web_host=env.str("ADIT_WEB_HOST", "127.0.0.1"),
            web_port=env.int("ADIT_WEB_PORT", 8000),
            allowed_hosts=tuple(env.list("ADIT_ALLOWED_HOSTS", [])),
            workers=env.int("ADIT_WORKERS", 1),
            concurrency=env.int("ADIT_CONCURRENCY", 2),
            ae_title=env.str("ADIT_AE_TITLE", "ADIT"),
            receiver_host=env.str("ADIT_RECEIVER_HOST", "0.0.0.0"),
            receiver_port=env.int("ADIT_RECEIVER_PORT", 11112),
            receiver_quarantine=env.bool("ADIT_RECEIVER_QUARANTINE", False),
            receiver_callers=tuple(map(str.strip, env.list("ADIT_RECEIVER_CALLERS", []))),
            receiver_networks=_networks(env.list("ADIT_RECEIVER_NETWORKS", [])),
            receiver_waiting=env.int("ADIT_RECEIVER_WAITING", 512 * MEBIBYTE),
            secret_keys=tuple(env.list("ADIT_SECRET_KEYS", [])),
            folder_roots=tuple(Path(root) for root in env.list("ADIT_FOLDER_ROOTS", ["/"])),
            no_progress=env.float("ADIT_NO_PROGRESS", 600.0),
            lease=env.float("ADIT_LEASE", 45.0),
            heartbeat=env.float("ADIT_HEARTBEAT", 10.0),
            budget=env.int("ADIT_BUDGET", 128 * MEBIBYTE),
            retry_waits=tuple(env.list("ADIT_RETRY_WAITS", [1.0, 4.0, 16.0], subcast=float)),
            task_retry_waits=tuple(env.list("ADIT_TASK_RETRY_WAITS", [5.0, 20.0, 60.0], subcast=float)),
            disk_reserve=env.int("ADIT_DISK_RESERVE", 1024 * MEBIBYTE),
        )
    except EnvError as error:
        raise Misconfigured(str(error)) from error
    _check(found)
    return found


def _check(config: Config) -> None:
    rules = (
        (0 < config.web_port < 65536, "ADIT_WEB_PORT must be a port, 1 to 65535"),
        (0 < config.receiver_port < 65536, "ADIT_RECEIVER_PORT must be a port, 1 to 65535"),
        (config.receiver_waiting > 0, "ADIT_RECEIVER_WAITING must be more than 0 bytes"),
        (config.workers > 0, "ADIT_WORKERS must be 1 or more"),
        (config.concurrency > 0, "ADIT_CONCURRENCY must be 1 or more"),
        (config.no_progress > 0, "ADIT_NO_PROGRESS must be more than 0 seconds"),
        (config.budget > 0, "ADIT_BUDGET must be more than 0 bytes"),
        (0 < config.heartbeat < config.lease, "ADIT_HEARTBEAT must be more than 0 and less than ADIT_LEASE"),
        (min((*config.retry_waits, 0.0)) == 0.0, "ADIT_RETRY_WAITS must not hold a negative wait"),
        (min((*config.task_retry_waits, 0.0)) == 0.0, "ADIT_TASK_RETRY_WAITS must not hold a negative wait"),
        (config.log_format in ("console", "json"), "ADIT_LOG_FORMAT must be 'console' or 'json'"),
        (
            config.log_level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
            "ADIT_LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL",
        ),
        (
            all(root.is_absolute() for root in config.folder_roots),
            "ADIT_FOLDER_ROOTS must hold absolute paths, separated by commas",
        ),
        # An AE title has 1 to 16 characters of the default repertoire without backslash, PS3.5 6.2.
        (
            0 < len(config.ae_title.strip()) <= 16 and config.ae_title.isascii() and config.ae_title.isprintable(),
            "ADIT_AE_TITLE must have 1 to 16 plain characters",
        ),
        ("\\" not in config.ae_title, "ADIT_AE_TITLE must not hold a backslash"),
    )
    for holds, sentence in rules:
        if not holds:
            raise Misconfigured(sentence)


def _networks(words: list[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(word.strip()) for word in words)
    except ValueError as error:
        raise Misconfigured(f"ADIT_RECEIVER_NETWORKS must hold IP addresses or networks: {error}") from error


def _default_home() -> Path:
    return PROJECT / ".adit" if (PROJECT / "adit").is_file() else Path.home() / ".adit"


def _launcher() -> str:
    return "./adit" if (PROJECT / "adit").is_file() else "adit"
