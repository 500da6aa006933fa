"""The certificate of the receiver, read anew when its files change."""

from __future__ import annotations

import logging
import ssl
import threading
from datetime import datetime
from pathlib import Path

from adit.dimse.tls import server_context

log = logging.getLogger(__name__)


class BadCertificate(Exception):
    """The certificate of the receiver cannot be used; the message says which file and why."""


class Renewing:
    """Gives the TLS context of a server. Thread-safe.

    What is renewed on disk counts from the next connection on; where that cannot be used, the last that
    could goes on.
    """

    def __init__(self, certificate: Path, ca: Path | None) -> None:
        """
        Args:
            certificate: PEM: the certificate, those that lead to its CA, and the private key.
            ca: PEM: whose certificates a client has to show; None for any client.

        Raises:
            BadCertificate: They cannot be used.
        """
        self._certificate, self._ca = certificate, ca
        self._lock = threading.Lock()
        self._seen = self._state()
        self._context = self._read()

    def __call__(self) -> ssl.SSLContext:
        with self._lock:
            if (state := self._state()) != self._seen:
                self._seen = state
                try:
                    self._context = self._read()
                    log.info("the certificate of the receiver was renewed from %s", self._certificate)
                except BadCertificate as bad:
                    log.warning("the old certificate of the receiver is used on: %s", bad)
            return self._context

    def _state(self) -> tuple[object, ...]:
        """Different after each change of the files."""
        return tuple(_state_of(path) for path in (self._certificate, self._ca) if path is not None)

    def _read(self) -> ssl.SSLContext:
        shown, demanded = _text(self._certificate), _text(self._ca) if self._ca else ""
        try:
            server_context(shown)
        except (ssl.SSLError, ValueError) as error:
            words = "holds no certificate in PEM form together with its private key without a password"
            raise BadCertificate(f"{self._certificate} (ADIT_RECEIVER_TLS_CERTIFICATE) {words}") from error
        try:
            return server_context(shown, demanded=demanded)
        except (ssl.SSLError, ValueError) as error:
            raise BadCertificate(f"{self._ca} (ADIT_RECEIVER_TLS_CA) holds no certificate in PEM form") from error


def expiry(certificate: Path) -> datetime | None:
    """Until when the first certificate in the PEM file *certificate* is valid; None where there is none."""
    from cryptography import x509  # noqa: PLC0415  a tenth of a second, for the doctor only

    try:
        first, *_ = x509.load_pem_x509_certificates(certificate.read_bytes())
    except (OSError, ValueError):
        return None
    return first.not_valid_after_utc


def _state_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise BadCertificate(f"{path} with certificates of the receiver cannot be read: {why}") from error
