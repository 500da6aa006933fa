"""What the statuses of DIMSE responses mean (PS3.7 annex C, PS3.4 B.2.3, C.4.1.1.4, C.4.2.1.5, C.4.3.1.4)."""

from __future__ import annotations

from enum import StrEnum

SUCCESS = 0x0000
PENDING = 0xFF00
PENDING_WITH_UNSUPPORTED_KEYS = 0xFF01
CANCELED = 0xFE00
SUB_OPERATIONS_FAILED = 0xB000
OUT_OF_RESOURCES = 0xA700
NOT_UNDERSTOOD = 0xC000
UNSUPPORTED_SOP_CLASS = 0x0122
UNRECOGNIZED_OPERATION = 0x0211
PROCESSING_FAILURE = 0x0110
NO_SUCH_EVENT = 0x0113
SYNTAX_NOT_SUPPORTED = 0xC122
"""Failure Reason of STOW-RS (PS3.18 I.2.2)."""


class Service(StrEnum):
    """The DIMSE service that a status answers."""

    ECHO = "C-ECHO"
    STORE = "C-STORE"
    FIND = "C-FIND"
    GET = "C-GET"
    MOVE = "C-MOVE"
    COMMIT = "storage commitment"


class Category(StrEnum):
    """Status type of PS3.7 annex C."""

    SUCCESS = "success"
    PENDING = "pending"
    WARNING = "warning"
    FAILURE = "failure"
    CANCEL = "cancel"


_GENERAL = {
    0x0000: "success",
    0x0001: "success, but some optional attributes are not supported",
    0x0105: "there is no such attribute",
    0x0106: "an attribute has a value that is not allowed",
    0x0107: "an attribute list names attributes that do not exist",
    0x0110: "the peer failed while processing it",
    0x0111: "the instance exists already",
    0x0112: "there is no such instance",
    0x0113: "there is no such event",
    0x0115: "an argument has a value that is not allowed",
    0x0116: "an attribute value is out of range",
    0x0117: "the instance UID is not valid",
    0x0118: "there is no such SOP class",
    0x0119: "class and instance do not fit together",
    0x0120: "an attribute is missing",
    0x0121: "an attribute value is missing",
    0x0122: "the peer does not support this SOP class",
    0x0123: "there is no such action",
    0x0124: "not authorized",
    0x0210: "the message ID was used twice",
    0x0211: "the peer does not know this operation",
    0x0212: "an argument was mistyped",
    0x0213: "the peer is out of resources",
    0xFE00: "canceled",
}

_BY_SERVICE: dict[Service, dict[int, str]] = {
    Service.ECHO: {},
    Service.STORE: {
        0xB000: "stored, but elements were changed (coerced)",
        0xB006: "stored, but elements were discarded",
        0xB007: "stored, but the data set does not match its SOP class",
        0xC122: "the peer does not take this transfer syntax",
    },
    Service.FIND: {
        0xFF00: "a match; more may come",
        0xFF01: "a match, but some optional keys are not supported; more may come",
        0xA700: "the peer is out of resources, perhaps because too much matches",
        0xA900: "the query does not match its SOP class",
    },
    Service.GET: {
        0xFF00: "going on",
        0xA701: "the peer is out of resources: it cannot count the matches",
        0xA702: "the peer is out of resources: it cannot send the instances",
        0xA900: "the request does not match its SOP class",
        0xB000: "done, but some instances failed or came with a warning",
    },
    Service.MOVE: {
        0xFF00: "going on",
        0xA701: "the peer is out of resources: it cannot count the matches",
        0xA702: "the peer is out of resources: it cannot send the instances to the destination",
        0xA801: "the peer does not know the AE title that the instances shall go to",
        0xA900: "the request does not match its SOP class",
        0xB000: "done, but some instances failed or came with a warning",
    },
    # Of the request (PS3.4 J.3.2.1.4), and Failure Reason of what is not committed (PS3.3 C.14.1.1).
    Service.COMMIT: {
        0x0131: "the transaction UID was used before",
    },
}

_RANGES = (
    # (first, last, words): where a peer may fill in the low bits.
    (0xA700, 0xA7FF, "the peer is out of resources"),
    (0xA900, 0xA9FF, "the data set does not match its SOP class"),
    (0xC000, 0xCFFF, "the peer cannot understand or process it"),
    (0xB000, 0xBFFF, "done with a warning"),
)


def category(status: int) -> Category:
    """The type of *status*. What no table knows counts as a failure."""
    if status == SUCCESS:
        return Category.SUCCESS
    if status in (PENDING, PENDING_WITH_UNSUPPORTED_KEYS):
        return Category.PENDING
    if status == CANCELED:
        return Category.CANCEL
    # 0107 and 0116 are the warnings of PS3.7 C.5; 0001 is a success with a remark.
    if status >> 12 == 0xB or status in (0x0001, 0x0107, 0x0116):
        return Category.WARNING
    return Category.FAILURE


def transient(status: int) -> bool:
    """Whether the same request may succeed later: the peer is full or busy, not wrong."""
    return status >> 8 == 0xA7 or status == 0x0213


def describe(status: int, service: Service) -> str:
    """*status* in words that a person understands, with its number."""
    words = _BY_SERVICE[service].get(status) or _GENERAL.get(status)
    if words is None:
        words = next((text for first, last, text in _RANGES if first <= status <= last), "unknown status")
    return f"{words} (0x{status:04X})"
