"""Peers for the tests of associations: a script of bytes over a real socket, and our own SCP."""

import socket
import threading
from contextlib import suppress

import pytest

from adit.dimse.association import Peer


class Kept:
    """A receiver that keeps what it gets."""

    def __init__(self, request, into, status=0):
        self.request, self.into, self.status = request, into, status
        self.data = bytearray()

    def write(self, data):
        self.data += data

    def finish(self):
        self.into[str(self.request.sop_instance)] = bytes(self.data)
        return self.status

    def abort(self, error):
        self.into[str(self.request.sop_instance)] = error


@pytest.fixture
def scripted():
    """Start a peer that runs a function on the first connection it gets; returns how to reach it."""
    opened, threads = [], []

    def start(script, **options):
        listener = socket.create_server(("127.0.0.1", 0))
        opened.append(listener)

        def serve():
            sock, _ = listener.accept()
            opened.append(sock)
            # Our side may have had enough before the script is through.
            with suppress(OSError):
                script(sock)

        thread = threading.Thread(target=serve, daemon=True)
        threads.append(thread)
        thread.start()
        return Peer("127.0.0.1", listener.getsockname()[1], "PEER", "ADIT", **options)

    yield start
    for each in opened:
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    for each in opened:
        each.close()
