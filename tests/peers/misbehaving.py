"""A PACS that misbehaves as it is told, on a thread of the test, as source and as destination.

    with misbehaving(study, script=Script(closes_after=37)) as pacs:
        ...  # talk to pacs.ae_title, pacs.host, pacs.port
        assert pacs.seen.aborted == 0

It speaks C-ECHO, C-FIND (study root and patient root), C-GET and C-STORE on raw sockets, so that it
can stop at any byte.
"""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.peers import wire
from tests.peers.answers import found, identified, keys_of
from tests.peers.data import File, Study
from tests.peers.process import HOST
from tests.peers.retrieving import Retrieval
from tests.peers.scripts import Request, Script, Seen
from tests.peers.wire import Gone, Message, Proposal, Wire

VERIFICATION = "1.2.840.10008.1.1"
FIND = ("1.2.840.10008.5.1.4.1.2.1.1", "1.2.840.10008.5.1.4.1.2.2.1")
GET = ("1.2.840.10008.5.1.4.1.2.1.3", "1.2.840.10008.5.1.4.1.2.2.3")
CANNOT_UNDERSTAND, OUT_OF_RESOURCES, PENDING = 0xC000, 0xA700, 0xFF00


class MisbehavingPacs:
    """The server. Use it through `misbehaving`.

    Attributes:
        script: What it does wrong; may be replaced at any time, and holds from the next request on.
        seen: What it saw.
    """

    host = HOST

    def __init__(self, files: Sequence[File], script: Script, ae_title: str) -> None:
        self.ae_title = ae_title
        self.script = script
        self.seen = Seen()
        self._files = list(files)
        self._positions = {file.uid: place for place, file in enumerate(files, 1)}
        self._kept: dict[str, File] = {}
        self._lock = threading.Lock()
        self._wires: set[Wire] = set()
        self._threads: list[threading.Thread] = []
        self._rejected = self._retrieves = self._stores = 0
        self._died = self._over = False
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._start_listening()

    def holds(self) -> frozenset[str]:
        """SOP Instance UIDs of what it kept of what was stored in it."""
        with self._lock:
            return frozenset(self._kept)

    def kept(self, uid: str) -> File:
        """One instance that was stored in it."""
        with self._lock:
            return self._kept[uid]

    def die(self, *, stays_down: bool = True) -> None:
        """Reset every connection; when *stays_down*, refuse new ones until `revive`."""
        if stays_down:
            self._stop_listening()
        with self._lock:
            wires = list(self._wires)
        for each in wires:
            each.close(abruptly=True)

    def revive(self) -> None:
        """Listen again, on the same port."""
        self._listener.listen()
        self._start_listening()

    def stop(self) -> None:
        """End every thread and connection."""
        self._over = True
        self._stop_listening()
        self._listener.close()
        with self._lock:
            wires = list(self._wires)
        for each in wires:
            each.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a thread of the misbehaving PACS does not end"

    def _start_listening(self) -> None:
        self._accepting = True
        thread = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _stop_listening(self) -> None:
        if not self._accepting:
            return
        self._accepting = False
        # shutdown() wakes the thread in accept(); close() alone would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        # Bound but not listening: connections are refused, and nobody else gets the port.
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((HOST, self.port))

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            peer = Wire(connection)
            thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
            with self._lock:
                self._wires.add(peer)
                self._threads.append(thread)
            with self.seen.changed:
                self.seen.open += 1
                self.seen.total += 1
                self.seen.most = max(self.seen.most, self.seen.open)
            thread.start()

    def _serve(self, peer: Wire) -> None:
        how = "broken"
        try:
            self._converse(peer)
        except Gone as gone:
            how = gone.how
        except Exception as error:  # noqa: BLE001  for the test to see
            self.seen.problems.append(error)
        finally:
            with self._lock:
                broken_here = peer not in self._wires or self._over
                self._wires.discard(peer)
            peer.close()
            with self.seen.changed:
                self.seen.open -= 1
                name = "broken" if broken_here else how
                setattr(self.seen, name, getattr(self.seen, name) + 1)
                self.seen.changed.notify_all()

    def _converse(self, peer: Wire) -> None:
        if self.script.silent:
            peer.wait_for_the_end()
            raise Gone("vanished")
        proposal = peer.proposal()
        rejection = self._rejection()
        if rejection is not None:
            peer.reject(rejection.result, rejection.source, rejection.reason)
            raise Gone("rejected")
        peer.accept(proposal, {c.number: self._choose(c) for c in proposal.contexts})
        while True:
            message = peer.message()
            if message.kind in self.script.silent_to:
                self._note(message, peer, proposal)
                peer.wait_for_the_end()
                raise Gone("vanished")
            self._handle(message, peer, proposal)

    def _rejection(self) -> "object | None":
        raise NotImplementedError
