"""What runs now, for every other process on this machine: `ADIT_HOME/run/state.json` (0600)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from adit.site.children import is_running
from adit.site.database import make_private, write_private
from adit.site.env import Config, Misconfigured


@dataclass(frozen=True, slots=True)
class State:
    """Written by the supervisor when everything is ready, removed when it ends.

    Attributes:
        pid: The supervisor.
        web_url: Where people find the pages.
        ports: By name of the process.
        excluded_modalities: Stay behind in jobs that are made here, where the environment names none.
    """

    pid: int
    database_url: str
    web_url: str
    ports: dict[str, int] = field(default_factory=dict)
    excluded_modalities: list[str] = field(default_factory=list)


def state_file(config: Config) -> Path:
    return config.run / "state.json"


def write_state(config: Config, state: State) -> None:
    make_private(config.run)
    write_private(state_file(config), json.dumps(asdict(state), indent=1))


def read_state(config: Config) -> State | None:
    """What the supervisor of this home wrote, if it is alive; what a killed one left does not count."""
    try:
        state = State(**json.loads(state_file(config).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return state if is_running(state.pid) else None


def remove_state(config: Config) -> None:
    state_file(config).unlink(missing_ok=True)


def database_url(config: Config) -> str | None:
    """The database of this process: the environment's, else the running supervisor's."""
    if config.database_url:
        return config.database_url
    state = read_state(config)
    return state.database_url if state else None


def receiver_port(config: Config) -> int:
    """Where the receiver listens: the demo's moves where its port is taken, every other is fixed."""
    state = read_state(config)
    return state.ports.get("receiver", config.receiver_port) if state else config.receiver_port


def excluded_modalities(config: Config) -> tuple[str, ...]:
    """What stays behind when studies are pseudonymised: the environment's word, else the running supervisor's."""
    state = None if config.excluded_modalities else read_state(config)
    return tuple(state.excluded_modalities) if state else config.excluded_modalities


def django_database(url: str) -> dict[str, Any]:
    """Django's form of a `postgresql://` URL. Its query gives libpq's options.

    Raises:
        Misconfigured: It is another kind of URL, or names no database.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        raise Misconfigured("DATABASE_URL must look like postgresql://user:password@host:port/database")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        # A database that vanished must be noticed well within a lease of 45 s.
        "OPTIONS": {
            "connect_timeout": 5,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
            **dict(parse_qsl(parts.query)),
        },
    }
