"""A demo PACS: C-ECHO, C-FIND, C-GET, C-MOVE and C-STORE by pynetdicom, on 127.0.0.1.

Run as `python -m adit.site.demo.pacs --ae-title DEMO_PACS --port 11112 --folder F`. When it can be
called it prints one line to its standard output; SIGTERM and SIGINT end it.
"""

import argparse
import logging
import os
import signal
import socket
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import Event as Flag
from typing import Any
from weakref import WeakKeyDictionary

import pydicom.uid
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_dataset
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, build_context, evt
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at import
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from adit.dicom.refs import UID, uid
from adit.site.demo.archive import Archive, Record
from adit.site.demo.encoding import EXPLICIT_LITTLE
from adit.site.demo.patients import miscounted_study, studies
from adit.site.demo.places import LIES

HOST = "127.0.0.1"
PDU = 1 << 18

SUCCESS, PENDING, CANCELED = 0x0000, 0xFF00, 0xFE00
CANNOT_UNDERSTAND, OUT_OF_RESOURCES = 0xC000, 0xA700

Answers = Iterator[tuple[int, Dataset | None]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where C-MOVE can send to."""

    host: str
    port: int


class Pacs:
    """A PACS over an archive.

    Args:
        withheld: SOP Instance UIDs that are found and counted but never sent, though the
            answer says that they were.
        destinations: Where C-MOVE can send to, by AE title.
        lies: While this file exists, about every twentieth instance is never sent either, always the same ones.
    """

    def __init__(
        self,
        ae_title: str,
        archive: Archive,
        *,
        withheld: frozenset[UID] = frozenset(),
        destinations: Mapping[str, Address] | None = None,
        lies: Path | None = None,
    ) -> None:
        self._archive = archive
        self._withheld = withheld
        self._destinations = destinations or {}
        self._lies = lies
        # What each association is sending, and how many of that it only pretends to.
        self._sending: WeakKeyDictionary[Any, dict[str, Record]] = WeakKeyDictionary()
        self._pretended: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._entity = _entity(ae_title)
        self._server: Any = None

    def start(self, port: int) -> int:
        """Listen on *port* of 127.0.0.1, or on a free one when it is 0.

        Returns:
            The port.

        Raises:
            OSError: It is taken.
        """
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, _send_at_once),
            (evt.EVT_C_ECHO, _echo),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_GET, self._get),
            (evt.EVT_C_MOVE, self._move),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_DIMSE_SENT, self._before_sending),
        ]
        self._server = self._entity.start_server((HOST, port), block=False, evt_handlers=handlers)
        return int(self._server.socket.getsockname()[1])

    def stop(self) -> None:
        """Abort every association and stop listening."""
        self._server.shutdown()

    def _find(self, event: evt.Event) -> Answers:
        try:
            for answer in self._archive.find(event.identifier):
                if event.is_cancelled:
                    yield CANCELED, None
                    return
                yield PENDING, answer
        except ValueError:
            yield CANNOT_UNDERSTAND, None

    def _get(self, event: evt.Event) -> Iterator[Any]:
        try:
            records = self._prepare(event)
        except ValueError:
            yield 1
            yield CANNOT_UNDERSTAND, None
            return
        yield len(records)
        yield from _stubs(event, records)

    def _move(self, event: evt.Event) -> Iterator[Any]:
        destination = self._destinations.get(str(event.move_destination))
        if destination is None:
            yield None, None
            return
        try:
            records = self._prepare(event)
        except ValueError:
            yield destination.host, destination.port
            yield 1
            yield CANNOT_UNDERSTAND, None
            return
        contexts = [build_context(*pair) for pair in sorted({(r.sop_class, r.transfer_syntax) for r in records})]
        sending = self._sending[event.assoc]

        def before_sending(sent: evt.Event) -> None:
            _put_encoded(sent, sending)

        handlers = [(evt.EVT_DIMSE_SENT, before_sending), (evt.EVT_CONN_OPEN, _send_at_once)]
        yield destination.host, destination.port, {"contexts": contexts[:128], "evt_handlers": handlers}
        yield len(records)
        yield from _stubs(event, records)

    def _prepare(self, event: evt.Event) -> list[Record]:
        named = self._archive.under(event.identifier)
        lying = self._lies is not None and self._lies.exists()
        sent = [
            record
            for record in named
            if record.uid not in self._withheld and not (lying and zlib.crc32(record.uid.encode()) % 20 == 0)
        ]
        self._pretended[event.assoc] = len(named) - len(sent)
        self._sending[event.assoc] = {str(record.uid): record for record in sent}
        return sent

    def _before_sending(self, event: evt.Event) -> None:
        _put_encoded(event, self._sending.get(event.assoc, {}))
        pretended = self._pretended.get(event.assoc, 0)
        command = event.message.command_set
        if pretended and type(event.message).__name__ in ("C_GET_RSP", "C_MOVE_RSP"):
            if command.Status == PENDING:
                command.NumberOfRemainingSuboperations += pretended
            elif command.Status == SUCCESS:
                command.NumberOfCompletedSuboperations = (
                    command.get("NumberOfCompletedSuboperations") or 0
                ) + pretended

    def _store(self, event: evt.Event) -> int:
        try:
            data = event.dataset
            study, series, instance = (
                uid(str(data[key].value)) for key in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
            )
        except Exception:
            logging.getLogger(__name__).exception("an instance could not be read")
            return CANNOT_UNDERSTAND
        try:
            self._archive.store(study, series, instance, event.encoded_dataset())
        except OSError:
            logging.getLogger(__name__).exception("an instance could not be kept")
            return OUT_OF_RESOURCES
        return SUCCESS


def _entity(ae_title: str) -> AE:
    entity = AE(ae_title)
    entity.maximum_pdu_size = PDU
    entity.maximum_associations = 20
    entity.network_timeout = 600
    entity.add_supported_context(Verification)
    for model in (
        PatientRootQueryRetrieveInformationModelFind,
        PatientRootQueryRetrieveInformationModelGet,
        PatientRootQueryRetrieveInformationModelMove,
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelGet,
        StudyRootQueryRetrieveInformationModelMove,
    ):
        entity.add_supported_context(model)
    # Where a peer leaves the choice to us, what is held goes as it is.
    syntaxes = [EXPLICIT_LITTLE, *(each for each in ALL_TRANSFER_SYNTAXES if each != EXPLICIT_LITTLE)]
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(str(context.abstract_syntax), syntaxes, scu_role=True, scp_role=True)
    return entity


def _send_at_once(event: evt.Event) -> None:
    # With Nagle's algorithm every instance would wait 40 ms for the peer's delayed acknowledgement.
    transport: Any = event.assoc.dul.socket
    transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _echo(_event: evt.Event) -> int:
    return SUCCESS


def _stubs(event: evt.Event, records: Sequence[Record]) -> Answers:
    """Data sets of two elements, in whose place the encoded ones are sent."""
    for record in records:
        if event.is_cancelled:
            yield CANCELED, None
            return
        stub = Dataset()
        stub.SOPClassUID, stub.SOPInstanceUID = record.sop_class, record.uid
        stub.file_meta = FileMetaDataset()
        stub.file_meta.TransferSyntaxUID = pydicom.uid.UID(record.transfer_syntax)
        yield PENDING, stub


def _put_encoded(event: evt.Event, sending: Mapping[str, Record]) -> None:
    """Replace a stub in a C-STORE request by the bytes that are held, so that nothing is encoded again."""
    if type(event.message).__name__ != "C_STORE_RQ":
        return
    record = sending[str(event.message.command_set.AffectedSOPInstanceUID)]
    encoded = record.load()
    number = event.message.context_id
    [agreed] = next(each for each in event.assoc.accepted_contexts if each.context_id == number).transfer_syntax
    held = pydicom.uid.UID(record.transfer_syntax)
    if agreed != held:
        encoded = _recoded(encoded, held, agreed)
    event.message.data_set = BytesIO(encoded)


def _recoded(encoded: bytes, syntax: pydicom.uid.UID, agreed: pydicom.uid.UID) -> bytes:
    if syntax.is_deflated:
        # PS3.5 A.5: a raw deflate stream without zlib's header.
        encoded = zlib.decompressobj(-zlib.MAX_WBITS).decompress(encoded)
    data = read_dataset(BytesIO(encoded), syntax.is_implicit_VR, syntax.is_little_endian)
    return encode(data, agreed.is_implicit_VR, agreed.is_little_endian, agreed.is_deflated) or b""


def withheld_of(count: int) -> frozenset[UID]:
    """SOP Instance UIDs of *count* instances of the miscounted study, spread over it."""
    uids = [each for _, _, each in miscounted_study().uids()]
    return frozenset(uids[(2 * place + 1) * len(uids) // (2 * count)] for place in range(count))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one until it is told to stop, and end the process then. Returns only when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m adit.site.demo.pacs", description="One demo PACS.")
    parser.add_argument("--ae-title", required=True)
    parser.add_argument("--port", type=int, required=True, help="on 127.0.0.1; 0 for a free one")
    parser.add_argument("--folder", type=Path, required=True, help="where stored instances are kept")
    parser.add_argument("--holds", choices=("demo", "miscounted", "nothing"), default="nothing")
    parser.add_argument("--lies", type=int, default=0, help="instances of the miscounted study never sent")
    parser.add_argument("--peer", action="append", default=[], metavar="AE=HOST:PORT", help="a C-MOVE destination")
    chosen = parser.parse_args(arguments)
    over = Flag()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    archive = Archive(chosen.folder)
    for study in {"demo": studies(), "miscounted": (miscounted_study(),), "nothing": ()}[chosen.holds]:
        archive.describe(study)
    pacs = Pacs(
        chosen.ae_title,
        archive,
        withheld=withheld_of(chosen.lies) if chosen.lies else frozenset(),
        destinations=dict(_peer(text) for text in chosen.peer),
        lies=chosen.folder / LIES,
    )
    try:
        port = pacs.start(chosen.port)
    except OSError as error:
        print(f"{chosen.ae_title} cannot listen on port {chosen.port}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{chosen.ae_title} listens on {HOST}:{port}", flush=True)
    over.wait()
    # At once: pynetdicom would let running associations end first, up to a whole study. Nothing is
    # lost, since a stored file has its final name before it is answered for.
    os._exit(0)


def _peer(text: str) -> tuple[str, Address]:
    ae_title, _, address = text.partition("=")
    host, _, port = address.rpartition(":")
    return ae_title, Address(host, int(port))


if __name__ == "__main__":
    sys.exit(main())
