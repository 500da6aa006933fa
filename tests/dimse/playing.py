"""What scripts of the `scripted` peer are made of."""

import socket
import time

from adit.dimse import commands, pdu
from adit.dimse.negotiation import answer
from tests.dimse.ends import data_pdu

ENDING = 20.0
"""Seconds that anything may take in a test before it has failed."""


def read_pdu(sock):
    header = sock.recv(6, socket.MSG_WAITALL)
    if len(header) < 6:
        return None, b""
    kind, length = pdu.HEADER.unpack(header)
    return kind, sock.recv(length, socket.MSG_WAITALL)


def accept(sock, max_pdu=16384):
    kind, body = read_pdu(sock)
    sock.sendall(pdu.encode(answer(pdu.decode(kind, body), lambda p: p.transfer_syntaxes[0], max_pdu)))


def until_closed(sock):
    try:
        while sock.recv(1 << 16):
            pass
    except ConnectionError:
        return


def until_released(sock):
    """Read until the peer asks for the release, and answer it; or until it is gone."""
    try:
        while (kind := read_pdu(sock)[0]) is not None:
            if kind == pdu.PduType.RELEASE_RQ:
                sock.sendall(pdu.encode(pdu.ReleaseReply()))
    except ConnectionError:
        return


def respond(sock, command, data=None, context_id=1):
    """Send a message, its data set in one piece."""
    sock.sendall(data_pdu(context_id, 3, commands.encode(command)))
    if data is not None:
        sock.sendall(data_pdu(context_id, 2, data))


def eventually(condition):
    """Wait until *condition* holds: what the other side saw comes a moment later."""
    deadline = time.monotonic() + ENDING
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.001)
