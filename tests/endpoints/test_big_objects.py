"""One object that is larger than what a process may hold: by every way in, to every way out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import xxhash

from adit.dicom.part10 import read_part10
from adit.dicom.protocols import Outcome
from adit.endpoints.dialling import Root, ServerConfig
from tests.endpoints.a_carrier import Carrier, carrier
from tests.endpoints.servers import config, web_config
from tests.jobs.a_worker import wait_until
from tests.peers.data import Study
from tests.peers.dcmtk import storescp
from tests.peers.large import counting_web, large_study
from tests.peers.misbehaving import misbehaving
from tests.peers.misbehaving_web import misbehaving_web
from tests.peers.process import Peer
from tests.peers.scripts import Script

SIZE = 96 << 20
MOST = 24 << 20
"""Bytes of memory above idle: what is in flight, whatever the size of the object."""

PATIENCE = 30.0

ONLY_STORES = {"finds": (), "gets": ()}
ONLY_GIVES = {"finds": (), "stores": False}


@pytest.fixture(scope="module")
def carrying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    with carrier(tmp_path_factory.mktemp("spool")) as one:
        yield one


class Way:
    """How the object leaves: where to, and what is there.

    Attributes:
        target: What the carrier is told.
        began: Whether the first bytes are there.
        digest: Of the data set that is there, when all of it is.
    """

    def __init__(
        self, target: ServerConfig | Path, began: Callable[[], object], digest: Callable[[Study], str]
    ) -> None:
        self.target, self.began, self.digest = target, began, digest


@contextmanager
def by_store(room: Path) -> Iterator[Way]:
    received = room / "received"
    with storescp(received) as peer:
        yield Way(config(peer, **ONLY_STORES), lambda: some_bytes_in(received), lambda _: digest_of_only(received))


@contextmanager
def by_stow(_: Path) -> Iterator[Way]:
    with counting_web() as web:
        told = web_config("WEB", web.url, web={"finds": False, "retrieves": False})
        yield Way(told, web.began.is_set, lambda study: web.digests[study.files[0].uid])


@contextmanager
def to_folder(room: Path) -> Iterator[Way]:
    folder = room / "folder"
    folder.mkdir()
    yield Way(folder, lambda: some_bytes_in(folder), lambda _: digest_of_only(folder))


@contextmanager
def by_get(study: Study, _: Peer) -> Iterator[ServerConfig]:
    with misbehaving(study) as pacs:
        yield config(pacs.peer, **ONLY_GIVES)


@contextmanager
def by_move(study: Study, receiver: Peer) -> Iterator[ServerConfig]:
    with misbehaving(study, script=Script(destinations=(receiver,))) as pacs:
        yield config(pacs.peer, **{**ONLY_GIVES, "gets": (), "moves": (Root.STUDY,)})


@contextmanager
def by_wado(study: Study, _: Peer) -> Iterator[ServerConfig]:
    with misbehaving_web(study) as pacs:
        yield web_config("WEB", pacs.url, web={"finds": False, "stores": False})


def some_bytes_in(folder: Path) -> bool:
    return any(path.stat().st_size > 1 << 16 for path in folder.rglob("*") if path.is_file())


def digest_of_only(folder: Path) -> str:
    (path,) = [path for path in folder.rglob("*") if path.is_file()]
    hashed = xxhash.xxh3_128()
    with path.open("rb") as file:
        file.seek(read_part10(path).offset)
        while piece := file.read(1 << 20):
            hashed.update(piece)
    path.unlink()
    return hashed.hexdigest()


class TestABigObject:
    @pytest.mark.parametrize("way_out", [by_store, by_stow, to_folder], ids=["C-STORE", "STOW-RS", "folder"])
    @pytest.mark.parametrize("way_in", [by_get, by_move, by_wado], ids=["C-GET", "C-MOVE", "WADO-RS"])
    def test_goes_through_while_it_still_arrives_and_is_never_held_whole(
        self, carrying: Carrier, tmp_path: Path, way_in: Callable, way_out: Callable
    ) -> None:
        with ExitStack() as exits:
            out = exits.enter_context(way_out(tmp_path))
            # The source keeps the last of it back until the destination has the first.
            study = large_study(SIZE, before_last=lambda: wait_until(out.began, seconds=PATIENCE))
            source = exits.enter_context(way_in(study, carrying.receiver))

            receipts, memory = carrying.carry(study.uid, source, out.target)

            (file,) = study.files
            assert [(each.outcome, each.ref.instance) for each in receipts] == [(Outcome.STORED, file.uid)]
            assert receipts[0].size == len(file.encoded) > SIZE
            assert out.digest(study) == file.encoded.digest()
            assert memory < MOST
            assert [path.name for path in carrying.spool.rglob("*") if path.is_file() and path.stat().st_size] == [
                "receiver"
            ]
