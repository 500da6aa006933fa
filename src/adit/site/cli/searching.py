"""Opening a node to search it, from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from adit.accounts.models import User
from adit.audit.record import record
from adit.dicom.protocols import Source
from adit.dicom.query import Query
from adit.endpoints.cancel import NEVER
from adit.nodes.models import Node
from adit.nodes.permissions import answers_now, can_search, may_use
from adit.nodes.places import at, place
from adit.site.env import config
from adit.site.working import opening_of


@contextmanager
def searching(node: Node, *, by: User) -> Iterator[Source]:
    """*node*, open for queries over one association.

    Raises:
        Denied: *by* may not search it, or it cannot be searched, or not now.
        DicomError: All its places are taken, or it does not answer; with the node's name.
    """
    may_use(node, user=by, group=by.active_group, as_source=True).require()
    can_search(node).require()
    answers_now(node).require()

    def note(query: Query, found: int) -> None:
        details = {"level": query.level, "keys": dict(query.keys), "found": found}
        study, patient = query.value("StudyInstanceUID"), query.value("PatientID")
        record("search", by=by, nodes=[node.name], patient_id=patient, study_uid=study, details=details)

    opening = replace(opening_of(config()), waits=config().retry_waits[:1])
    with (
        at(node),
        place(node, cancel=NEVER),
        opening.source(node, cancel=NEVER, associations=1, note=note) as source,
    ):
        yield source
