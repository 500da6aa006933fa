"""Associations over TLS (PS3.15 B)."""

import ssl
import threading
import time

import pytest

from adit.dicom.contexts import VERIFICATION, model_context
from adit.dicom.errors import Canceled
from adit.dimse import scu
from adit.dimse.association import Association
from adit.dimse.commands import Command
from adit.dimse.errors import IdleTimedOut, NotTrusted, TlsFailed, TlsTimedOut
from adit.dimse.tls import Credentials
from adit.endpoints.cancel import CancelToken
from tests.dimse.playing import accept, eventually, read_pdu, respond, until_closed, until_released
from tests.pace import within
from tests.peers.certificates import certified, serving

ECHO = [model_context(VERIFICATION)]


CERTIFICATE, KEY = certified("127.0.0.1")


@pytest.fixture
def trusting():
    return Credentials(trusted=CERTIFICATE)


@pytest.fixture
def encrypted(scripted):
    """Start a peer that speaks TLS before its script runs."""

    def start(script, **options):
        context = serving(CERTIFICATE, KEY)

        def encrypting(sock):
            try:
                with context.wrap_socket(sock.dup(), server_side=True, suppress_ragged_eofs=False) as wrapped:
                    script(Whole(wrapped))
            except (ssl.SSLError, ConnectionError):
                return

        return scripted(encrypting, **options)

    return start


class Whole:
    """A TLS socket that can be read like a plain one: MSG_WAITALL is not known to it."""

    def __init__(self, sock):
        self.sendall = sock.sendall
        self._read = sock.recv

    def recv(self, size, flags=0):
        data = self._read(size)
        while flags and data and len(data) < size and (more := self._read(size - len(data))):
            data += more
        return data


class TestTls:
    def test_carries_an_association(self, encrypted, trusting):
        def script(sock):
            accept(sock)
            read_pdu(sock)
            respond(sock, Command(0x8030, responded_id=1, status=0))
            until_released(sock)

        with Association.request(encrypted(script, tls=trusting), ECHO) as association:
            scu.echo(association)
            assert association.established

    def test_ends_as_tls_wants_it_when_it_is_released(self, encrypted, trusting):
        ends = []

        def script(sock):
            accept(sock)
            until_released(sock)
            # Raises at an end that was not announced.
            ends.append(sock.recv(1))

        with Association.request(encrypted(script, tls=trusting), ECHO):
            pass

        eventually(lambda: ends)
        assert ends == [b""]

    def test_refuses_a_certificate_that_nobody_trusts(self, encrypted):
        with pytest.raises(NotTrusted, match=r"the certificate of PEER at .* is not trusted: self-signed"):
            Association.request(encrypted(until_closed, tls=Credentials()), ECHO)

    def test_refuses_a_peer_that_does_not_speak_it(self, scripted, trusting):
        with pytest.raises(TlsFailed, match="the peer does not speak TLS"):
            Association.request(scripted(lambda sock: sock.sendall(b"\3\0\0\0\0\4\0\1\1\1"), tls=trusting), ECHO)

    def test_has_to_begin_in_time(self, scripted, trusting):
        with pytest.raises(TlsTimedOut, match="TLS handshake"):
            Association.request(scripted(until_closed, tls=trusting, connect_timeout=0.05), ECHO)

    def test_does_not_hide_silence(self, encrypted, trusting):
        def script(sock):
            accept(sock)
            until_closed(sock)

        peer = encrypted(script, tls=trusting, idle_timeout=0.05)
        with pytest.raises(IdleTimedOut), Association.request(peer, ECHO) as association:
            scu.echo(association)

    @pytest.mark.parametrize("stage", ["handshake", "reading"])
    def test_is_canceled_at_once(self, scripted, encrypted, trusting, stage):
        def script(sock):
            if stage == "reading":
                accept(sock)
                read_pdu(sock)
            threading.Timer(0.05, token.set).start()
            until_closed(sock)

        token = CancelToken()
        peer = (encrypted if stage == "reading" else scripted)(script, tls=trusting)
        started = time.monotonic()

        with pytest.raises(Canceled), Association.request(peer, ECHO, cancel=token) as association:
            scu.echo(association)

        assert time.monotonic() - started < within(1)
