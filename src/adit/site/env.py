"""The environment, read once into one frozen value.

Everything below this floor gets its settings as arguments; `docs/admin/environment.md` lists
the variables for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
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
        receiver_plain: It may be called without TLS.
        receiver_tls_port: Where it is called with TLS, if there is a certificate.
        receiver_tls_certificate: File of the certificate and private key that it shows.
        receiver_tls_ca: File of the CA whose certificates clients have to show; None for any client.
        receiver_quarantine: What nobody asked for is kept in quarantine instead of being refused.
        receiver_quarantine_kept: How long it stays there; None until somebody removes it.
        receiver_callers: AE titles that may send; empty for all.
        receiver_networks: From where; empty for everywhere.
        receiver_waiting: Bytes of one retrieval that may lie in the spool unread.
        launcher: What a person types to run ADIT, for sentences.
        log_format: "console" or "json".
        excluded_modalities: Stay behind when studies are pseudonymised.
        public_url: Under which people reach the pages, such as https://adit.example.org; empty for
            the address that it listens on. With https cookies are sent by TLS only.
        behind_proxy: A proxy in front says by X-Forwarded-Proto and X-Forwarded-For who asked and how.
        session_idle, session_longest: Seconds until somebody has to log in again.
        email_url: Where mails go, such as smtp://user:password@host:587; empty for nowhere.
        email_from: Their sender.
        admin_emails: Who is told of registrations, folders that fill up and the like; empty for all administrators.
        mail_failed_jobs: They are told of every job that failed, too.
        audit_retention: How long events stay in the audit trail; None for ever.
        demo: The pages show the demo: log-in by one click, and a panel to break things.
        batch_file_bytes: The largest file with rows that people may bring.
        require_ethics_number: Batches are made with the number of an ethics vote only.
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
    public_url: str
    behind_proxy: bool
    session_idle: int
    session_longest: int
    email_url: str
    email_from: str
    admin_emails: tuple[str, ...]
    mail_failed_jobs: bool
    audit_retention: timedelta | None
    demo: bool
    workers: int
    concurrency: int
    ae_title: str
    receiver_host: str
    receiver_port: int
    receiver_plain: bool
    receiver_tls_port: int
    receiver_tls_certificate: Path | None
    receiver_tls_ca: Path | None
    receiver_quarantine: bool
    receiver_quarantine_kept: timedelta | None
    receiver_callers: tuple[str, ...]
    receiver_networks: tuple[IPv4Network | IPv6Network, ...]
    receiver_waiting: int
    secret_keys: tuple[str, ...]
    folder_roots: tuple[Path, ...]
    excluded_modalities: tuple[str, ...]
    no_progress: float
    lease: float
    heartbeat: float
    budget: int
    retry_waits: tuple[float, ...]
    task_retry_waits: tuple[float, ...]
    batch_file_bytes: int
    require_ethics_number: bool
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
            public_url=env.str("ADIT_PUBLIC_URL", "").rstrip("/"),
            behind_proxy=env.bool("ADIT_BEHIND_PROXY", False),
            session_idle=env.int("ADIT_SESSION_IDLE", 30 * 60),
            session_longest=env.int("ADIT_SESSION_LONGEST", 12 * 60 * 60),
            email_url=env.str("ADIT_EMAIL_URL", ""),
            email_from=env.str("ADIT_EMAIL_FROM", "adit@localhost"),
            admin_emails=tuple(env.list("ADIT_ADMIN_EMAILS", [])),
            mail_failed_jobs=env.bool("ADIT_MAIL_FAILED_JOBS", False),
            audit_retention=_days(env.int("ADIT_AUDIT_RETENTION", 0)),
            demo=env.bool("ADIT_DEMO", False),
            workers=env.int("ADIT_WORKERS", 1),
            concurrency=env.int("ADIT_CONCURRENCY", 2),
            ae_title=env.str("ADIT_AE_TITLE", "ADIT"),
            receiver_host=env.str("ADIT_RECEIVER_HOST", "0.0.0.0"),
            receiver_port=env.int("ADIT_RECEIVER_PORT", 11112),
            receiver_plain=env.bool("ADIT_RECEIVER_PLAIN", True),
            receiver_tls_port=env.int("ADIT_RECEIVER_TLS_PORT", 2762),
            receiver_tls_certificate=_file(env.str("ADIT_RECEIVER_TLS_CERTIFICATE", "")),
            receiver_tls_ca=_file(env.str("ADIT_RECEIVER_TLS_CA", "")),
            receiver_quarantine=env.bool("ADIT_RECEIVER_QUARANTINE", False),
            receiver_quarantine_kept=_days(env.int("ADIT_RECEIVER_QUARANTINE_DAYS", 0)),
            receiver_callers=tuple(map(str.strip, env.list("ADIT_RECEIVER_CALLERS", []))),
            receiver_networks=_networks(env.list("ADIT_RECEIVER_NETWORKS", [])),
            receiver_waiting=env.int("ADIT_RECEIVER_WAITING", 512 * MEBIBYTE),
            secret_keys=tuple(env.list("ADIT_SECRET_KEYS", [])),
            folder_roots=tuple(Path(root) for root in env.list("ADIT_FOLDER_ROOTS", ["/"])),
            excluded_modalities=_modalities(env.list("ADIT_EXCLUDED_MODALITIES", [])),
            no_progress=env.float("ADIT_NO_PROGRESS", 600.0),
            lease=env.float("ADIT_LEASE", 45.0),
            heartbeat=env.float("ADIT_HEARTBEAT", 10.0),
            budget=env.int("ADIT_BUDGET", 128 * MEBIBYTE),
            retry_waits=tuple(env.list("ADIT_RETRY_WAITS", [1.0, 4.0, 16.0], subcast=float)),
            task_retry_waits=tuple(env.list("ADIT_TASK_RETRY_WAITS", [5.0, 20.0, 60.0], subcast=float)),
            batch_file_bytes=env.int("ADIT_BATCH_FILE_BYTES", 5 * MEBIBYTE),
            require_ethics_number=env.bool("ADIT_REQUIRE_ETHICS_NUMBER", False),
            disk_reserve=env.int("ADIT_DISK_RESERVE", 1024 * MEBIBYTE),
        )
    except EnvError as error:
        raise Misconfigured(str(error)) from error
    _check(found)
    return found


def _check(config: Config) -> None:
    rules = (
        (
            not config.public_url or config.public_url.startswith(("https://", "http://")),
            "ADIT_PUBLIC_URL must begin with https:// or http://",
        ),
        (
            0 < config.session_idle <= config.session_longest,
            "ADIT_SESSION_IDLE must be more than 0 and not more than ADIT_SESSION_LONGEST",
        ),
        (0 < config.web_port < 65536, "ADIT_WEB_PORT must be a port, 1 to 65535"),
        (0 < config.receiver_port < 65536, "ADIT_RECEIVER_PORT must be a port, 1 to 65535"),
        (0 < config.receiver_tls_port < 65536, "ADIT_RECEIVER_TLS_PORT must be a port, 1 to 65535"),
        (
            config.receiver_tls_port != config.receiver_port or not config.receiver_plain,
            "ADIT_RECEIVER_TLS_PORT must be another port than ADIT_RECEIVER_PORT",
        ),
        (
            config.receiver_tls_certificate is not None or config.receiver_tls_ca is None,
            "ADIT_RECEIVER_TLS_CA needs ADIT_RECEIVER_TLS_CERTIFICATE",
        ),
        (
            config.receiver_tls_certificate is not None or config.receiver_plain,
            "ADIT_RECEIVER_PLAIN=false needs ADIT_RECEIVER_TLS_CERTIFICATE: else nobody could call the receiver",
        ),
        (config.receiver_waiting > 0, "ADIT_RECEIVER_WAITING must be more than 0 bytes"),
        (
            config.receiver_quarantine_kept is None or config.receiver_quarantine_kept > timedelta(0),
            "ADIT_RECEIVER_QUARANTINE_DAYS must be 0 (for ever) or a number of days",
        ),
        (
            config.audit_retention is None or config.audit_retention >= timedelta(days=30),
            "ADIT_AUDIT_RETENTION must be 0 (for ever) or at least 30 days",
        ),
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


def _days(count: int) -> timedelta | None:
    return timedelta(days=count) if count else None


def _modalities(words: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip().upper() for word in words if word.strip()))


def _networks(words: list[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(word.strip()) for word in words)
    except ValueError as error:
        raise Misconfigured(f"ADIT_RECEIVER_NETWORKS must hold IP addresses or networks: {error}") from error


def _file(path: str) -> Path | None:
    return Path(path).expanduser().absolute() if path else None


def _default_home() -> Path:
    return PROJECT / ".adit" if (PROJECT / "adit").is_file() else Path.home() / ".adit"


def _launcher() -> str:
    return "./adit" if (PROJECT / "adit").is_file() else "adit"
