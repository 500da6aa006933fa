"""The kinds of endpoint that the suite runs over. A new kind is one function and one line in KINDS."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adit.dicom.instance import Instance
from adit.dicom.protocols import Cancellation, Sink, Source
from adit.dicom.refs import UID, Ref
from adit.endpoints.cancel import NEVER
from adit.endpoints.dialling import Root
from adit.endpoints.files import Files
from adit.endpoints.folder import Folder
from adit.endpoints.folder import Place as Below
from adit.endpoints.memory import Kept, Memory
from adit.endpoints.rechecked import Rechecked
from adit.endpoints.retrying import Patience, RetryingSink, RetryingSource
from tests.endpoints.servers import Peers, Place, moving, relayed, relayed_web
from tests.endpoints.valve import Valve
from tests.peers.data import File


@dataclass
class Kind:
    """One place, opened as often as wanted.

    Attributes:
        put: Makes it hold files, by other means than ours where there are any.
        counts: It says how many instances there are.
        recodes: Names of samples that it gives back encoded otherwise.
        close: Closes all that was opened.
        valve: Before a server: what lies between.
    """

    put: Callable[[Iterable[File]], None]
    source: Callable[[Cancellation], Source]
    sink: Callable[[Cancellation], Sink]
    counts: bool = True
    recodes: tuple[str, ...] = ()
    close: Callable[[], None] = lambda: None
    valve: Valve | None = None


def kept(file: File) -> Kept:
    """*file* as the memory endpoint keeps it."""
    ref = Ref(UID(file.study), UID(file.series), UID(file.uid))
    return Kept(ref, UID(file.sop_class), UID(file.transfer_syntax), file.encoded)


def instance(file: File) -> Instance:
    """*file* as an instance on its way."""
    return kept(file).instance()


@dataclass
class Room:
    """Where a kind is set up for one test.

    Attributes:
        root: An empty folder.
        exits: Left when the test ends.
    """

    root: Path
    exits: ExitStack
    peers: Peers


def memory(_: Room) -> Kind:
    place: dict[UID, Kept] = {}

    def opened(cancel: Cancellation) -> Memory:
        endpoint = Memory(cancel=cancel)
        endpoint.kept = place
        return endpoint

    return Kind(lambda files: place.update({UID(file.uid): kept(file) for file in files}), opened, opened)


def folder(room: Room) -> Kind:
    root = room.root

    def put(files: Iterable[File]) -> None:
        for number, file in enumerate(files):
            below = root / "job" / "patient" / "study" / f"given {file.series[-6:]}"
            below.mkdir(parents=True, exist_ok=True)
            (below / f"{number}.dcm").write_bytes(file.part10())

    return Kind(
        put,
        lambda cancel: Files(root, name="FOLDER", cancel=cancel),
        lambda cancel: Folder(root, name="FOLDER", place=Below("job", "patient", "study"), cancel=cancel),
    )


def wrapped(bare: Kind) -> Kind:
    patience = Patience((0, 0), chance=lambda: 0.5, cancel=NEVER)
    return replace(
        bare,
        source=lambda cancel: RetryingSource(Rechecked(bare.source(cancel)), patience),
        sink=lambda cancel: RetryingSink(bare.sink(cancel), patience),
    )


def server(place: Place, room: Room, *roots: Root, associations: int = 2, **values: Any) -> Kind:
    opener, valve = relayed(place, room.exits, room.root, *roots, associations=associations)
    return Kind(place.put, opener, opener, close=opener.exits.close, valve=valve, **values)


def moved(place: Place, room: Room, *roots: Root, associations: int = 2, **values: Any) -> Kind:
    """*place*, whose instances are retrieved by C-MOVE."""
    opener, valve = relayed(place, room.exits, room.root, *roots, associations=associations)
    by_move = moving(room.peers, opener)
    return Kind(place.put, by_move, by_move, close=opener.exits.close, valve=valve, **values)


def orthanc(room: Room, *roots: Root) -> Kind:
    return server(room.peers.orthanc(), room, *roots, recodes=("big-endian", "deflated"))


def dcmqrscp(room: Room) -> Kind:
    return server(
        room.peers.dcmqrscp(),
        room,
        Root.STUDY,
        Root.PATIENT,
        # Two of its processes that store at the same time lose what one of them enters.
        associations=1,
        counts=False,
        # It takes nothing that is compressed.
        recodes=("implicit", "big-endian", "rle", "jpeg-2000", "jpeg-ls", "deflated"),
    )


def dicomweb(room: Room) -> Kind:
    place = room.peers.orthanc_web()
    opener, valve = relayed_web(place, room.exits, room.root)
    return Kind(
        place.put, opener, opener, close=opener.exits.close, valve=valve, recodes=("implicit", "big-endian", "deflated")
    )


SERVERS: dict[str, Callable[[Room], Kind]] = {
    "orthanc": orthanc,
    "orthanc-by-patient": lambda room: orthanc(room, Root.PATIENT),
    "dcmqrscp": dcmqrscp,
    "pynetdicom": lambda room: server(room.peers.demo(), room, recodes=("deflated",)),
    "dicomweb": dicomweb,
    "wrapped-dicomweb": lambda room: wrapped(dicomweb(room)),
    "wrapped-orthanc": lambda room: wrapped(orthanc(room)),
}

# Not among the servers: what is moved does not come through the valve.
MOVED: dict[str, Callable[[Room], Kind]] = {
    "orthanc-by-move": lambda room: moved(room.peers.orthanc(), room, recodes=("big-endian", "deflated")),
    "dcmqrscp-by-move": lambda room: moved(
        room.peers.dcmqrscp(),
        room,
        Root.STUDY,
        Root.PATIENT,
        associations=1,
        counts=False,
        # It takes nothing that is compressed.
        recodes=("implicit", "big-endian", "rle", "jpeg-2000", "jpeg-ls", "deflated"),
    ),
    "pynetdicom-by-move": lambda room: moved(room.peers.demo(), room, recodes=("deflated",)),
}

KINDS: dict[str, Callable[[Room], Kind]] = {
    "memory": memory,
    "folder": folder,
    "wrapped-memory": lambda room: wrapped(memory(room)),
    **SERVERS,
    **MOVED,
}
