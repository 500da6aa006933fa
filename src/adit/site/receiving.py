"""The receiver process, put together from the configuration."""

from __future__ import annotations

import signal

from adit.endpoints.landing import Room
from adit.endpoints.receiver import Encrypted, Receiver, ReceiverFailed, Rules
from adit.site.certificates import BadCertificate, Renewing
from adit.site.database import make_private
from adit.site.env import MEBIBYTE, Config

PATIENCE = 30.0
"""Seconds that an answer is held back while the spool is full; peers wait for one longer than that."""

RESERVE = 256 * MEBIBYTE
"""Bytes of the spool's disk that the receiver leaves free."""


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
        signal.sigwait(signals)


def _encrypted(config: Config) -> Encrypted | None:
    if config.receiver_tls_certificate is None:
        return None
    try:
        return Encrypted(config.receiver_tls_port, Renewing(config.receiver_tls_certificate, config.receiver_tls_ca))
    except BadCertificate as bad:
        raise ReceiverFailed(str(bad)) from bad
