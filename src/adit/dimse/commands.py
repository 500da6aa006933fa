"""DIMSE command sets, to and from bytes (PS3.7 6.3.1, 9.3, 10.3, E.1)."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from adit.dicom.refs import UID

NO_DATA_SET = 0x0101
"""Command Data Set Type (0000,0800) of a message without data set."""

_RESPONSE = 0x8000
_ELEMENT = struct.Struct("<HHI")


class BadCommand(ValueError):
    """The bytes are no command set."""


class Operation(IntEnum):
    """Command Field (0000,0100) of requests; a response has 0x8000 added."""

    C_STORE = 0x0001
    C_GET = 0x0010
    C_FIND = 0x0020
    C_MOVE = 0x0021
    C_ECHO = 0x0030
    N_EVENT_REPORT = 0x0100
    N_GET = 0x0110
    N_SET = 0x0120
    N_ACTION = 0x0130
    N_CREATE = 0x0140
    N_DELETE = 0x0150
    C_CANCEL = 0x0FFF


class Command(NamedTuple):
    """A command set. What is None is absent.

    Attributes:
        field: Command Field (0000,0100): an Operation, with 0x8000 added in a response.
        data_set_type: Anything but NO_DATA_SET announces a data set.
        message_id: Of a request, 0 to 65535.
        responded_id: Message ID Being Responded To: of a response and of C-CANCEL.
    """

    field: int
    data_set_type: int = NO_DATA_SET
    message_id: int | None = None
    responded_id: int | None = None
    affected_class: UID | None = None
    affected_instance: UID | None = None
    requested_class: UID | None = None
    requested_instance: UID | None = None
    priority: int | None = None
    status: int | None = None
    error_comment: str | None = None
    error_id: int | None = None
    move_destination: str | None = None
    originator: str | None = None
    originator_id: int | None = None
    remaining: int | None = None
    completed: int | None = None
    failed: int | None = None
    warning: int | None = None
    event_type: int | None = None
    action_type: int | None = None

    @property
    def has_data_set(self) -> bool:
        return self.data_set_type != NO_DATA_SET

    @property
    def is_response(self) -> bool:
        return bool(self.field & _RESPONSE)


# Element of group 0000, attribute of Command, value representation (PS3.7 table E.1-1).
_TABLE = (
    (0x0002, "affected_class", "UI"),
    (0x0003, "requested_class", "UI"),
    (0x0100, "field", "US"),
    (0x0110, "message_id", "US"),
    (0x0120, "responded_id", "US"),
    (0x0600, "move_destination", "AE"),
    (0x0700, "priority", "US"),
    (0x0800, "data_set_type", "US"),
    (0x0900, "status", "US"),
    (0x0902, "error_comment", "LO"),
    (0x0903, "error_id", "US"),
    (0x1000, "affected_instance", "UI"),
    (0x1001, "requested_instance", "UI"),
    (0x1002, "event_type", "US"),
    (0x1008, "action_type", "US"),
    (0x1020, "remaining", "US"),
    (0x1021, "completed", "US"),
    (0x1022, "failed", "US"),
    (0x1023, "warning", "US"),
    (0x1030, "originator", "AE"),
    (0x1031, "originator_id", "US"),
)
_BY_ELEMENT = {element: (name, vr) for element, name, vr in _TABLE}
assert {name for _, name, _ in _TABLE} == set(Command._fields)


def response(request: Command, status: int, *, has_data_set: bool = False) -> Command:
    """The answer to *request*, with what PS3.7 9.3 wants repeated."""
    return Command(
        request.field | _RESPONSE,
        0x0000 if has_data_set else NO_DATA_SET,
        responded_id=request.message_id,
        affected_class=request.affected_class or request.requested_class,
        affected_instance=request.affected_instance or request.requested_instance,
        status=status,
    )


def encode(command: Command) -> bytes:
    """The command set, with its group length, in Implicit VR Little Endian (PS3.7 6.3.1)."""
    parts: list[bytes] = []
    for element, name, vr in _TABLE:
        value = getattr(command, name)
        if value is None:
            continue
        if vr == "US":
            raw = value.to_bytes(2, "little")
        else:
            raw = value.encode("latin-1")
            if len(raw) % 2:
                raw += b"\0" if vr == "UI" else b" "
        parts.append(_ELEMENT.pack(0, element, len(raw)))
        parts.append(raw)
    body = b"".join(parts)
    return _ELEMENT.pack(0, 0, 4) + len(body).to_bytes(4, "little") + body


def decode(encoded: bytes | bytearray) -> Command:
    """Read a command set. Elements that `Command` does not hold are skipped.

    Raises:
        BadCommand: It is cut off, begins with another group, lacks its command field or the data set
            type, or a number has not two bytes.
    """
    values: dict[str, int | str] = {}
    at, end = 0, len(encoded)
    while at < end:
        if end - at < 8:
            raise BadCommand("a command element is cut off")
        group, element, length = _ELEMENT.unpack_from(encoded, at)
        at += 8
        if group and not values:
            raise BadCommand(f"a command set begins with an element of group {group:04X}")
        if length > end - at:
            raise BadCommand("a command element is longer than its command set")
        raw = encoded[at : at + length]
        at += length
        # Orthanc puts the list of failed instances (0008,0058) behind its last answer to a C-GET.
        if group or (known := _BY_ELEMENT.get(element)) is None:
            continue
        name, vr = known
        if vr == "US":
            if length == 2:
                values[name] = int.from_bytes(raw, "little")
            elif length:
                raise BadCommand(f"(0000,{element:04X}) has {length} bytes instead of 2")
        else:
            values[name] = raw.decode("latin-1").strip("\0 ")
    if "field" not in values or "data_set_type" not in values:
        raise BadCommand("a command set lacks its command field or its data set type")
    return Command(**values)  # type: ignore[arg-type]
