"""Putting a process together: logging first, then Django."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from adit.site.database import make_private
from adit.site.env import Config

PATIENT_WORDS = frozenset(
    (
        "patient",
        "patient_id",
        "patient_name",
        "patient_birth_date",
        "birth_date",
        "accession_number",
        "pseudonym",
        "item",
        "identifier",
        "password",
        "authorization",
    )
)
"""Names of log fields that are masked above DEBUG."""

_DETAIL = re.compile(
    r"^(?:DETAIL|CONTEXT):.*?(?=^(?:HINT|CONTEXT|Traceback|During|The above)\b|\Z)", re.MULTILINE | re.DOTALL
)


def start_django(config: Config) -> None:
    """Set up logging and Django for this process. More than once does no harm."""
    import django  # noqa: PLC0415 - `adit --version` needs none of it

    os.environ["DJANGO_SETTINGS_MODULE"] = "adit.site.settings"
    configure_logging(config)
    django.setup()


def configure_logging(config: Config) -> None:
    """One line per record on stderr, as JSON or for the console, whichever library it comes from."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(config))
    _only(handler, config)


def log_to_file(config: Config, name: str) -> Path:
    """Send every record of this process to `logs/<name>.log` instead, and return that path."""
    make_private(config.logs)
    path = config.logs / f"{name}.log"
    path.touch(mode=0o600)
    handler = logging.FileHandler(path)
    handler.setFormatter(_formatter(config))
    _only(handler, config)
    return path


def _only(handler: logging.Handler, config: Config) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(config.log_level)
    # Their INFO is a line per request, per query, per fetched ticket.
    for chatty in ("procrastinate", "uvicorn.access", "asyncio", "pynetdicom"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def _formatter(config: Config) -> logging.Formatter:
    import structlog  # noqa: PLC0415

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    render: list[Any]
    if config.log_format == "json":
        render = [
            structlog.processors.format_exc_info,
            without_rows,
            structlog.processors.JSONRenderer(default=str),
        ]
    else:
        # Local variables, which rich tracebacks print, may hold patient data.
        render = [
            structlog.processors.format_exc_info,
            without_rows,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), mask],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
    )


def mask(_: Any, level: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: above DEBUG, fields about a patient lose their value, and requests their query."""
    if level != "debug":
        for name in record.keys() & PATIENT_WORDS:
            record[name] = "…"
        if (path := getattr(record.get("request"), "path", None)) is not None:
            record["request"] = f"{record['request'].method} {path}"
    return record


def without_rows(_: Any, __: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: a traceback goes without what PostgreSQL tells of the row that it did not take."""
    if isinstance(told := record.get("exception"), str):
        record["exception"] = _DETAIL.sub("DETAIL:  …", told)
    return record
