"""Going on when the database was away for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

from adit.dicom.protocols import Cancellation

Value = TypeVar("Value")

PAUSE = 0.3
"""Seconds between two tries."""

AWAY = (OperationalError, InterfaceError)
"""What Django raises when the database cannot be reached, or a connection to it broke."""


def patiently(work: Callable[[], Value], *, cancel: Cancellation) -> Value:
    """Call *work*, again as long as the database is away.

    *work* is one transaction, and does no harm when it is done twice: a connection may break
    after the database has committed, before it could say so.

    Raises:
        Canceled: *cancel* was set while waiting.
    """
    while True:
        try:
            return work()
        except AWAY:
            connection.close()
            cancel.wait(PAUSE)
