"""One end of an association without I/O: bytes in, events out; messages in, bytes out (PS3.8 9, PS3.7 6.3).

The owner of the transport reads into `space()`, says how much came with `received()`, and takes
events with `next_event()` until there is none; it writes what `take()` and `message()` give.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from adit.dimse import commands, pdu
from adit.dimse.commands import BadCommand, Command
from adit.dimse.errors import ProtocolViolation
from adit.dimse.negotiation import agreed
from adit.dimse.pdu import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    BadPdu,
    Pdu,
    PduType,
    ReleaseReply,
    ReleaseRequest,
)
from adit.dimse.states import TABLE, Action, Event, State, step

Buffer = bytes | bytearray | memoryview

MOST_COMMAND = 1 << 16
"""Bytes of a command set."""

MOST_FRAGMENTS = 1 << 22
"""PDVs of one message: 4 GiB in fragments of 1 KiB."""

MOST_EMPTY = 16
"""PDVs of one message without a byte in them."""

LARGEST_SENT = 1 << 18
"""Bytes of a PDU that we send to a peer without a limit, or with a larger one."""

_BUFFERS = 512
"""Pieces handed out at once; Linux gathers at most 1024 (IOV_MAX)."""

_COMMAND, _LAST = 1, 2
"""Bits of the message control header (PS3.8 E.2)."""

_TLS_RECORDS = {0x15: "it answered in TLS", 0x16: "it spoke TLS where that is not spoken"}
"""What the first byte of a TLS record says (RFC 8446 5.1): its sender takes this for a port with TLS."""

_EVENTS = {
    PduType.ASSOCIATE_RQ: Event.ASSOCIATE_RQ,
    PduType.ASSOCIATE_AC: Event.ASSOCIATE_AC,
    PduType.ASSOCIATE_RJ: Event.ASSOCIATE_RJ,
    PduType.RELEASE_RQ: Event.RELEASE_RQ,
    PduType.RELEASE_RP: Event.RELEASE_RP,
    PduType.ABORT: Event.ABORT_PDU,
}


class CommandArrived(NamedTuple):
    """A whole command set. Where it announces a data set, DataArrived events follow."""

    context_id: int
    command: Command


class DataArrived(NamedTuple):
    """Some bytes of the announced data set, valid until `space()` is called next.

    Attributes:
        last: The data set is complete with these.
    """

    data: memoryview
    last: bool


class Connection:
    """One end of an association, requestor or acceptor.

    Attributes:
        state: Of PS3.8 9.2.
        peer_max: Bytes of the longest P-DATA-TF PDU that the peer takes, 0 for no limit.
    """

    def __init__(self, *, requestor: bool, max_pdu: int, buffer: int) -> None:
        """
        Args:
            max_pdu: Bytes of the longest P-DATA-TF PDU that the peer may send.
            buffer: Bytes that are kept for receiving, at least MOST_CONTROL and a header.
        """
        self._requestor = requestor
        self._max_pdu = max_pdu
        self._view = memoryview(bytearray(max(buffer, pdu.MOST_CONTROL + pdu.HEADER.size)))
        self._start = self._end = 0
        self._pdu_left = 0
        self._pdv_left = 0
        self._in_pdv = False
        self._control = 0
        self._command = bytearray()
        self._context: int | None = None
        self._awaits_data = False
        self._fragments = self._empty = 0
        self._outgoing = bytearray()
        self._request: AssociateRequest | None = None
        self._accepted: frozenset[int] = frozenset()
        self.peer_max = 0
        self.state = State.IDLE
        if not requestor:
            self._step(Event.CONNECTION_TAKEN)

    # What the local side wants.

    def request(self, request: AssociateRequest) -> None:
        """Ask for an association; the transport is connected."""
        self._step(Event.ASSOCIATE_REQUEST)
        self._step(Event.CONNECTED)
        self._request = request
        self._outgoing += pdu.encode(request)

    def accept(self, accept: AssociateAccept) -> None:
        """Accept the association that was asked for."""
        self._step(Event.ACCEPT)
        self._agree(accept)
        self._outgoing += pdu.encode(accept)

    def reject(self, reject: AssociateReject) -> None:
        """Reject the association that was asked for."""
        self._step(Event.REJECT)
        self._outgoing += pdu.encode(reject)

    def release(self) -> None:
        """Ask for the release."""
        self._step(Event.RELEASE)
        self._outgoing += pdu.encode(ReleaseRequest())

    def answer_release(self) -> None:
        """Answer the peer's ReleaseRequest."""
        self._step(Event.ANSWER_RELEASE)
        self._outgoing += pdu.encode(ReleaseReply())

    def abort(self) -> None:
        """Abort as service user. Does nothing where there is nothing left to abort."""
        if (Event.ABORT, self.state) in TABLE:
            self._step(Event.ABORT)
            self._outgoing += pdu.encode(Abort(0, 0))

    def closed(self) -> None:
        """The transport is gone."""
        if self.state is not State.IDLE:
            self._step(Event.CLOSED)

    def take(self) -> bytes:
        """What is to be written now, once."""
        taken = bytes(self._outgoing)
        self._outgoing.clear()
        return taken

    def message(self, context_id: int, command: Command, data: Iterable[Buffer] = ()) -> Iterator[list[Buffer]]:
        """Cut a message into PDUs, as lists of buffers to be written in order.

        A list is to be written before the next is asked for: it refers to the chunk of *data*
        that is its source.

        Args:
            data: The data set in chunks, where *command* announces one.
        """
        if self.state is not State.ESTABLISHED:
            self._step(Event.SEND_DATA)
        # Even, because a fragment is (PS3.8 E.1): header bytes of the item, then the payload.
        longest = (min(self.peer_max or LARGEST_SENT, LARGEST_SENT) - pdu.PDV_HEADER.size) & ~1
        buffers: list[Buffer] = []
        encoded = memoryview(commands.encode(command))
        _cut(encoded, longest, context_id, _COMMAND, buffers)
        buffers[-2] = _data_header(context_id, _COMMAND | _LAST, len(buffers[-1]))
        if not command.has_data_set:
            yield buffers
            return
        # The last PDU is known as such only when there is no further chunk, and then its bytes
        # may be gone: what does not fill a PDU is copied.
        held = bytearray()
        for chunk in data:
            view = memoryview(chunk).cast("B")
            if not view:
                continue
            if held:
                missing = longest - len(held)
                held += view[:missing]
                view = view[missing:]
                if not view:
                    continue
                buffers += (_data_header(context_id, 0, longest), bytes(held))
                held.clear()
            whole = (len(view) - 1) // longest * longest
            for at in range(0, whole, longest):
                buffers += (_data_header(context_id, 0, longest), view[at : at + longest])
                if len(buffers) >= _BUFFERS:
                    yield buffers
                    buffers = []
            held += view[whole:]
            # What does not refer to the chunk can wait, and goes out together with what follows.
            if whole or len(buffers) > 4:
                yield buffers
                buffers = []
        buffers += (_data_header(context_id, _LAST, len(held)), held)
        yield buffers

    # What the peer wants.

    def space(self) -> memoryview:
        """Where the next bytes are to be written, at least one. Invalidates data given out before."""
        if self._start == self._end:
            self._start = self._end = 0
        elif self._start and len(self._view) - self._end < len(self._view) // 2:
            left = self._end - self._start
            self._view[:left] = bytes(self._view[self._start : self._end])
            self._start, self._end = 0, left
        return self._view[self._end :]

    def received(self, size: int) -> None:
        """*size* bytes were written to `space()`."""
        self._end += size

    def next_event(self) -> Pdu | CommandArrived | DataArrived | None:
        """What happened next, or None when more bytes are needed.

        Raises:
            ProtocolViolation: The peer broke the rules; an A-ABORT is in `take()`.
        """
        if self.state in (State.IDLE, State.AWAITING_CLOSE):
            # AA-6: what comes after the end means nothing.
            self._start = self._end
            return None
        while True:
            if self._in_pdv:
                if (event := self._fragment()) is not None:
                    return event
                if self._in_pdv:
                    return None
            elif self._pdu_left:
                if self._end - self._start < pdu.PDV_HEADER.size:
                    if self._pdu_left < pdu.PDV_HEADER.size:
                        raise self._violated("a presentation data value is cut off")
                    return None
                self._begin_pdv()
            else:
                if self._end - self._start < pdu.HEADER.size:
                    return None
                kind, length = pdu.HEADER.unpack_from(self._view, self._start)
                if kind == PduType.DATA:
                    self._begin_data(length)
                else:
                    return self._control_pdu(kind, length)

    def _fragment(self) -> CommandArrived | DataArrived | None:
        """Take what has come of the current PDV, or None while that completes nothing."""
        available = min(self._end - self._start, self._pdv_left)
        if not available and self._pdv_left:
            return None
        fragment = self._view[self._start : self._start + available]
        self._start += available
        self._pdv_left -= available
        self._pdu_left -= available
        self._in_pdv = bool(self._pdv_left)
        last = not self._in_pdv and bool(self._control & _LAST)
        if not self._control & _COMMAND:
            if last:
                self._awaits_data = False
                self._fragments = self._empty = 0
            return DataArrived(fragment, last) if available or last else None
        self._command += fragment
        if len(self._command) > MOST_COMMAND:
            raise self._violated(f"a command set is longer than {MOST_COMMAND} bytes")
        return self._command_arrived() if last else None

    def _begin_data(self, length: int) -> None:
        if self.state is not State.ESTABLISHED and self._step(Event.DATA) is not Action.AR_6:
            raise self._violated("data came where none may come", reason=2, stepped=True)
        if not pdu.PDV_HEADER.size <= length <= self._max_pdu:
            raise self._violated(f"a P-DATA PDU of {length} bytes, {self._max_pdu} were agreed on")
        self._start += pdu.HEADER.size
        self._pdu_left = length

    def _begin_pdv(self) -> None:
        length, context_id, self._control = pdu.PDV_HEADER.unpack_from(self._view, self._start)
        size = length - 2
        if not 0 <= size <= self._pdu_left - pdu.PDV_HEADER.size:
            raise self._violated("a presentation data value has a wrong length")
        if context_id not in self._accepted:
            raise self._violated(f"data came on presentation context {context_id}, which was not accepted")
        if bool(self._control & _COMMAND) is self._awaits_data or self._context not in (None, context_id):
            raise self._violated("messages are mixed up: a fragment of another message came")
        self._fragments += 1
        self._empty += not size
        if self._fragments > MOST_FRAGMENTS or self._empty > MOST_EMPTY:
            raise self._violated("a message comes in too many fragments")
        self._context = context_id if self._control & _COMMAND or not self._control & _LAST else None
        self._start += pdu.PDV_HEADER.size
        self._pdu_left -= pdu.PDV_HEADER.size
        self._pdv_left = size
        self._in_pdv = True

    def _command_arrived(self) -> CommandArrived:
        context_id = self._context
        assert context_id is not None
        try:
            command = commands.decode(self._command)
        except BadCommand as error:
            raise self._violated(str(error)) from error
        self._command = bytearray()
        self._fragments = self._empty = 0
        self._awaits_data = command.has_data_set
        if not command.has_data_set:
            self._context = None
        return CommandArrived(context_id, command)

    def _control_pdu(self, kind: int, length: int) -> Pdu | None:
        """Read a PDU that is no P-DATA, or None while it is incomplete."""
        if length > pdu.MOST_CONTROL or kind not in _EVENTS:
            what = _TLS_RECORDS.get(kind, f"there is no PDU type {kind}")
            if kind in _EVENTS:
                what = f"a PDU of {length} bytes"
            raise self._violated(what, reason=1 if kind not in _EVENTS else 6)
        body = self._start + pdu.HEADER.size
        if self._end - body < length:
            return None
        self._start = body + length
        try:
            arrived = pdu.decode(kind, bytes(self._view[body : body + length]))
        except BadPdu as error:
            raise self._violated(str(error), reason=error.reason) from error
        action = self._step(_EVENTS[PduType(kind)])
        if action in (Action.AA_1, Action.AA_8):
            raise self._violated(f"the peer sent {type(arrived).__name__} unexpectedly", reason=2, stepped=True)
        if isinstance(arrived, AssociateRequest | AssociateAccept):
            self.peer_max = arrived.user.max_length
            if self.peer_max and self.peer_max < pdu.PDV_HEADER.size + 2:
                raise self._violated(f"the peer takes PDUs of {self.peer_max} bytes only")
            if isinstance(arrived, AssociateAccept):
                self._agree(arrived)
            else:
                self._request = arrived
        return arrived

    def _agree(self, accept: AssociateAccept) -> None:
        # Only what was proposed, however much the peer accepts.
        assert self._request is not None
        self._accepted = frozenset(agreed(self._request, accept))

    def _step(self, event: Event) -> Action:
        action, self.state = step(event, self.state, requestor=self._requestor)
        return action

    def _violated(self, what: str, *, reason: int = 6, stepped: bool = False) -> ProtocolViolation:
        """The error to raise, after the A-ABORT was laid out and what else came was dropped."""
        if not stepped:
            self._step(Event.BAD_PDU)
        self._outgoing += pdu.encode(Abort(2, reason))
        self._start = self._end = 0
        self._pdu_left = self._pdv_left = 0
        self._in_pdv = False
        return ProtocolViolation(f"the peer broke the rules of the protocol: {what}")


def _data_header(context_id: int, control: int, size: int) -> bytes:
    return pdu.DATA_HEADER.pack(PduType.DATA, size + pdu.PDV_HEADER.size, size + 2, context_id, control)


def _cut(view: memoryview, longest: int, context_id: int, control: int, into: list[Buffer]) -> None:
    for at in range(0, len(view), longest):
        piece = view[at : at + longest]
        into += (_data_header(context_id, control, len(piece)), piece)
