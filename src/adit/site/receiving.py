"""The receiver process, put together from the configuration."""

from __future__ import annotations

import logging
import signal
from datetime import UTC, datetime

from adit.endpoints.landing import Room
from adit.endpoints.quarantine import clear
from adit.endpoints.receiver import Encrypted, Receiver, ReceiverFailed, Rules
from adit.site.certificates import BadCertificate, Renewing
from adit.site.database import make_private
from adit.site.env import MEBIBYTE, Config

log = logging.getLogger(__name__)

PATIENCE = 30.0
"""Seconds that an answer is held back while the spool is full; peers wait for one longer than that."""

RESERVE = 256 * MEBIBYTE
"""Bytes of the spool's disk that the receiver leaves free."""

_HOURLY = 3600.0
"""Seconds between two looks for what has been in quarantine for long enough."""


def receive(config: Config, *, host: str, port: int) -> None:
    """Be the receiver until SIGTERM or SIGINT. Call it in the main thread.

    Raises:
        ReceiverFailed: It cannot listen, its certificate cannot be used, or there is one already.
    """
    make_private(config.spool)
    rules = Rules(
        callers=frozenset(config.receiver_callers),
        networks=config.receiver_networks,
        keeps_unasked=config.receiver_quarantine,
    )
    room = Room(waiting=config.receiver_waiting, reserve=RESERVE, patience=PATIENCE)
    signals = (signal.SIGTERM, signal.SIGINT)
    # Before any thread is started, so that the signals come to nobody but to who waits for them.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with Receiver(
        config.spool,
        ae_title=config.ae_title,
        host=host,
        port=port if config.receiver_plain else None,
        room=room,
        rules=rules,
        tls=_encrypted(config),
    ):
        clear_quarantine(config)
        while signal.sigtimedwait(signals, _HOURLY) is None:
            clear_quarantine(config)


def clear_quarantine(config: Config) -> None:
    """Remove what has been in quarantine for as long as is set, if that is set."""
    if config.receiver_quarantine_kept is None:
        return
    days = config.receiver_quarantine_kept.days
    try:
        removed = clear(config.spool, older_than=config.receiver_quarantine_kept, now=datetime.now(UTC))
    except OSError as error:
        log.warning("what has been in quarantine for %s days cannot be removed: %s", days, error.strerror)
    else:
        if removed:
            log.warning("removed %s instances that have been in quarantine for %s days", removed, days)


def _encrypted(config: Config) -> Encrypted | None:
    if config.receiver_tls_certificate is None:
        return None
    try:
        return Encrypted(config.receiver_tls_port, Renewing(config.receiver_tls_certificate, config.receiver_tls_ca))
    except BadCertificate as bad:
        raise ReceiverFailed(str(bad)) from bad
