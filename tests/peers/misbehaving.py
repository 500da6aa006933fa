"""A PACS that misbehaves as it is told, on threads of the test, as source and as destination.

    with misbehaving(study, script=Script(closes_after=37)) as pacs:
        ...  # talk to pacs.ae_title, pacs.host, pacs.port
        assert pacs.seen.open == 0

It speaks C-ECHO, C-FIND, C-GET, C-MOVE (study root and patient root) and C-STORE on raw sockets, so
that it can stop at any byte.
"""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.peers import wire
from tests.peers.answers import attributes_of, encoded, found, keys_of, named
from tests.peers.data import File, Study
from tests.peers.process import HOST, Entity, Peer
from tests.peers.retrieving import PENDING, Retrieval, pause, wait_at
from tests.peers.scripts import Rejection, Request, Script, Seen
from tests.peers.wire import Context, Gone, Message, Proposal, Wire

VERIFICATION = "1.2.840.10008.1.1"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
_SERVICES = (
    VERIFICATION,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    "1.2.840.10008.5.1.4.1.2.1.1",  # patient root, find
    "1.2.840.10008.5.1.4.1.2.1.3",  # patient root, get
    STUDY_ROOT_MOVE,
    "1.2.840.10008.5.1.4.1.2.1.2",  # patient root, move
)
_NOT_STORAGE = "1.2.840.10008.5.1.4.1.2."  # models of query and retrieve
_CANNOT_UNDERSTAND, _OUT_OF_RESOURCES = 0xC000, 0xA700
_UNKNOWN_DESTINATION, _CANNOT_SEND = 0xA801, 0xA702


class MisbehavingPacs:
    """The server. Use it through `misbehaving`.

    Attributes:
        script: What it does wrong. May be replaced at any time; it holds from the next request on.
        seen: What it saw.
    """

    host = HOST

    def __init__(self, files: Sequence[File], script: Script, ae_title: str) -> None:
        self.ae_title = ae_title
        self.script = script
        self.seen = Seen()
        self._files = list(files)
        self._positions: dict[str, int] = {}
        for study in dict.fromkeys(file.study for file in files):
            own = (file.uid for file in files if file.study == study)
            self._positions |= {uid: place for place, uid in enumerate(own, 1)}
        self._kept: dict[str, File] = {}
        self._lock = threading.Lock()
        self._wires: set[Wire] = set()
        self._calls: set[Wire] = set()
        self._threads: list[threading.Thread] = []
        self._rejected = self._retrieves = self._stores = 0
        self._died = False
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._listening = False
        self._listen()

    @property
    def peer(self) -> Peer:
        """Where it listens."""
        return Peer(self.ae_title, self.host, self.port)

    def holds(self) -> frozenset[str]:
        """SOP Instance UIDs of what was stored in it and what it kept."""
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
            wires = [*self._wires, *self._calls]
        for each in wires:
            each.cut(abruptly=True)

    def revive(self) -> None:
        """Listen again, on the same port."""
        self._listener.listen()
        self._listen()

    def stop(self) -> None:
        """End every thread and connection."""
        self._stop_listening()
        self._listener.close()
        with self._lock:
            wires, threads = [*self._wires, *self._calls], list(self._threads)
        for each in wires:
            each.cut()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive(), "a thread of the misbehaving PACS does not end"

    def _listen(self) -> None:
        self._listening = True
        thread = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _stop_listening(self) -> None:
        if not self._listening:
            return
        self._listening = False
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
                # Those that hung up are over, though their threads may not know yet.
                together = sum(not each.left for each in self._wires)
            self.seen.note(open=1, total=1)
            self.seen.together(together)
            thread.start()

    def _serve(self, peer: Wire) -> None:
        how = "broken"
        try:
            self._converse(peer)
        except Gone as gone:
            how = "broken" if peer.broken else gone.how
        except Exception as error:  # noqa: BLE001  handed to the test when the PACS is stopped
            self.seen.problems.append(error)
        finally:
            with self._lock:
                self._wires.discard(peer)
            peer.close()
            self.seen.note(open=-1, **{how: 1})

    def _converse(self, peer: Wire) -> None:
        if self.script.silent:
            peer.ignore()
        proposal = peer.proposal()
        rejection = self._next_rejection()
        if rejection is not None:
            peer.reject(rejection.result, rejection.source, rejection.reason)
        peer.accept(proposal, {context.number: self._choose(context) for context in proposal.contexts})
        while True:
            self._handle(peer.message(), peer, proposal)

    def _next_rejection(self) -> Rejection | None:
        if self.script.rejects_always is not None:
            return self.script.rejects_always
        with self._lock:
            if self._rejected >= len(self.script.rejects):
                return None
            self._rejected += 1
            return self.script.rejects[self._rejected - 1]

    def _choose(self, context: Context) -> str | None:
        """The transfer syntax for a context, or None to refuse it. Storage takes what the peer likes best."""
        known = context.abstract_syntax in _SERVICES or not context.abstract_syntax.startswith(_NOT_STORAGE)
        if not known or context.abstract_syntax in self.script.refuses_classes:
            return None
        only = self.script.only_syntax
        if only is not None and context.abstract_syntax not in _SERVICES:
            return only if only in context.transfer_syntaxes else None
        return context.transfer_syntaxes[0]

    def _handle(self, message: Message, peer: Wire, proposal: Proposal) -> None:
        if message.kind == wire.C_STORE_RQ:
            self._receive(message, peer)
            return
        if message.kind == wire.C_CANCEL_RQ:
            return  # what it would cancel is over, or does not heed it
        identifier = wire.decode_data(message.data, peer.syntaxes[message.context])
        request = Request(
            message.kind, proposal.calling, message.command["AffectedSOPClassUID"], keys_of(identifier)
        )  # fmt: skip
        with self.seen.changed:
            self.seen.requests.append(request)
            self.seen.changed.notify_all()
        if message.kind in self.script.silent_to:
            peer.ignore()
        if message.kind == wire.C_ECHO_RQ:
            peer.respond(message, 0)
        elif message.kind == wire.C_FIND_RQ:
            self._find(message, peer, request)
        elif message.kind == wire.C_GET_RQ:
            self._retrieval(message, peer).run()
        elif message.kind == wire.C_MOVE_RQ:
            self._move(message, peer, proposal.calling)
        else:
            raise AssertionError(f"nobody should send 0x{message.kind:04X} to the misbehaving PACS")

    def _find(self, message: Message, peer: Wire, request: Request) -> None:
        script, syntax = self.script, peer.syntaxes[message.context]
        if script.find_gate is not None:
            wait_at(script.find_gate, peer)
        if script.find_status is not None:
            peer.respond(message, script.find_status)
            return
        if request.key("QueryRetrieveLevel") == "IMAGE" and script.image_level == "silent":
            peer.ignore()
        if request.key("QueryRetrieveLevel") == "IMAGE" and script.image_level == "fails":
            peer.respond(message, _CANNOT_UNDERSTAND)
            return
        answers = found(self._all(), wire.decode_data(message.data, syntax), script)
        for count, each in enumerate(answers):
            if count == script.most_results:
                peer.respond(message, _OUT_OF_RESOURCES)
                return
            peer.respond(message, PENDING, encoded(each, syntax, script))
        while script.endless_pending and peer.still_there(0):
            peer.respond(message, PENDING, encoded(answers[-1], syntax, script))
        if script.endless_pending:
            peer.ignore()
        peer.respond(message, 0)

    def _retrieval(self, message: Message, peer: Wire, to: Wire | None = None) -> Retrieval:
        script = self.script
        with self._lock:
            self._retrieves += 1
            if script.faulty_retrieves is not None and self._retrieves > script.faulty_retrieves:
                script = script.without_retrieve_faults()
        identifier = wire.decode_data(message.data, peer.syntaxes[message.context])
        chosen = named(self._all(), identifier)
        return Retrieval(peer, message, chosen, positions=self._positions, script=script, seen=self.seen, to=to)

    def _move(self, message: Message, peer: Wire, calling: str) -> None:
        title = message.command["MoveDestination"]
        destination = next((each for each in self.script.destinations if each.ae_title == title), None)
        if destination is None:
            peer.respond(message, _UNKNOWN_DESTINATION)
            return
        try:
            to = self._call(destination)
        except (OSError, Gone):
            peer.respond(message, _CANNOT_SEND)
            return
        try:
            retrieval = self._retrieval(message, peer, to)
            if not self.script.omits_originator:
                retrieval.comes_from(calling)
            self._carry_out(retrieval, message, peer, to)
        finally:
            with self._lock:
                self._calls.discard(to)
            to.close()

    def _call(self, destination: Entity) -> Wire:
        """An association to where a C-MOVE sends, with a context for all that there is to send."""
        pairs = dict.fromkeys(
            (file.sop_class, file.transfer_syntax) for file in (*self._all(), *self.script.sends_unasked)
        )
        contexts = [Context(2 * n + 1, sop_class, (syntax,)) for n, (sop_class, syntax) in enumerate(pairs)]
        to = Wire(socket.create_connection((destination.host, destination.port)))
        with self._lock:
            self._calls.add(to)
        to.propose(destination.ae_title, self.script.calls_as or self.ae_title, contexts)
        return to

    @staticmethod
    def _carry_out(retrieval: Retrieval, message: Message, peer: Wire, to: Wire) -> None:
        try:
            retrieval.run()
            to.release()
        except Gone:
            to.cut()
            if peer.left or retrieval.finished:
                raise
            # It is the destination that has gone, or that the script left.
            peer.respond(message, _CANNOT_SEND)

    def _receive(self, message: Message, peer: Wire) -> None:
        script = self.script
        uid = str(message.command["AffectedSOPInstanceUID"])
        with self._lock:
            self._stores += 1
            number = self._stores
        with self.seen.changed:
            self.seen.received.append(uid)
            self.seen.received_bytes += len(message.data)
            self.seen.changed.notify_all()
        if script.dies_after is not None and number > script.dies_after and not self._died:
            self._died = True
            self.die(stays_down=script.stays_down)
            raise Gone("broken")
        if number == script.never_answers:
            peer.ignore()
        pause(peer, script)
        status = dict(script.store_statuses).get(number, dict(script.status_of).get(uid, script.store_status))
        if (status == 0 or status >> 12 == 0xB) and uid not in script.forgets:
            self._keep(message, peer, uid)
        self.seen.statuses.append(status)
        peer.respond(message, status)

    def _keep(self, message: Message, peer: Wire, uid: str) -> None:
        syntax = peer.syntaxes[message.context]
        unread = File("", "", uid, message.command["AffectedSOPClassUID"], syntax, message.data)
        head = attributes_of(unread)
        study, series = str(head.StudyInstanceUID), str(head.SeriesInstanceUID)
        with self._lock:
            self._kept[uid] = File(study, series, uid, unread.sop_class, syntax, message.data)
            self._positions.setdefault(uid, len(self._positions) + 1)

    def _all(self) -> list[File]:
        with self._lock:
            return [*self._files, *(file for file in self._kept.values() if file not in self._files)]


@contextmanager
def misbehaving(
    *studies: Study, script: Script | None = None, ae_title: str = "MISBEHAVING"
) -> Iterator[MisbehavingPacs]:
    """Run a PACS that holds *studies* and follows *script* while the block runs.

    Raises:
        BaseException: What went wrong inside it, if it has a bug itself.
    """
    pacs = MisbehavingPacs([file for study in studies for file in study.files], script or Script(), ae_title)
    try:
        yield pacs
    finally:
        pacs.stop()
    for problem in pacs.seen.problems:
        raise problem
