"""A place at a node for somebody who waits for an answer: a search, an image, a download."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db.models.functions import Now

from adit.dicom.errors import DicomError
from adit.dicom.protocols import Cancellation
from adit.nodes import slots
from adit.nodes.models import Node

LEASE = timedelta(minutes=10)
"""Whoever dies with a place keeps it for so long."""

RENEWAL = 60.0
"""Seconds after which whoever goes on says so."""

PATIENCE = 10.0
"""Seconds that a place is waited for."""

_LOOKS = 0.2
"""Seconds between two tries."""


class Busy(DicomError):
    """All places of the server are taken."""

    transient = True
    mended_by = "nobody: others use it"


@contextmanager
def place(
    node: Node, *, cancel: Cancellation, patience: float = PATIENCE, interactive: bool = True
) -> Iterator[Callable[[], None]]:
    """One of the node's places for associations, for as long as what is given is called now and then.

    Args:
        patience: Seconds that a place is waited for.
        interactive: Somebody waits for the answer: it may be the place that is kept for that.

    Raises:
        Busy: All are taken, and none became free in time.
        Canceled: While waiting.
    """
    holder = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
    deadline = time.monotonic() + patience
    while node.is_server and not slots.take(node, 1, holder=holder, until=Now() + LEASE, interactive=interactive):
        if time.monotonic() > deadline:
            raise Busy(f"all {node.max_associations} places are taken; try again later").on(node.name)
        cancel.wait(_LOOKS)
    renewed = time.monotonic()

    def keep() -> None:
        nonlocal renewed
        if time.monotonic() - renewed > RENEWAL:
            renewed = time.monotonic()
            slots.renew(holder=holder, until=Now() + LEASE)

    try:
        yield keep
    finally:
        slots.free_all(holder=holder)


@contextmanager
def at(node: Node) -> Iterator[None]:
    """While only *node* is asked: whatever goes wrong in the block went wrong there, and the error says so."""
    try:
        yield
    except DicomError as error:
        error.on(node.name)
        raise
