"""Why there is no encrypted connection: every case in a sentence that says what to change."""

import re
import socket
import ssl
import threading
from contextlib import ExitStack, closing

import pytest

from adit.dicom.contexts import VERIFICATION, model_context
from adit.dicom.errors import DicomError, Unreachable
from adit.dimse.association import Peer
from adit.dimse.errors import CertificateRefused, ConnectionBroken, NotTrusted, TlsFailed, TlsMismatch
from adit.dimse.explaining import associate
from adit.dimse.scp import Server
from adit.dimse.tls import Credentials, server_context
from tests.dimse.conftest import Kept
from tests.dimse.playing import ENDING
from tests.peers.certificates import Authority, certified

ECHO = [model_context(VERIFICATION)]
HOST = "127.0.0.1"
HOSPITAL, STRANGERS = Authority(), Authority("Strangers CA")
TRUSTING = Credentials(trusted=HOSPITAL.certificate)
VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


@pytest.fixture
def pacs():
    """Start an SCP, with TLS where it is given a certificate; returns how to reach it with credentials."""
    with ExitStack() as exits:

        def start(shown="", *, demanded="", version=ssl.TLSVersion.TLSv1_3):
            context = server_context(shown, demanded=demanded) if shown else None
            if context is not None:
                context.maximum_version = version
            server = exits.enter_context(
                Server(
                    HOST,
                    0,
                    "PACS",
                    receive=lambda request: Kept(request, {}),
                    tls=(lambda: context) if context else None,
                )
            )
            return lambda credentials, **values: Peer(
                **{"host": HOST, "port": server.port, "ae_title": "PACS", "calling_ae_title": "ADIT"} | values,
                tls=credentials,
                connect_timeout=ENDING,
                acse_timeout=ENDING,
            )

        yield start


@pytest.fixture
def one_by_one():
    """A server that plays a script on each connection; its port."""
    with ExitStack() as exits:

        def start(script):
            listener = exits.enter_context(closing(socket.create_server((HOST, 0))))

            def serve():
                while True:
                    try:
                        sock, _ = listener.accept()
                    except OSError:
                        return
                    with sock:
                        script(sock)

            thread = threading.Thread(target=serve, daemon=True)
            exits.callback(thread.join, ENDING)
            exits.callback(listener.shutdown, socket.SHUT_RDWR)
            thread.start()
            return Peer(HOST, listener.getsockname()[1], "PACS", "ADIT", tls=TRUSTING)

        yield start


def why(peer):
    with pytest.raises(DicomError) as caught:
        associate(peer, ECHO)
    return caught.value


@VERSIONS
class TestACertificateOfAServer:
    def test_that_is_trusted_needs_no_word(self, pacs, version):
        with associate(pacs(HOSPITAL.certify(HOST).pem, version=version)(TRUSTING), ECHO) as association:
            assert association.established

    def test_that_is_expired_is_said_to_be_and_since_when(self, pacs, version):
        error = why(pacs(HOSPITAL.certify(HOST, until=2020).pem, version=version)(TRUSTING))

        assert isinstance(error, NotTrusted)
        assert re.fullmatch(
            r"the certificate of PACS at 127.0.0.1:\d+ is expired since 2020-01-01 00:00 UTC: it has to be renewed",
            str(error),
        )
        assert not error.transient

    def test_that_is_not_valid_yet_is_said_to_be_and_from_when_on(self, pacs, version):
        error = why(pacs(HOSPITAL.certify(HOST, since=2090).pem, version=version)(TRUSTING))

        assert isinstance(error, NotTrusted)
        assert "is not valid before 2090-01-01 00:00 UTC, and the clock of this machine says 20" in str(error)

    def test_for_another_host_is_told_with_the_names_that_it_has(self, pacs, version):
        error = why(pacs(HOSPITAL.certify("pacs.example.org").pem, version=version)(TRUSTING))

        assert isinstance(error, NotTrusted)
        assert "is not for 127.0.0.1, but for pacs.example.org: enter a host that it names on the node" in str(error)

    def test_for_another_name_of_the_host_is_told_too(self, pacs, version):
        error = why(pacs(HOSPITAL.certify(HOST).pem, version=version)(TRUSTING, host="localhost"))

        assert "is not for localhost, but for 127.0.0.1: " in str(error)

    def test_for_another_host_does_for_who_does_not_check_the_name(self, pacs, version):
        anyone = Credentials(trusted=HOSPITAL.certificate, checks_name=False)
        with associate(pacs(HOSPITAL.certify("pacs.example.org").pem, version=version)(anyone), ECHO) as association:
            assert association.established

    def test_that_is_self_signed_is_told_with_its_fingerprint(self, pacs, version):
        error = why(pacs("".join(certified(HOST)), version=version)(TRUSTING))

        assert isinstance(error, NotTrusted)
        assert re.search(r"is signed by itself, .* give it to the node if [0-9a-f]{64} is its SHA-256", str(error))

    def test_that_is_self_signed_does_when_it_was_given_to_the_node(self, pacs, version):
        certificate, key = certified(HOST)
        peer = pacs(certificate + key, version=version)(Credentials(trusted=certificate))
        with associate(peer, ECHO) as association:
            assert association.established

    def test_of_an_unknown_ca_is_told_with_the_name_of_that(self, pacs, version):
        error = why(pacs(STRANGERS.certify(HOST).pem, version=version)(TRUSTING))

        assert isinstance(error, NotTrusted)
        assert "was issued by 'CN=Strangers CA', whom the node does not trust" in str(error)

    def test_of_a_ca_that_does_not_count_here_is_not_trusted_for_being_on_this_machine(self, pacs, version):
        assert isinstance(why(pacs(HOSPITAL.certify(HOST).pem, version=version)(Credentials())), NotTrusted)


@VERSIONS
class TestOurCertificate:
    def test_is_taken_where_it_is_wanted(self, pacs, version):
        peer = pacs(HOSPITAL.certify(HOST).pem, demanded=HOSPITAL.certificate, version=version)
        ours = Credentials(trusted=HOSPITAL.certificate, shown=HOSPITAL.certify("adit").pem)
        with associate(peer(ours), ECHO) as association:
            assert association.established

    def test_is_missed_where_it_is_wanted_and_the_node_has_none(self, pacs, version):
        error = why(pacs(HOSPITAL.certify(HOST).pem, demanded=HOSPITAL.certificate, version=version)(TRUSTING))

        assert isinstance(error, CertificateRefused)
        assert "wants a certificate of ours, and the node has none to show: give it one" in str(error)
        assert not error.transient

    @pytest.mark.parametrize(
        ("ours", "words"),
        [
            (STRANGERS.certify("adit", subject="ADIT"), "('CN=ADIT', valid until 2100-01-01 00:00 UTC): it does not"),
            (HOSPITAL.certify("adit", subject="ADIT", until=2020), "('CN=ADIT', valid until 2020-01-01 00:00 UTC): it"),
        ],
        ids=["of an unknown CA", "expired"],
    )
    def test_that_is_refused_is_told_with_the_reason(self, pacs, version, ours, words):
        peer = pacs(HOSPITAL.certify(HOST).pem, demanded=HOSPITAL.certificate, version=version)
        error = why(peer(Credentials(trusted=HOSPITAL.certificate, shown=ours.pem)))

        assert isinstance(error, CertificateRefused)
        assert f"refuses the certificate that we show {words}" in str(error)
        assert "PRIVATE" not in str(error)


class TestSpeakingAtCrossPurposes:
    def test_tls_to_a_port_without_it_is_told(self, pacs):
        error = why(pacs()(TRUSTING))

        assert isinstance(error, TlsMismatch)
        assert str(error).endswith("speaks no TLS on this port: switch TLS off for the node, or correct its port")
        assert error.mended_by == "the administrator of ADIT"

    @pytest.mark.parametrize("demanded", ["", HOSPITAL.certificate], ids=["any client", "known clients"])
    def test_no_tls_to_a_port_with_it_is_told(self, pacs, demanded):
        error = why(pacs(HOSPITAL.certify(HOST).pem, demanded=demanded)(None))

        assert isinstance(error, TlsMismatch)
        assert str(error).endswith("speaks TLS on this port: switch TLS on for the node, or correct its port")
        assert not error.transient

    def test_a_version_that_is_too_old_is_told(self, one_by_one):
        # A server's alert "protocol version" (RFC 5246 7.2.2), as one of TLS 1.0 answers.
        error = why(one_by_one(lambda sock: (sock.recv(1 << 12), sock.sendall(b"\x15\x03\x01\0\2\2\x46"))))

        assert isinstance(error, TlsMismatch)
        assert "speaks no TLS of version 1.2 or later" in str(error)

    def test_what_is_neither_dicom_nor_tls_is_told(self, one_by_one):
        error = why(one_by_one(lambda sock: (sock.recv(1 << 12), sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))))

        assert isinstance(error, TlsMismatch)

    def test_a_server_that_only_hangs_up_may_be_back(self, one_by_one):
        error = why(one_by_one(lambda sock: sock.recv(1 << 12)))

        assert isinstance(error, TlsFailed)
        assert error.transient

    def test_a_plain_server_that_only_hangs_up_is_not_suspected_of_tls(self, one_by_one):
        peer = one_by_one(lambda sock: sock.recv(1 << 12))
        error = why(Peer(HOST, peer.port, "PACS", "ADIT"))

        assert isinstance(error, ConnectionBroken)
        assert error.transient

    def test_a_server_that_is_away_is_told_as_ever(self):
        with closing(socket.socket()) as unused:
            unused.bind((HOST, 0))
            error = why(Peer(HOST, unused.getsockname()[1], "PACS", "ADIT", tls=TRUSTING))

        assert type(error) is Unreachable


class TestWhatACertificateSays:
    def test_does_not_speak_to_the_terminal(self, pacs):
        mallory = Authority("Evil\x1b[2J\nCA")
        error = why(pacs(mallory.certify(HOST).pem)(TRUSTING))

        assert "was issued by 'CN=Evil?[2J?CA'" in str(error)
