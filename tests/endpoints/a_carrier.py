"""A process of its own that carries studies with real endpoints, so that its memory can be measured."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from adit.dicom.protocols import Receipt, Sink
from adit.dicom.refs import UID, Ref
from adit.endpoints.budget import Budget
from adit.endpoints.by_move import Mover
from adit.endpoints.cancel import NEVER
from adit.endpoints.dialling import ServerConfig
from adit.endpoints.folder import Folder, Place
from adit.endpoints.landing import Room
from adit.endpoints.receiver import Receiver
from adit.endpoints.retrying import Patience, RetryingSink
from adit.endpoints.server import Server
from adit.endpoints.spool import Share, Spool
from tests.peers.process import HOST, Peer

_ROOM = Room(waiting=64 << 20, reserve=0, patience=5)


@dataclass
class Carrier:
    """The process, idle between two orders.

    Attributes:
        receiver: What servers have to know for C-MOVE.
        spool: Where what is too large for memory lies.
    """

    pid: int
    receiver: Peer
    spool: Path
    _orders: Connection

    def carry(self, study: str, source: ServerConfig, target: ServerConfig | Path) -> tuple[list[Receipt], int]:
        """Move *study* from *source* to a server or a folder. Returns the receipts, and the bytes of memory it took."""
        idle = self._memory("VmRSS")
        # The highest that is remembered begins anew (proc(5)).
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        self._orders.send((study, source, target))
        receipts = self._orders.recv()
        if isinstance(receipts, BaseException):
            raise receipts
        return receipts, self._memory("VmHWM") - idle

    def _memory(self, what: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition(f"{what}:")[2].split()[0]) << 10


@contextmanager
def carrier(spool: Path) -> Iterator[Carrier]:
    """Run one while the block runs."""
    context = multiprocessing.get_context("spawn")
    ours, its = context.Pipe()
    process = context.Process(target=_serve, args=(its, spool), daemon=True)
    process.start()
    # When it dies, or we do, the other end of the pipe is closed.
    its.close()
    try:
        assert process.pid is not None
        yield Carrier(process.pid, Peer("ADIT", HOST, ours.recv()), spool, ours)
    finally:
        ours.close()
        process.join(20)
        assert process.exitcode == 0


def _serve(orders: Connection, spool: Path) -> None:
    with Receiver(spool, ae_title="ADIT", host=HOST, port=0, room=_ROOM) as receiver:
        orders.send(receiver.port)
        while True:
            try:
                study, source, target = orders.recv()
            except EOFError:
                return
            with Budget(128 << 20).share("test") as share:
                try:
                    orders.send(_carried(study, _server(source, spool, share), _sink(target, spool, share)))
                except Exception as error:  # noqa: BLE001  raised again in the test
                    orders.send(error)


def _carried(study: str, source: Server, sink: Sink) -> list[Receipt]:
    with (
        closing(source),
        sink,
        closing(source.retrieve([Ref(UID(study))])) as instances,
        closing(sink.store(instances)) as receipts,
    ):
        return list(receipts)


def _server(config: ServerConfig, spool: Path, share: Share) -> Server:
    return Server(
        config,
        cancel=NEVER,
        spool=Spool(spool, share, NEVER),
        again=lambda action: action(),
        make_mover=lambda dial, seen: Mover(dial, seen, spool),
    )


def _sink(target: ServerConfig | Path, spool: Path, share: Share) -> Sink:
    if isinstance(target, Path):
        return Folder(target, name="FOLDER", place=Place("job", "patient", "study"), cancel=NEVER)
    return RetryingSink(_server(target, spool, share), Patience((0.0,), chance=lambda: 0.5, cancel=NEVER))
