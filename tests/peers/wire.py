"""Just enough of PS3.8 and PS3.7 to play a server that can stop, or lie, at any byte; and one that calls another."""

import contextlib
import select
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, NoReturn

import pydicom.uid
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)

C_STORE_RQ, C_STORE_RSP = 0x0001, 0x8001
C_GET_RQ, C_GET_RSP = 0x0010, 0x8010
C_MOVE_RQ, C_MOVE_RSP = 0x0021, 0x8021
C_FIND_RQ, C_FIND_RSP = 0x0020, 0x8020
C_ECHO_RQ, C_ECHO_RSP = 0x0030, 0x8030
C_CANCEL_RQ = 0x0FFF

NO_DATA_SET, HAS_DATA_SET = 0x0101, 0x0001
PDV = 1 << 16
"""Bytes of one PDV at most, where the peer allows it."""

_TAGS = {
    "AffectedSOPClassUID": 0x0002, "CommandField": 0x0100, "MessageID": 0x0110, "MessageIDBeingRespondedTo": 0x0120,
    "MoveDestination": 0x0600, "Priority": 0x0700,
    "CommandDataSetType": 0x0800, "Status": 0x0900, "AffectedSOPInstanceUID": 0x1000,
    "NumberOfRemainingSuboperations": 0x1020, "NumberOfCompletedSuboperations": 0x1021,
    "NumberOfFailedSuboperations": 0x1022, "NumberOfWarningSuboperations": 0x1023,
    "MoveOriginatorApplicationEntityTitle": 0x1030, "MoveOriginatorMessageID": 0x1031,
}  # fmt: skip
_NAMES = {tag: name for name, tag in _TAGS.items()}


class Gone(Exception):
    """The conversation is over. `how` is released, aborted, vanished, rejected, or broken by ourselves."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


@dataclass(frozen=True)
class Context:
    """One proposed presentation context."""

    number: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """What an A-ASSOCIATE-RQ says.

    Attributes:
        roles: The SCP/SCU role selection items, encoded.
        longest: The longest P-DATA-TF PDU the peer can receive; 0 for any.
    """

    called: str
    calling: str
    contexts: tuple[Context, ...]
    roles: tuple[bytes, ...]
    longest: int


@dataclass(frozen=True)
class Message:
    """A DIMSE message. Values of *command* are numbers and text by keyword."""

    context: int
    command: Mapping[str, Any]
    data: bytes = field(repr=False, default=b"")

    @property
    def kind(self) -> int:
        return int(self.command["CommandField"])


class Wire:
    """One connection, seen from the server; or from the one that calls, after `propose`."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.syntaxes: dict[int, str] = {}
        self.abstract: dict[int, str] = {}
        self.broken = False
        self._fragment = PDV

    def cut(self, *, abruptly: bool = False) -> None:
        """Break the connection off; *abruptly* by a reset. From any thread, and more than once.

        Whoever reads from it gets Gone, and so does the peer.
        """
        self.broken = True
        with contextlib.suppress(OSError):  # the other side may have been faster
            if abruptly:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._socket.shutdown(socket.SHUT_RD)  # wakes our own reader; the reset comes with close()
            else:
                self._socket.shutdown(socket.SHUT_RDWR)

    @property
    def left(self) -> bool:
        """Whether the peer has hung up, although what it sent before may still be unread."""
        poll = select.poll()
        try:
            poll.register(self._socket, select.POLLRDHUP)
        except ValueError:  # closed here
            return True
        return bool(poll.poll(0))

    def close(self) -> None:
        """Give the socket back. By the thread that serves it."""
        self._socket.close()

    def proposal(self) -> Proposal:
        """Wait for an A-ASSOCIATE-RQ."""
        kind, body = self._pdu()
        if kind != ASSOCIATE_RQ:
            raise Gone("vanished")
        return _parse_proposal(body)

    def propose(self, called: str, calling: str, contexts: Sequence[Context]) -> None:
        """Ask for an association and wait for the answer.

        Raises:
            Gone: There is none.
        """
        self.send_raw(encode_proposal(called, calling, contexts))
        kind, body = self._pdu()
        if kind != ASSOCIATE_AC:
            raise Gone("rejected")
        for item, content in _items(body[68:]):
            if item == 0x21 and content[2] == 0:
                _, name = next(iter(_items(content[4:])))
                self.syntaxes[content[0]] = name.decode().strip("\0 ")
        self.abstract.update({each.number: each.abstract_syntax for each in contexts if each.number in self.syntaxes})

    def release(self) -> None:
        """Ask for the release and wait for the answer."""
        self._send(RELEASE_RQ, b"\0\0\0\0")
        self._pdu()

    def accept(self, proposal: Proposal, chosen: Mapping[int, str | None]) -> None:
        """Answer with A-ASSOCIATE-AC. *chosen* has a transfer syntax for each context, or None to refuse it."""
        items = [_item(0x10, b"1.2.840.10008.3.1.1.1")]
        for context in proposal.contexts:
            syntax = chosen[context.number]
            # Result 0: acceptance; 3: abstract syntax not supported (PS3.8 9.3.3.2).
            result = 0 if syntax else 3
            name = _item(0x40, (syntax or context.transfer_syntaxes[0]).encode())
            items.append(_item(0x21, struct.pack("BBBB", context.number, 0, result, 0) + name))
            if syntax:
                self.syntaxes[context.number] = syntax
                self.abstract[context.number] = context.abstract_syntax
        user = [_item(0x51, struct.pack(">L", 1 << 18)), _item(0x52, b"2.25.1234567890"), *proposal.roles]
        items.append(_item(0x50, b"".join(user)))
        called, calling = proposal.called.ljust(16).encode(), proposal.calling.ljust(16).encode()
        head = struct.pack(">HH16s16s32s", 1, 0, called, calling, b"")
        if proposal.longest:
            self._fragment = min(PDV, proposal.longest - 6)
        self._send(ASSOCIATE_AC, head + b"".join(items))

    def reject(self, result: int, source: int, reason: int) -> NoReturn:
        """Answer with A-ASSOCIATE-RJ (PS3.8 table 9-21), then wait for the peer to hang up."""
        self._send(ASSOCIATE_RJ, struct.pack("BBBB", 0, result, source, reason))
        try:
            self.ignore()
        except Gone as gone:
            raise Gone("rejected") from gone

    def abort(self) -> None:
        """Send A-ABORT, by the service user."""
        self._send(ABORT, b"\0\0\0\0")

    def ignore(self) -> NoReturn:
        """Read, and answer nothing, until the peer is gone."""
        while True:
            kind, _ = self._pdu()
            if kind == ABORT:
                raise Gone("aborted")

    def message(self) -> Message:
        """The next DIMSE message.

        Raises:
            Gone: The peer released (that is answered), aborted, or closed the connection.
        """
        command, data, context = bytearray(), bytearray(), 0
        fields: dict[str, Any] | None = None
        while True:
            kind, body = self._pdu()
            if kind == RELEASE_RQ:
                self._send(RELEASE_RP, b"\0\0\0\0")
                raise Gone("released")
            if kind == ABORT:
                raise Gone("aborted")
            for context, control, fragment in _pdvs(body):
                (command if control & 1 else data).extend(fragment)
                if not control & 2:
                    continue
                if control & 1:
                    fields = _decode_command(bytes(command))
                if fields is not None and (not control & 1 or fields["CommandDataSetType"] == NO_DATA_SET):
                    return Message(context, fields, bytes(data))

    def send(self, message: Message) -> None:
        """Send a whole message."""
        for piece in self.pieces(message):
            self.send_raw(piece)

    def pieces(self, message: Message) -> Iterator[bytes]:
        """The P-DATA-TF PDUs of *message*, one PDV each."""
        yield _data_pdu(message.context, 3, encode_command(message.command))
        data = message.data
        for start in range(0, len(data), self._fragment):
            fragment = data[start : start + self._fragment]
            yield _data_pdu(message.context, 2 if start + self._fragment >= len(data) else 0, fragment)

    def respond(self, request: Message, status: int, data: bytes = b"", /, **fields: int) -> None:
        """Send the response to *request*."""
        command = {
            "AffectedSOPClassUID": request.command.get("AffectedSOPClassUID", ""),
            "CommandField": request.kind | 0x8000,
            "MessageIDBeingRespondedTo": request.command["MessageID"],
            "CommandDataSetType": HAS_DATA_SET if data else NO_DATA_SET,
            "Status": status,
        } | fields
        if request.kind == C_STORE_RQ:
            command["AffectedSOPInstanceUID"] = request.command["AffectedSOPInstanceUID"]
        self.send(Message(request.context, command, data))

    def send_raw(self, octets: bytes) -> None:
        """Send octets, whatever they are."""
        try:
            self._socket.sendall(octets)
        except OSError as error:
            raise Gone("vanished") from error

    def still_there(self, seconds: float) -> bool:
        """Wait a moment; False when in the meantime the peer aborted or hung up."""
        try:
            readable, _, _ = select.select([self._socket], [], [], seconds)
            if not readable:
                return True
            first = self._socket.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return False
        return bool(first) and first[0] not in (ABORT, RELEASE_RQ)

    def _pdu(self) -> tuple[int, bytes]:
        head = self._exactly(6)
        kind, length = head[0], int.from_bytes(head[2:], "big")
        return kind, self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        octets = bytearray()
        while len(octets) < count:
            try:
                more = self._socket.recv(min(1 << 18, count - len(octets)))
            except OSError as error:
                raise Gone("vanished") from error
            if not more:
                raise Gone("vanished")
            octets += more
        return bytes(octets)

    def _send(self, kind: int, body: bytes) -> None:
        self.send_raw(struct.pack(">BBL", kind, 0, len(body)) + body)


def encode_command(fields: Mapping[str, Any]) -> bytes:
    """A command set (PS3.7 6.3.1: Implicit VR Little Endian, with its group length)."""
    body = b""
    for name, tag in sorted(_TAGS.items(), key=lambda each: each[1]):
        if name in fields:
            value = fields[name]
            octets = struct.pack("<H", value) if isinstance(value, int) else str(value).encode()
            octets += b"\0" * (len(octets) % 2)
            body += struct.pack("<HHL", 0, tag, len(octets)) + octets
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def decode_data(data: bytes, syntax: str) -> Dataset:
    """A data set from its bytes."""
    known = pydicom.uid.UID(syntax)
    return read_dataset(BytesIO(data), known.is_implicit_VR, known.is_little_endian)


def encode_data(data: Dataset, syntax: str) -> bytes:
    """The bytes of a data set."""
    known = pydicom.uid.UID(syntax)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = known.is_implicit_VR, known.is_little_endian
    write_dataset(buffer, data)
    return bytes(buffer.getvalue())


def _decode_command(octets: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    at = 0
    while at < len(octets):
        _, tag, length = struct.unpack_from("<HHL", octets, at)
        value = octets[at + 8 : at + 8 + length]
        at += 8 + length
        if tag in _NAMES:
            text = _NAMES[tag].endswith(("UID", "Destination", "Title"))
            fields[_NAMES[tag]] = value.decode().strip("\0 ") if text else int.from_bytes(value, "little")
    return fields


def encode_proposal(called: str, calling: str, contexts: Iterable[Context]) -> bytes:
    """An A-ASSOCIATE-RQ PDU."""
    items = [_item(0x10, b"1.2.840.10008.3.1.1.1")]
    for context in contexts:
        names = [_item(0x30, context.abstract_syntax.encode())]
        names += [_item(0x40, syntax.encode()) for syntax in context.transfer_syntaxes]
        items.append(_item(0x20, struct.pack("BBBB", context.number, 0, 0, 0) + b"".join(names)))
    items.append(_item(0x50, _item(0x51, struct.pack(">L", 0)) + _item(0x52, b"2.25.1234567890")))
    head = struct.pack(">HH16s16s32s", 1, 0, called.ljust(16).encode(), calling.ljust(16).encode(), b"")
    body = head + b"".join(items)
    return struct.pack(">BBL", ASSOCIATE_RQ, 0, len(body)) + body


def _data_pdu(context: int, control: int, fragment: bytes) -> bytes:
    length = len(fragment) + 2
    return struct.pack(">BBLLBB", DATA, 0, length + 4, length, context, control) + fragment


def _pdvs(body: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < len(body):
        length, context, control = struct.unpack_from(">LBB", body, at)
        yield context, control, body[at + 6 : at + 4 + length]
        at += 4 + length


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def _items(body: bytes) -> Iterable[tuple[int, bytes]]:
    at = 0
    while at < len(body):
        kind, _, length = struct.unpack_from(">BBH", body, at)
        yield kind, body[at + 4 : at + 4 + length]
        at += 4 + length


def _parse_proposal(body: bytes) -> Proposal:
    contexts, roles, longest = [], [], 0
    for kind, content in _items(body[68:]):
        if kind == 0x20:
            names = list(_items(content[4:]))
            abstract = next(value for sub, value in names if sub == 0x30).decode().strip("\0 ")
            syntaxes = tuple(value.decode().strip("\0 ") for sub, value in names if sub == 0x40)
            contexts.append(Context(content[0], abstract, syntaxes))
        if kind == 0x50:
            for sub, value in _items(content):
                if sub == 0x51:
                    longest = int.from_bytes(value, "big")
                elif sub == 0x54:
                    roles.append(_item(0x54, value))
    called, calling = (body[start : start + 16].decode().strip() for start in (4, 20))
    return Proposal(called, calling, tuple(contexts), tuple(roles), longest)
