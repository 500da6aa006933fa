"""A study as a ZIP file for whoever asked for it: moved like any other, written down in the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

from adit.accounts.models import User
from adit.audit.models import Outcome
from adit.audit.record import record
from adit.dicom.errors import DicomError
from adit.dicom.protocols import Cancellation, Sink
from adit.endpoints.zipped import Incomplete, Writes, Zipped
from adit.nodes.models import Node
from adit.nodes.opening import Opening
from adit.nodes.places import at
from adit.transfer.events import Event, Placed
from adit.transfer.items import Layout, TransferStudy
from adit.transfer.ledger import Ledger, Status
from adit.transfer.manifest import manifest_of
from adit.transfer.runners import transfer
from adit.transfer.treating import Treats


class Withheld(DicomError):
    """All of the study stays behind."""

    mended_by = "nobody, it was meant"


@dataclass(frozen=True, slots=True)
class Way:
    """From where, what, and what is done to it (`downloading.prepare`)."""

    node: Node
    item: TransferStudy
    treats: Treats


def zip_study(
    way: Way,
    write: Writes,
    *,
    opening: Opening,
    keep: Callable[[], None],
    cancel: Cancellation,
    by: User,
    address: str | None = None,
) -> Ledger:
    """Write the ZIP file, and into the audit trail that it left and what became of it.

    Args:
        keep: Called now and then: the place at the node is still needed.
        address: Where the request came from.

    Raises:
        DicomError: It is not whole, and is no ZIP file therefore; with the name of the node.
    """
    ledger = Ledger()
    item, patient = way.item, ""

    def note(action: str, outcome: Outcome = Outcome.DONE, **details: Any) -> None:
        record(
            action,
            by=by,
            group=by.active_group.name if by.active_group else "",
            outcome=outcome,
            nodes=[way.node.name],
            patient_id=patient,
            study_uid=item.study,
            address=address,
            details={"series": list(item.series), "pseudonymised": bool(item.pseudonym), **details},
        )

    try:
        for event in _events(way, write, ledger, opening=opening, keep=keep, cancel=cancel):
            if isinstance(event, Placed):
                patient = event.patient_id
                note("download.started")
    except BaseException as error:
        reason = str(error) if isinstance(error, DicomError) else type(error).__name__
        note("download.ended", Outcome.FAILED, stored=len(ledger.stored_instances), reason=reason)
        raise
    note("download.ended", stored=len(ledger.stored_instances))
    return ledger


def _events(
    way: Way, write: Writes, ledger: Ledger, *, opening: Opening, keep: Callable[[], None], cancel: Cancellation
) -> Iterator[Event]:
    def written(data: bytes | memoryview) -> None:
        keep()
        write(data)

    def manifest() -> dict[str, Any]:
        _whole(ledger)
        return manifest_of(way.item.study, ledger, way.treats.new_uid)

    def open_sink(layout: Layout | None) -> Sink:
        assert layout is not None
        return Zipped(written, folder=f"{layout.patient}/{layout.study}", manifest=manifest, cancel=cancel)

    with at(way.node), opening.source(way.node, cancel=cancel, associations=1) as source:
        events = transfer(
            way.item,
            source=source,
            open_sink=open_sink,
            ledger=ledger,
            cancel=cancel,
            job_folder="",
            again=False,
            treats=way.treats,
        )
        with closing(cast("Any", events)):
            for event in events:
                ledger.apply(event)
                keep()
                yield event
        if all(tally.left_out for tally in ledger.series.values()):
            raise Withheld(ledger.verdict().message)


def _whole(ledger: Ledger) -> None:
    """Raises Incomplete when an instance is missing; a source that cannot say how many it has is believed."""
    verdict = ledger.verdict()
    if verdict.status is not Status.SUCCESS and any(tally.failed for tally in ledger.series.values()):
        raise Incomplete(verdict.message)
