"""Why there is no encrypted connection, in a sentence that says what to change.

OpenSSL says what it minds, and no more. The rest is found out by a second look: at the certificate that
was refused, or at what the port speaks. Nothing of a patient is in it.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from adit.dicom.contexts import VERIFICATION, PresentationContext, model_context
from adit.dicom.errors import DicomError
from adit.dicom.protocols import Cancellation
from adit.dimse.association import Association, Peer
from adit.dimse.connecting import connect
from adit.dimse.errors import (
    Aborted,
    AssociationTimedOut,
    CertificateRefused,
    ConnectionBroken,
    NoContext,
    NotTrusted,
    ProtocolViolation,
    Rejected,
    TlsFailed,
    TlsMismatch,
    TlsTimedOut,
)
from adit.dimse.tls import Credentials, in_words, looking_context, speaks_no_tls

LOOK = 2.0
"""Seconds that a second look may take."""

_MOST_NAMES, _LONGEST = 5, 120
"""Of what a certificate says, in a sentence: names, and letters of each."""

_OURS, _THEIRS = "the administrator of ADIT", "the administrator of the PACS"
_EITHER = NotTrusted.mended_by

# Of OpenSSL's X509_verify_cert_error_string(3).
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _SELF_SIGNED_ABOVE = 9, 10, 18, 19
_ISSUER_UNKNOWN = frozenset((2, 20, 21, _SELF_SIGNED_ABOVE))
_WRONG_NAME = frozenset((62, 63, 64))

# What a peer says of the certificate that we show (RFC 8446 6.2), by OpenSSL's names.
_REFUSED = {
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know who issued it",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it is expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it is revoked",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not say why",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not say why",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "it cannot use one of that kind",
    "TLSV1_ALERT_ACCESS_DENIED": "it does not let its owner in",
    "TLSV1_ALERT_DECRYPT_ERROR": "it cannot check its signature",
}
_WANTED = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
# Before TLS 1.3 there is no alert of its own for it.
_PERHAPS_WANTED = frozenset((*_REFUSED, "SSLV3_ALERT_HANDSHAKE_FAILURE"))
_OLD = frozenset(("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where TLS was tried.

    Attributes:
        name: For sentences.
        host, port: That were called.
        credentials: With which.
    """

    name: str
    host: str
    port: int
    credentials: Credentials


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate that a server shows.

    Attributes:
        version: Of TLS, such as `TLSv1.3`.
        names: Hosts and addresses for which it is; the common name does not count any more (RFC 9525).
        issuer: Its distinguished name.
        begins, ends: When it is valid.
        fingerprint: SHA-256, in hexadecimal.
    """

    version: str
    names: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime
    fingerprint: str


def associate(
    peer: Peer, contexts: Sequence[PresentationContext], *, cancel: Cancellation | None = None
) -> Association:
    """`Association.request`, whose error is explained where it is about TLS."""
    try:
        return Association.request(peer, contexts, cancel=cancel)
    except DicomError as error:
        why = explained(error, peer, cancel=cancel)
        if why is error:
            raise
        raise why from error


def explained(error: DicomError, peer: Peer, *, cancel: Cancellation | None = None) -> DicomError:
    """*error*, with which `Association.request` failed, or a better one where it is about TLS.

    Args:
        cancel: Ends the second look; then *error* is as good as another.
    """
    if peer.tls is None:
        ended = isinstance(error, AssociationTimedOut | ConnectionBroken | ProtocolViolation)
        if ended and _speaks_tls(peer, cancel):
            return TlsMismatch(f"{peer} speaks TLS on this port: switch TLS on for the node, or correct its port")
        return error
    place = Place(str(peer), peer.host, peer.port, peer.tls)
    cause = error.__cause__
    if isinstance(cause, ssl.SSLError) and (why := why_no_tls(cause, place, cancel=cancel)) is not None:
        return why
    if speaks_no_tls(cause) or (isinstance(error, TlsFailed | TlsTimedOut) and _speaks_plainly(peer, cancel)):
        return TlsMismatch(f"{peer} speaks no TLS on this port: switch TLS off for the node, or correct its port")
    if isinstance(error, ConnectionBroken) and not peer.tls.shown:
        # Who refuses may be gone before its last word is read.
        return ConnectionBroken(f"{error}; it may want a certificate of ours, and the node has none")
    return error


def why_no_tls(error: ssl.SSLError, place: Place, *, cancel: Cancellation | None = None) -> TlsFailed | None:
    """What *error* of a handshake, or of the first read after it, means; None where it tells nothing."""
    if isinstance(error, ssl.SSLCertVerificationError):
        words, who = _mistrust(error, place, look(place, cancel=cancel))
        return NotTrusted(words, mended_by=who)
    reason = error.reason or ""
    if reason == _WANTED:
        return _wanted(place, in_words(error))
    if reason in _PERHAPS_WANTED and not place.credentials.shown:
        return _wanted(place, in_words(error), surely=False)
    if reason in _REFUSED:
        ours = _own(place.credentials)
        return CertificateRefused(f"{place.name} refuses the certificate that we show{ours}: {_REFUSED[reason]}")
    if reason in _OLD:
        return TlsMismatch(f"{place.name} speaks no TLS of version 1.2 or later: have that switched on there")
    return None


def look(place: Place, *, cancel: Cancellation | None = None) -> Shown | None:
    """The certificate that is shown at *place*, whether it is trusted or not; None where none is to be had."""
    context = looking_context(place.credentials)
    # A ValueError: what is shown is no certificate.
    with suppress(OSError, ValueError, DicomError):
        sock = connect(place.name, (place.host, place.port), LOOK, cancel)
        sock.settimeout(LOOK)
        with sock, context.wrap_socket(sock, server_hostname=place.host) as encrypted:
            return _read(encrypted.getpeercert(binary_form=True) or b"", encrypted.version() or "TLS")
    return None


def _read(encoded: bytes, version: str) -> Shown:
    # A tenth of a second, and mostly nothing is wrong.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415

    certificate = x509.load_der_x509_certificate(encoded)
    names: tuple[str, ...] = ()
    with suppress(x509.ExtensionNotFound):
        known = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        addresses = known.get_values_for_type(x509.IPAddress)
        names = tuple(_printable(name) for name in (*known.get_values_for_type(x509.DNSName), *map(str, addresses)))
    return Shown(
        version,
        names,
        _printable(certificate.issuer.rfc4514_string()),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        certificate.fingerprint(hashes.SHA256()).hex(),
    )


def _printable(text: str) -> str:
    """*text*, which a stranger wrote, as it may stand in a sentence."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_LONGEST])


def _mistrust(error: ssl.SSLCertVerificationError, place: Place, shown: Shown | None) -> tuple[str, str]:
    """What is wrong with the certificate, and who can mend it."""
    whose, code = f"the certificate of {place.name}", error.verify_code
    if shown is None:
        return f"{whose} is not trusted: {error.verify_message}", _EITHER
    # By the clock that OpenSSL has judged by.
    now = datetime.now(UTC)
    if code == _EXPIRED and shown.ends <= now:
        return f"{whose} is expired since {_date(shown.ends)}: it has to be renewed", _THEIRS
    if code == _EXPIRED:
        words = f"{whose} was issued by '{shown.issuer}', a certificate above it is expired: it has to be renewed"
        return words, _EITHER
    if code == _NOT_YET_VALID and shown.begins > now:
        words = f"{whose} is not valid before {_date(shown.begins)}, and the clock of this machine says {_date(now)}"
        return words, _EITHER
    if code in _WRONG_NAME:
        names = ", ".join(shown.names[:_MOST_NAMES]) or "no host at all"
        names += " and others" if len(shown.names) > _MOST_NAMES else ""
        advice = f"enter a host that it names on the node, or have it issued for {place.host}"
        return f"{whose} is not for {place.host}, but for {names}: {advice}", _EITHER
    if code == _SELF_SIGNED:
        advice = f"give it to the node if {shown.fingerprint} is its SHA-256 fingerprint"
        return f"{whose} is signed by itself, and the node does not trust it: {advice}", _OURS
    if code in _ISSUER_UNKNOWN:
        advice = "give the node the certificate of that CA, or have the server send those in between"
        return f"{whose} was issued by '{shown.issuer}', whom the node does not trust: {advice}", _EITHER
    return f"{whose} is not trusted: {error.verify_message}", _EITHER


def _wanted(place: Place, because: str, *, surely: bool = True) -> CertificateRefused:
    if place.credentials.shown:
        return CertificateRefused(f"{place.name} does not take the certificate that we show: {because}")
    wants = "wants" if surely else "most likely wants"
    return CertificateRefused(
        f"{place.name} {wants} a certificate of ours, and the node has none to show: give it one ({because})",
        mended_by=_OURS,
    )


def _own(credentials: Credentials) -> str:
    """Which certificate we show, and until when it is valid, to go behind a noun."""
    from cryptography import x509  # noqa: PLC0415

    with suppress(ValueError):
        first, *_ = x509.load_pem_x509_certificates(credentials.shown.encode())
        return f" ('{_printable(first.subject.rfc4514_string())}', valid until {_date(first.not_valid_after_utc)})"
    return ""


def _speaks_tls(peer: Peer, cancel: Cancellation | None) -> bool:
    place = Place(str(peer), peer.host, peer.port, Credentials())
    context = looking_context(place.credentials)
    try:
        sock = connect(place.name, (place.host, place.port), LOOK, cancel)
        sock.settimeout(LOOK)
        with sock, context.wrap_socket(sock, server_hostname=place.host):
            return True
    except ssl.SSLError as error:
        # An alert is TLS, whatever it says.
        return "ALERT" in (error.reason or "")
    except (OSError, ValueError, DicomError):
        return False


def _speaks_plainly(peer: Peer, cancel: Cancellation | None) -> bool:
    """Whether it takes, or rejects, an association without TLS; none but AE titles are told to it."""
    plain = replace(peer, tls=None, connect_timeout=LOOK, acse_timeout=LOOK, idle_timeout=LOOK)
    try:
        Association.request(plain, [model_context(VERIFICATION)], cancel=cancel).release()
    except (Aborted, NoContext, Rejected):
        return True
    except DicomError:
        return False
    return True


def _date(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
