"""The PDUs of the upper layer as values, to and from bytes (PS3.8 9.3, annex D). P-DATA is in `connection`."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from adit.dicom.refs import UID

APPLICATION_CONTEXT = UID("1.2.840.10008.3.1.1.1")

HEADER = struct.Struct(">BxI")
"""PDU type and length of what follows."""

DATA_HEADER = struct.Struct(">BxIIBB")
"""Header of a P-DATA-TF PDU with one PDV: type, length, item length, context ID, control header."""

PDV_HEADER = struct.Struct(">IBB")
"""Item length, context ID, message control header (PS3.8 9.3.5.1, annex E.2)."""

MOST_CONTROL = 1 << 17
"""Bytes of an associate PDU; 128 contexts with 10 syntaxes each fit."""

_ITEM = struct.Struct(">BxH")
_FIXED = struct.Struct(">H2x16s16s32x")


class BadPdu(ValueError):
    """The bytes are no PDU.

    Attributes:
        reason: For the A-ABORT that answers it (PS3.8 table 9-26).
    """

    def __init__(self, message: str, reason: int = 6) -> None:
        super().__init__(message)
        self.reason = reason


class PduType(IntEnum):
    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    DATA = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class Result(IntEnum):
    """Of a presentation context (PS3.8 table 9-18)."""

    ACCEPTANCE = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


@dataclass(frozen=True, slots=True)
class Proposed:
    """A presentation context item of a request (PS3.8 9.3.2.2)."""

    id: int
    abstract_syntax: UID
    transfer_syntaxes: tuple[UID, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """A presentation context item of an accept (PS3.8 9.3.3.2). The syntax has no meaning unless accepted."""

    id: int
    result: int
    transfer_syntax: UID


@dataclass(frozen=True, slots=True)
class Role:
    """SCP/SCU role selection (PS3.7 D.3.3.4), seen from the requestor."""

    sop_class: UID
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class UserInformation:
    """The user information item (PS3.8 9.3.2.3, annex D; PS3.7 D.3.3).

    Attributes:
        max_length: Of the P-DATA-TF PDUs that the sender can receive, without header; 0 for no limit.
        roles: At most one for each SOP class.
        others: Sub-items that we do not use, as (type, bytes), in their order.
    """

    max_length: int
    implementation_class: UID
    implementation_version: str = ""
    roles: tuple[Role, ...] = ()
    others: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    called: str
    calling: str
    contexts: tuple[Proposed, ...]
    user: UserInformation
    application_context: UID = APPLICATION_CONTEXT
    version: int = 1


@dataclass(frozen=True, slots=True)
class AssociateAccept:
    called: str
    calling: str
    contexts: tuple[Answered, ...]
    user: UserInformation
    application_context: UID = APPLICATION_CONTEXT
    version: int = 1


@dataclass(frozen=True, slots=True)
class AssociateReject:
    """Result, source and reason as in PS3.8 table 9-21."""

    result: int
    source: int
    reason: int


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    pass


@dataclass(frozen=True, slots=True)
class ReleaseReply:
    pass


@dataclass(frozen=True, slots=True)
class Abort:
    """Source and reason as in PS3.8 table 9-26."""

    source: int
    reason: int


Pdu = AssociateRequest | AssociateAccept | AssociateReject | ReleaseRequest | ReleaseReply | Abort


def encode(pdu: Pdu) -> bytes:
    """The bytes of *pdu*, with header."""
    match pdu:
        case AssociateRequest():
            return _pdu(PduType.ASSOCIATE_RQ, _association(pdu, b"".join(_proposed(c) for c in pdu.contexts)))
        case AssociateAccept():
            return _pdu(PduType.ASSOCIATE_AC, _association(pdu, b"".join(_answered(c) for c in pdu.contexts)))
        case AssociateReject():
            return _pdu(PduType.ASSOCIATE_RJ, bytes((0, pdu.result, pdu.source, pdu.reason)))
        case ReleaseRequest():
            return _pdu(PduType.RELEASE_RQ, bytes(4))
        case ReleaseReply():
            return _pdu(PduType.RELEASE_RP, bytes(4))
        case Abort():
            return _pdu(PduType.ABORT, bytes((0, 0, pdu.source, pdu.reason)))


def decode(kind: int, body: bytes) -> Pdu:
    """Read what follows the header of a PDU other than P-DATA-TF.

    Raises:
        BadPdu: The type is unknown, or lengths or values break PS3.8 9.3.
    """
    if kind in (PduType.ASSOCIATE_RQ, PduType.ASSOCIATE_AC):
        return _read_association(kind, body)
    if kind not in (PduType.ASSOCIATE_RJ, PduType.RELEASE_RQ, PduType.RELEASE_RP, PduType.ABORT):
        raise BadPdu(f"there is no PDU type {kind}", reason=1)
    if len(body) != 4:
        raise BadPdu(f"a PDU of type {kind} has {len(body)} bytes instead of 4")
    if kind == PduType.ASSOCIATE_RJ:
        return AssociateReject(body[1], body[2], body[3])
    if kind == PduType.ABORT:
        return Abort(body[2], body[3])
    return ReleaseRequest() if kind == PduType.RELEASE_RQ else ReleaseReply()


def _pdu(kind: PduType, body: bytes) -> bytes:
    return HEADER.pack(kind, len(body)) + body


def _item(kind: int, body: bytes) -> bytes:
    return _ITEM.pack(kind, len(body)) + body


def _text(text: str) -> bytes:
    return text.encode("latin-1")


def _association(pdu: AssociateRequest | AssociateAccept, contexts: bytes) -> bytes:
    fixed = _FIXED.pack(pdu.version, _text(pdu.called).ljust(16), _text(pdu.calling).ljust(16))
    return fixed + _item(0x10, _text(pdu.application_context)) + contexts + _user(pdu.user)


def _proposed(context: Proposed) -> bytes:
    syntaxes = b"".join(_item(0x40, _text(syntax)) for syntax in context.transfer_syntaxes)
    return _item(0x20, bytes((context.id, 0, 0, 0)) + _item(0x30, _text(context.abstract_syntax)) + syntaxes)


def _answered(context: Answered) -> bytes:
    return _item(0x21, bytes((context.id, 0, context.result, 0)) + _item(0x40, _text(context.transfer_syntax)))


def _user(user: UserInformation) -> bytes:
    items = [_item(0x51, user.max_length.to_bytes(4, "big")), _item(0x52, _text(user.implementation_class))]
    for role in user.roles:
        name = _text(role.sop_class)
        items.append(_item(0x54, len(name).to_bytes(2, "big") + name + bytes((role.scu, role.scp))))
    if user.implementation_version:
        items.append(_item(0x55, _text(user.implementation_version)))
    items += [_item(kind, body) for kind, body in user.others]
    return _item(0x50, b"".join(items))


def _items(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Split *body* into items of (type, bytes)."""
    at = 0
    while at < len(body):
        if len(body) - at < 4:
            raise BadPdu("an item is cut off")
        kind, length = _ITEM.unpack_from(body, at)
        at += 4 + length
        if at > len(body):
            raise BadPdu("an item is longer than what holds it")
        yield kind, body[at - length : at]


def _uid(raw: bytes) -> UID:
    # PS3.8 annex F forbids padding here, some peers pad all the same.
    text = raw.rstrip(b"\0 ")
    if len(text) > 64:
        raise BadPdu("a UID is longer than 64 characters")
    return UID(text.decode("latin-1"))


def _read_association(kind: int, body: bytes) -> AssociateRequest | AssociateAccept:
    if len(body) < _FIXED.size:
        raise BadPdu("an associate PDU is cut off")
    version, called, calling = _FIXED.unpack_from(body)
    names = (called.decode("latin-1").strip("\0 "), calling.decode("latin-1").strip("\0 "))
    proposed: list[Proposed] = []
    answered: list[Answered] = []
    application_context, user = UID(""), None
    for item, content in _items(body[_FIXED.size :]):
        if item == 0x10:
            application_context = _uid(content)
        elif item == 0x20 and kind == PduType.ASSOCIATE_RQ:
            proposed.append(_read_proposed(content))
        elif item == 0x21 and kind == PduType.ASSOCIATE_AC:
            answered.append(_read_answered(content))
        elif item == 0x50:
            user = _read_user(content)
        # Anything else is ignored: PS3.8 9.3.1 wants so.
    if user is None:
        raise BadPdu("an associate PDU has no user information")
    contexts = proposed or answered
    if len({context.id for context in contexts}) != len(contexts):
        raise BadPdu("a presentation context ID comes twice")
    if kind == PduType.ASSOCIATE_RQ:
        if not proposed:
            raise BadPdu("an association is requested without presentation contexts")
        return AssociateRequest(*names, tuple(proposed), user, application_context, version)
    return AssociateAccept(*names, tuple(answered), user, application_context, version)


def _read_proposed(body: bytes) -> Proposed:
    if len(body) < 4:
        raise BadPdu("a presentation context is cut off")
    if not body[0] % 2:
        raise BadPdu(f"{body[0]} is no presentation context ID")
    items = list(_items(body[4:]))
    abstract = [_uid(content) for item, content in items if item == 0x30]
    syntaxes = tuple(_uid(content) for item, content in items if item == 0x40)
    if len(abstract) != 1 or not syntaxes:
        raise BadPdu("a presentation context lacks its abstract syntax or transfer syntaxes")
    return Proposed(body[0], abstract[0], syntaxes)


def _read_answered(body: bytes) -> Answered:
    if len(body) < 4:
        raise BadPdu("a presentation context is cut off")
    # A refused context may come without a transfer syntax item, or with an empty one.
    syntax = next((_uid(content) for item, content in _items(body[4:]) if item == 0x40), UID(""))
    return Answered(body[0], body[2], syntax)


def _read_user(body: bytes) -> UserInformation:
    max_length, implementation, version = 0, UID(""), ""
    roles: dict[UID, Role] = {}
    others: list[tuple[int, bytes]] = []
    for item, content in _items(body):
        if item == 0x51:
            if len(content) != 4:
                raise BadPdu("the maximum length is no 4 bytes")
            max_length = int.from_bytes(content, "big")
        elif item == 0x52:
            implementation = _uid(content)
        elif item == 0x54:
            role = _read_role(content)
            roles[role.sop_class] = role
        elif item == 0x55:
            version = content[:16].decode("latin-1").strip("\0 ")
        else:
            others.append((item, content))
    return UserInformation(max_length, implementation, version, tuple(roles.values()), tuple(others))


def _read_role(body: bytes) -> Role:
    length = int.from_bytes(body[:2], "big")
    if len(body) != length + 4:
        raise BadPdu("a role selection has a wrong length")
    return Role(_uid(body[2 : 2 + length]), bool(body[-2]), bool(body[-1]))
