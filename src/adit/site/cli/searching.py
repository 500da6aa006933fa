"""Opening a node to search it, from the command line."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from django.db.models.functions import Now

from adit.accounts.models import User
from adit.audit.record import record
from adit.dicom.errors import DicomError
from adit.dicom.protocols import Source
from adit.dicom.query import Query
from adit.endpoints.cancel import NEVER
from adit.nodes import slots
from adit.nodes.models import Node
from adit.nodes.permissions import can_search, may_use
from adit.site.env import config
from adit.site.working import opening_of

LEASE = timedelta(minutes=10)
"""A command that is killed keeps its place for so long."""

RENEWAL = 60.0
"""Seconds after which a command that goes on says so."""

PATIENCE = 10.0
"""Seconds that a command waits for a place."""


class Busy(DicomError):
    """All places of the server are taken."""

    transient = True


@contextmanager
def searching(node: Node, *, by: User) -> Iterator[Source]:
    """*node*, open for queries over one association.

    Raises:
        Denied: *by* may not search it, or it cannot be searched.
        DicomError: All its places are taken, or it does not answer.
    """
    may_use(node, user=by, group=by.active_group, as_source=True).require()
    can_search(node).require()

    def note(query: Query, found: int) -> None:
        details = {"level": query.level, "keys": dict(query.keys), "found": found}
        study, patient = query.value("StudyInstanceUID"), query.value("PatientID")
        record("search", by=by, nodes=[node.name], patient_id=patient, study_uid=study, details=details)

    opening = replace(opening_of(config()), waits=config().retry_waits[:1])
    with place(node), opening.source(node, cancel=NEVER, associations=1, note=note) as source:
        yield source


@contextmanager
def place(node: Node) -> Iterator[Callable[[], None]]:
    """One of the node's places for associations, for as long as what is given is called now and then.

    Raises:
        Busy: All are taken, and none became free in time.
    """
    holder = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
    deadline = time.monotonic() + PATIENCE
    while node.is_server and not slots.take(node, 1, holder=holder, until=Now() + LEASE, interactive=True):
        if time.monotonic() > deadline:
            raise Busy(f"all {node.max_associations} places are taken; try again later").on(node.name)
        time.sleep(0.2)
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
