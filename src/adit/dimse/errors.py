"""What can go wrong on an association."""

from __future__ import annotations

from adit.dicom.errors import BadData, DicomError, TimedOut, Unreachable


class ConnectionBroken(Unreachable):
    """The connection to the peer broke off."""


class ConnectTimedOut(TimedOut):
    """The peer's host did not take the connection in time."""

    mended_by = "the administrator of the PACS or of the network"


class AssociationTimedOut(TimedOut):
    """The peer took the connection, but did not answer the request for an association in time."""


class IdleTimedOut(TimedOut):
    """The peer was silent for longer than it may be."""


class ProtocolViolation(BadData):
    """The peer broke the rules of the protocol; the association was aborted."""

    mended_by = "the administrator of the PACS"


class NoContext(DicomError):
    """The peer accepts no presentation context for this."""

    mended_by = "the administrator of the PACS"


# PS3.8 table 9-21: (source, reason).
_REJECTED = {
    (1, 1): "no reason given",
    (1, 2): "it does not know the application context",
    (1, 3): "it does not know our AE title",
    (1, 7): "it is not called by that AE title",
    (2, 1): "no reason given",
    (2, 2): "it does not know the protocol version",
    (3, 1): "it is overloaded for the moment",
    (3, 2): "it has as many associations as it can take",
}


class TlsFailed(Unreachable):
    """The connection to the peer cannot be encrypted."""

    mended_by = "the administrator of the PACS, of the network or of ADIT"

    def __init__(self, message: str = "", *, mended_by: str = "") -> None:
        super().__init__(message)
        self.mended_by = mended_by or type(self).mended_by


class TlsTimedOut(ConnectTimedOut):
    """The peer took the connection, but did not finish the TLS handshake in time."""


class NotTrusted(TlsFailed):
    """The certificate of the peer is not trusted."""

    transient = False
    mended_by = "the administrator of ADIT or of the PACS"


class CertificateRefused(TlsFailed):
    """The peer does not want to see the certificate that we show, or wants one that we do not show."""

    transient = False
    mended_by = "the administrator of ADIT or of the PACS"


class TlsMismatch(TlsFailed):
    """One side speaks TLS and the other does not, or not the same."""

    transient = False
    mended_by = "the administrator of ADIT"


class Rejected(Unreachable):
    """The peer rejected the association.

    Attributes:
        result: 1 permanent, 2 transient (PS3.8 table 9-21).
        source: 1 user, 2 provider (ACSE), 3 provider (presentation).
        reason: A number that depends on *source*.
    """

    mended_by = "the administrator of the PACS"

    def __init__(self, where: str = "the peer", *, result: int, source: int, reason: int) -> None:
        words = _REJECTED.get((source, reason), f"reason {reason} of source {source}")
        lasting = "for the moment" if result == 2 else "for good"
        super().__init__(f"{where} rejected the association {lasting}: {words}")
        self.result, self.source, self.reason = result, source, reason
        self.transient = result == 2


# PS3.8 table 9-26, reasons of the service provider.
_ABORTED = {
    0: "no reason given",
    1: "it does not know the PDU",
    2: "it did not expect the PDU",
    4: "it does not know a PDU parameter",
    5: "it did not expect a PDU parameter",
    6: "a PDU parameter has a wrong value",
}


class Aborted(Unreachable):
    """The peer aborted the association.

    Attributes:
        source: 0 user (its application), 2 provider (its upper layer).
        reason: Of the provider (PS3.8 table 9-26).
    """

    mended_by = "the administrator of the PACS"

    def __init__(self, where: str = "the peer", *, source: int, reason: int) -> None:
        words = _ABORTED.get(reason, f"reason {reason}") if source == 2 else "its application ended it"
        super().__init__(f"{where} aborted the association: {words}")
        self.source, self.reason = source, reason
        # A complaint about the protocol comes again with the next try.
        self.transient = source != 2 or reason not in _ABORTED or reason == 0
