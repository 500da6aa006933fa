"""What has to be entered at a PACS so that it knows ADIT."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from django.conf import settings

from adit.nodes.models import Node


@dataclass(frozen=True, slots=True)
class Entry:
    """How a PACS calls ADIT.

    Attributes:
        host: The address of this machine as the PACS sees it, unless there is a translation between.
        port, tls_port: Of our receiver; None where it does not listen so.
    """

    ae_title: str
    host: str
    port: int | None
    tls_port: int | None

    def __str__(self) -> str:
        ports = [f"port {self.port}"] if self.port else []
        ports += [f"port {self.tls_port} with TLS"] if self.tls_port else []
        return f"AE title {self.ae_title}, host {self.host}, {' or '.join(ports)}"


def entry_at(node: Node) -> Entry:
    """What to enter at *node*, a server that speaks DIMSE. Asks the DNS."""
    return our_entry(node.our_ae_title, node.host, node.port or 104)


def our_entry(ae_title: str, host: str, port: int) -> Entry:
    """What to enter at the server at *host*, to which we call ourselves *ae_title*. Asks the DNS."""
    plain = settings.ADIT_RECEIVER_PORT if settings.ADIT_RECEIVER_PLAIN else None
    return Entry(ae_title, _our_address(host, port), plain, settings.ADIT_RECEIVER_TLS_PORT)


def _our_address(host: str, port: int) -> str:
    try:
        with socket.socket(type=socket.SOCK_DGRAM) as unsent:
            # Of a datagram socket this sends nothing; it chooses the way.
            unsent.connect((socket.gethostbyname(host), port))
            return str(unsent.getsockname()[0])
    except OSError:
        return socket.gethostname()
