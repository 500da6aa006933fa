"""The kinds of endpoint that the suite runs over. A new kind is one function and one line in KINDS."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from adit.dicom.instance import Instance
from adit.dicom.protocols import Cancellation, Sink, Source
from adit.dicom.refs import UID, Ref
from adit.endpoints.cancel import NEVER
from adit.endpoints.files import Files
from adit.endpoints.folder import Folder, Place
from adit.endpoints.memory import Kept, Memory
from adit.endpoints.rechecked import Rechecked
from adit.endpoints.retrying import Patience, RetryingSink, RetryingSource
from tests.peers.data import File


@dataclass
class Kind:
    """One place, opened as often as wanted.

    Attributes:
        put: Makes it hold files, by other means than ours where there are any.
    """

    put: Callable[[Iterable[File]], None]
    source: Callable[[Cancellation], Source]
    sink: Callable[[Cancellation], Sink]


def kept(file: File) -> Kept:
    """*file* as the memory endpoint keeps it."""
    ref = Ref(UID(file.study), UID(file.series), UID(file.uid))
    return Kept(ref, UID(file.sop_class), UID(file.transfer_syntax), file.encoded)


def instance(file: File) -> Instance:
    """*file* as an instance on its way."""
    return kept(file).instance()


def memory(_: Path) -> Kind:
    place: dict[UID, Kept] = {}

    def opened(cancel: Cancellation) -> Memory:
        endpoint = Memory(cancel=cancel)
        endpoint.kept = place
        return endpoint

    return Kind(lambda files: place.update({UID(file.uid): kept(file) for file in files}), opened, opened)


def folder(root: Path) -> Kind:
    def put(files: Iterable[File]) -> None:
        for number, file in enumerate(files):
            below = root / "job" / "patient" / "study" / f"given {file.series[-6:]}"
            below.mkdir(parents=True, exist_ok=True)
            (below / f"{number}.dcm").write_bytes(file.part10())

    return Kind(
        put,
        lambda cancel: Files(root, name="FOLDER", cancel=cancel),
        lambda cancel: Folder(root, name="FOLDER", place=Place("job", "patient", "study"), cancel=cancel),
    )


def wrapped(root: Path) -> Kind:
    bare = memory(root)
    patience = Patience((0, 0), chance=lambda: 0.5, cancel=NEVER)
    return Kind(
        bare.put,
        lambda cancel: RetryingSource(Rechecked(bare.source(cancel)), patience),
        lambda cancel: RetryingSink(bare.sink(cancel), patience),
    )


KINDS = {"memory": memory, "folder": folder, "wrapped": wrapped}
