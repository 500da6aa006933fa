"""Associations over TLS (PS3.15 B)."""

import datetime
import ipaddress
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from adit.dicom.contexts import VERIFICATION, model_context
from adit.dicom.errors import Canceled, Unreachable
from adit.dimse import scu
from adit.dimse.association import Association
from adit.dimse.commands import Command
from adit.dimse.errors import ConnectTimedOut, IdleTimedOut
from adit.endpoints.cancel import CancelToken
from tests.dimse.playing import accept, read_pdu, respond, until_closed, until_released

ECHO = [model_context(VERIFICATION)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "PACS")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "pacs.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def trusting(certificate):
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
def encrypted(scripted, certificate):
    """Start a peer that speaks TLS before its script runs."""

    def start(script, **options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

        def encrypting(sock):
            try:
                with context.wrap_socket(sock.dup(), server_side=True) as wrapped:
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

    def test_refuses_a_certificate_that_nobody_trusts(self, encrypted):
        with pytest.raises(Unreachable, match=r"no TLS connection .* certificate"):
            Association.request(encrypted(until_closed, tls=ssl.create_default_context()), ECHO)

    def test_refuses_a_peer_that_does_not_speak_it(self, scripted, trusting):
        with pytest.raises(Unreachable, match="no TLS connection"):
            Association.request(scripted(lambda sock: sock.sendall(b"\3\0\0\0\0\4\0\1\1\1"), tls=trusting), ECHO)

    def test_has_to_begin_in_time(self, scripted, trusting):
        with pytest.raises(ConnectTimedOut, match="TLS handshake"):
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

        assert time.monotonic() - started < 1
