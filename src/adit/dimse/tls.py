"""TLS as DICOM wants it (PS3.15 B.12, BCP 195): what is trusted and what is shown, on either side."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass, field
from functools import lru_cache

_NO_TLS = frozenset(("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"))


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a server is trusted, and how we show who we are.

    Attributes:
        trusted: PEM certificates that are trusted instead of the system's; empty for the system's.
        shown: PEM certificate and private key that we show; empty for none.
        checks_name: The certificate of the server has to name the host that is called.
    """

    trusted: str = field(default="", repr=False)
    shown: str = field(default="", repr=False)
    checks_name: bool = True


@lru_cache(maxsize=64)
def client_context(credentials: Credentials) -> ssl.SSLContext:
    """The side that connects. One for all connections: the system's certificates take 20 ms to read.

    Raises:
        ssl.SSLError, ValueError: A certificate or the key cannot be used.
    """
    context = ssl.create_default_context(cadata=credentials.trusted or None)
    context.check_hostname = credentials.checks_name
    _harden(context)
    if credentials.shown:
        _show(context, credentials.shown)
    return context


def looking_context(credentials: Credentials) -> ssl.SSLContext:
    """The side that connects to see what is there: it trusts everything, so nothing may be said over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if credentials.shown:
        _show(context, credentials.shown)
    return context


def server_context(shown: str, *, demanded: str = "") -> ssl.SSLContext:
    """The side that listens.

    Args:
        shown: PEM certificate, those that lead to its CA, and private key.
        demanded: PEM certificates of the CA whose certificate a client has to show; empty for any client.

    Raises:
        ssl.SSLError, ValueError: A certificate or the key cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    context.options |= ssl.OP_NO_RENEGOTIATION
    _show(context, shown)
    if demanded:
        context.load_verify_locations(cadata=demanded)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def in_words(error: OSError) -> str:
    """What *error* says, without the numbers of a library's own files."""
    if isinstance(error, ssl.SSLEOFError) or getattr(error, "reason", None) == "UNEXPECTED_EOF_WHILE_READING":
        return "the peer closed it"
    if speaks_no_tls(error):
        return "the peer does not speak TLS"
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return error.strerror or str(error)


def speaks_no_tls(error: BaseException | None) -> bool:
    """Whether *error* of a handshake says that what came is no TLS at all."""
    return isinstance(error, ssl.SSLError) and error.reason in _NO_TLS


def usable_pem(*, trusted: str = "", shown: str = "") -> bool:
    """Whether *trusted* are PEM certificates, and *shown* is one with its private key. Empty texts are."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if trusted:
            context.load_verify_locations(cadata=trusted)
        if shown:
            _show(context, shown)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _harden(context: ssl.SSLContext) -> None:
    # Python's list of ciphers has forward secrecy in all, and neither anonymous ones nor SHA-1.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # As of 3.13 in all versions: a certificate that is trusted by itself needs no CA above it …
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # … but not so strict: many a modality has a certificate without the extensions that RFC 5280 wants.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT


def _show(context: ssl.SSLContext, pem: str) -> None:
    # OpenSSL reads keys from files only; this one is for us alone, and gone at once.
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(pem)
        file.flush()
        # Without the password it would ask whoever sits at the terminal.
        context.load_cert_chain(file.name, password="")
