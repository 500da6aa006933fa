"""A receiver of the test, and what is moved to it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adit.dicom.protocols import Cancellation
from adit.dicom.refs import UID, Ref
from adit.endpoints.by_move import Mover
from adit.endpoints.cancel import NEVER
from adit.endpoints.dialling import Dial, Root
from adit.endpoints.landing import Room
from adit.endpoints.receiver import Receiver, Rules, listening
from adit.endpoints.seen import Seen
from tests.endpoints.servers import config, once
from tests.peers.process import HOST, Peer

ROOM = Room(waiting=64 << 20, reserve=0, patience=5)

TITLE = "ADIT"


@dataclass
class Hall:
    """A spool with a receiver, and movers that share it.

    Attributes:
        peer: What a PACS has to know.
    """

    spool: Path
    peer: Peer

    def mover(
        self,
        pacs: Peer,
        *,
        grace: float = 5,
        root: Root = Root.STUDY,
        seen: Seen | None = None,
        cancel: Cancellation = NEVER,
        **values: Any,
    ) -> Mover:
        values = {"moves": (root,), **values}
        dial = Dial(config(pacs, **values), cancel=cancel, again=once)
        return Mover(dial, seen or Seen(), self.spool, grace=grace, restart=5)

    def quarantined(self) -> list[Path]:
        return sorted((self.spool / "quarantine").rglob("*.dcm"))

    def open(self) -> list[str]:
        """Names of the expectations that are there."""
        return [path.name for path in (self.spool / "open").iterdir()]


def hall(spool: Path, exits: ExitStack, *, room: Room = ROOM, rules: Rules | None = None, **values: Any) -> Hall:
    receiver = Receiver(spool, ae_title=TITLE, host=HOST, port=0, room=room, rules=rules or Rules(), **values)
    return Hall(spool, Peer(TITLE, HOST, exits.enter_context(receiver).port))


def moved(mover: Mover, study: str, *series: str) -> dict[str, bytes]:
    """SOP Instance UID to data set of what came, each read and closed."""
    refs: Sequence[Ref] = [Ref(UID(study), UID(each)) for each in series] or [Ref(UID(study))]
    came = {}
    with closing(mover.retrieve(refs)) as instances:
        for instance in instances:
            with instance:
                came[str(instance.uid)] = b"".join(bytes(chunk) for chunk in instance.body.chunks())
    return came


@contextmanager
def process_of(spool: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A receiver in a process of its own, and its port."""
    code = (
        "import sys, signal; from pathlib import Path; from adit.endpoints.receiver import Receiver;"
        "from adit.endpoints.landing import Room; signal.signal(signal.SIGTERM, lambda *_: sys.exit())\n"
        "with Receiver(Path(sys.argv[1]), ae_title='ADIT', host='127.0.0.1', port=int(sys.argv[2]),"
        " room=Room(1 << 26, 0, 5)): signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(spool), str(port)]) as child:
        try:
            deadline = time.monotonic() + 10
            while (found := listening(spool)) is None:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield child, found.port
        finally:
            child.terminate()
