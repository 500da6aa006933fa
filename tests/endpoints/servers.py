"""Real PACS for the suite: started by need, shared by all tests of a session, empty for each."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pydicom.uid

from adit.dicom.protocols import Cancellation
from adit.endpoints.budget import Budget
from adit.endpoints.by_move import Mover
from adit.endpoints.dialling import Again, Root, ServerConfig, WebConfig
from adit.endpoints.landing import Room
from adit.endpoints.receiver import Receiver
from adit.endpoints.server import Server
from adit.endpoints.spool import Spool
from adit.site.demo.archive import Archive
from adit.site.demo.pacs import Address, Pacs
from tests.endpoints.valve import Valve
from tests.peers import dcmtk, orthanc
from tests.peers.data import File
from tests.peers.process import HOST, Peer


@dataclass(frozen=True)
class Place:
    """One PACS, empty.

    Attributes:
        put: Makes it hold files, by other means than ours.
    """

    peer: Peer
    put: Callable[[Iterable[File]], None]


class Peers:
    """The PACS of a session. A context manager."""

    def __init__(self) -> None:
        self._exits = ExitStack()
        self._former = self._exits.enter_context(ExitStack())

    def __enter__(self) -> Peers:
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def orthanc(self) -> Place:
        peer = self._orthanc
        peer.clear()
        return Place(peer, lambda files: peer.fill(file.part10() for file in files))

    def orthanc_web(self) -> Place:
        """An Orthanc with its DICOMweb plugin; the port is that of HTTP."""
        peer = self._orthanc_web
        peer.clear()
        web = Peer(peer.ae_title, peer.host, peer.http_port)
        return Place(web, lambda files: peer.fill(file.part10() for file in files))

    def dcmqrscp(self) -> Place:
        """One of its own for each test.

        Two of its processes that store in one area lose entries of its index, or answer 0xC000 (two storescu do it,
        too); and the process of an association that a test aborted may run on for a while.
        """
        self._former.close()
        peer = self._former.enter_context(dcmtk.dcmqrscp(peers=[self.receiver]))

        def put(files: Iterable[File]) -> None:
            paths = []
            for number, file in enumerate(files):
                paths.append(peer.folder / f"given{number}.dcm")
                paths[-1].write_bytes(file.part10())
            dcmtk.register(peer.folder, paths)

        return Place(peer, put)

    def demo(self) -> Place:
        """The PACS of the demonstration, which pynetdicom speaks for."""
        archive = Archive(Path(self._exits.enter_context(tempfile.TemporaryDirectory(prefix="adit-demo-"))))
        self._demo_archive.inner = archive

        def put(files: Iterable[File]) -> None:
            for file in files:
                archive.store(*map(pydicom.uid.UID, (file.study, file.series, file.uid)), file.part10())

        return Place(Peer("DEMO", HOST, self._demo_port), put)

    @cached_property
    def spool(self) -> Path:
        """What is moved to `receiver` comes through it."""
        spool = Path(tempfile.mkdtemp(prefix="adit-spool-"))
        self._exits.callback(shutil.rmtree, spool, ignore_errors=True)
        return spool

    @cached_property
    def receiver(self) -> Peer:
        """Where the PACS send with C-MOVE; they all know it."""
        room = Room(waiting=64 << 20, reserve=0, patience=5)
        receiver = Receiver(self.spool, ae_title="ADIT", host=HOST, port=0, room=room)
        return Peer("ADIT", HOST, self._exits.enter_context(receiver).port)

    @cached_property
    def _orthanc(self) -> orthanc.Orthanc:
        return self._exits.enter_context(orthanc.orthanc(peers=[self.receiver]))

    @cached_property
    def _orthanc_web(self) -> orthanc.Orthanc:
        return self._exits.enter_context(orthanc.orthanc(dicomweb=True))

    @cached_property
    def _demo_archive(self) -> Replaceable:
        return Replaceable()

    @cached_property
    def _demo_port(self) -> int:
        destinations = {self.receiver.ae_title: Address(HOST, self.receiver.port)}
        pacs = Pacs("DEMO", self._demo_archive, destinations=destinations)
        port = pacs.start(0)
        self._exits.callback(pacs.stop)
        return port


class Replaceable:
    """The archive of a PACS that runs on while its archive is replaced."""

    inner: Archive

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def config(peer: Peer, *roots: Root, port: int | None = None, **values: Any) -> ServerConfig:
    """How ADIT is told of *peer*."""
    return ServerConfig(
        **{
            "name": peer.ae_title,
            "ae_title": peer.ae_title,
            "host": peer.host,
            "port": port or peer.port,
            "calling_ae_title": "ADIT",
            "finds": roots or (Root.STUDY,),
            "gets": roots or (Root.STUDY,),
            "stores": True,
            "associations": 2,
            "connect_timeout": 10,
            "idle_timeout": 30,
            **values,
        }
    )


def web_config(name: str, url: str, *, web: dict[str, Any] | None = None, **values: Any) -> ServerConfig:
    """How ADIT is told of a server that speaks DICOMweb only."""
    asked = WebConfig(**{"url": url, "finds": True, "retrieves": True, "stores": True, **(web or {})})
    only = {"ae_title": "", "host": "", "port": 0, "finds": (), "gets": (), "stores": False}
    return config(Peer(name, HOST, 0), **{**only, "web": asked, **values})


def once(action: Callable[[], Any]) -> Any:
    """No patience at all (`adit.endpoints.dialling.Again`)."""
    return action()


@dataclass
class Opener:
    """Opens one server, and closes what was opened.

    Attributes:
        budget: Of all that it opens.
        spool: Where large instances lie.
        landing: The spool of a receiver that the server knows.
    """

    config: ServerConfig
    exits: ExitStack
    spool: Path
    budget: Budget
    again: Again = once
    landing: Path | None = None

    def __call__(self, cancel: Cancellation) -> Server:
        share = self.exits.enter_context(self.budget.share("test"))
        landing = self.landing
        server = Server(
            self.config,
            cancel=cancel,
            spool=Spool(self.spool, share, cancel),
            again=self.again,
            make_mover=(lambda dial, seen: Mover(dial, seen, landing)) if landing else None,
        )
        self.exits.callback(server.close)
        return server


def relayed(place: Place, exits: ExitStack, root: Path, *roots: Root, **values: Any) -> tuple[Opener, Valve]:
    """*place* behind a valve."""
    valve = exits.enter_context(Valve(place.peer.port))
    own = exits.enter_context(ExitStack())
    opener = Opener(config(place.peer, *roots, port=valve.port, **values), own, root / "spool", Budget(64 << 20))
    return opener, valve


def moving(peers: Peers, opener: Opener) -> Opener:
    """*opener* of a server that is only asked to move."""
    (*roots,) = opener.config.gets
    return replace(opener, config=replace(opener.config, gets=(), moves=tuple(roots)), landing=peers.spool)


def relayed_web(place: Place, exits: ExitStack, root: Path) -> tuple[Opener, Valve]:
    """*place*, which speaks DICOMweb, behind a valve."""
    valve = exits.enter_context(Valve(place.peer.port))
    own = exits.enter_context(ExitStack())
    found = web_config(place.peer.ae_title, f"http://{HOST}:{valve.port}/dicom-web")
    return Opener(found, own, root / "spool", Budget(64 << 20)), valve
