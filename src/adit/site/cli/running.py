"""Connecting a command to the ADIT that runs."""

from __future__ import annotations

import logging
import os

from adit.site.cli.output import Failed
from adit.site.env import config
from adit.site.state import database_url


class NotRunning(Failed):
    """There is no database to talk to."""


def require_running() -> None:
    """Set Django up with the database of the running ADIT, and make sure that it answers.

    Raises:
        NotRunning: Nothing runs for this `ADIT_HOME`, or the database does not answer.
    """
    url = database_url(config())
    if url is None:
        raise NotRunning(f"ADIT is not running: start it with '{config().launcher} up'")
    connect(url)
    from django.db import OperationalError, connection  # noqa: PLC0415 - needs the settings

    try:
        connection.ensure_connection()
    except OperationalError:
        who = "the database in DATABASE_URL" if config().database_url else "its database"
        raise NotRunning(
            f"ADIT is not running: {who} does not answer; start it with '{config().launcher} up'"
        ) from None


def connect(url: str) -> None:
    """Set Django up with the database at *url*, in this process and its children."""
    os.environ["DATABASE_URL"] = url
    start_without_database()


def start_without_database() -> None:
    """Set Django up; whatever needs the database fails if there is none."""
    from adit.site.wiring import start_django  # noqa: PLC0415 - a quarter of a second

    start_django(config())


def quiet() -> None:
    """Log no more than warnings: a command says itself what it has to say."""
    logging.getLogger().setLevel(max(logging.WARNING, logging.getLogger().level))
