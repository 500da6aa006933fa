"""TLS for DIMSE in both directions, with DCMTK and with Orthanc, which speaks it by DCMTK."""

import logging
import socket
import ssl
from contextlib import ExitStack
from dataclasses import replace

import pytest

from adit.dicom.contexts import VERIFICATION, model_context
from adit.dicom.errors import DicomError
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.dimse import scu
from adit.dimse.association import Association
from adit.dimse.association import Peer as Called
from adit.dimse.scp import Server as Scp
from adit.dimse.tls import Credentials, server_context
from adit.endpoints.budget import Budget
from adit.endpoints.by_move import Mover
from adit.endpoints.cancel import NEVER
from adit.endpoints.dialling import Dial, Root
from adit.endpoints.files import Files
from adit.endpoints.receiver import Encrypted, Receiver, ReceiverFailed, Rules, listening
from adit.endpoints.seen import Seen
from adit.endpoints.server import Server
from adit.endpoints.spool import Spool
from tests.dimse.conftest import Kept
from tests.dimse.playing import ENDING, eventually
from tests.endpoints.receiving import ROOM, TITLE, moved
from tests.endpoints.servers import config, once
from tests.peers import dcmtk, orthanc
from tests.peers.certificates import Authority
from tests.peers.data import ct_study
from tests.peers.process import HOST, Peer

HOSPITAL, STRANGERS = Authority(), Authority("Strangers CA")
PACS, OURS = HOSPITAL.certify(HOST), HOSPITAL.certify(HOST, subject="ADIT")
SHOWING = Credentials(trusted=HOSPITAL.certificate, shown=OURS.pem)
STUDY = ct_study(series=2, instances=3, size=64, name="encrypted")
ALL = {file.uid: file.encoded for file in STUDY.files}


@pytest.fixture(scope="module")
def exits():
    with ExitStack() as exits:
        yield exits


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds the certificates as files: what DCMTK and Orthanc are given."""
    folder = tmp_path_factory.mktemp("tls")
    for name, pair in (("pacs", PACS), ("ours", OURS), ("strange", STRANGERS.certify(HOST))):
        pair.files(folder / name)
    (folder / "ca.pem").write_text(HOSPITAL.certificate)
    return folder


def tls_options(folder, who):
    return ("+tls", f"{folder / who}/key.pem", f"{folder / who}/certificate.pem", "+cf", f"{folder}/ca.pem")


@pytest.fixture(scope="module")
def receiver(tmp_path_factory, exits):
    """One that demands certificates at its TLS port, and is called without TLS too; with its spool."""
    spool = tmp_path_factory.mktemp("spool")
    context = server_context(OURS.pem, demanded=HOSPITAL.certificate)
    door = Encrypted(0, lambda: context)
    return exits.enter_context(Receiver(spool, ae_title=TITLE, host=HOST, port=0, room=ROOM, tls=door)), spool


@pytest.fixture(scope="module")
def pacs(exits, folder, receiver):
    """An Orthanc that demands certificates, knows the TLS port of the receiver, and holds the study."""
    peer = exits.enter_context(
        orthanc.orthanc(
            DicomTlsEnabled=True,
            DicomTlsCertificate=f"{folder}/pacs/certificate.pem",
            DicomTlsPrivateKey=f"{folder}/pacs/key.pem",
            DicomTlsTrustedCertificates=f"{folder}/ca.pem",
            DicomTlsRemoteCertificateRequired=True,
            DicomModalities={"adit": {"AET": TITLE, "Host": HOST, "Port": receiver[0].tls_port, "UseDicomTls": True}},
        )
    )
    peer.fill(file.part10() for file in STUDY.files)
    return peer


@pytest.fixture
def opened(tmp_path):
    """Opens a server as a transfer does."""
    with ExitStack() as exits:

        def open_(peer, **values):
            share = exits.enter_context(Budget(64 << 20).share("test"))
            given = config(peer, **{"tls": SHOWING, **values})
            server = Server(given, cancel=NEVER, spool=Spool(tmp_path / "spool", share, NEVER), again=once)
            exits.callback(server.close)
            return server

        yield open_


def stored(server, folder):
    """Store the files of *folder*, all of the study; the statuses."""
    with server:
        receipts = list(server.store(Files(folder, name="here", cancel=NEVER).retrieve([Ref(UID(STUDY.uid))])))
    return [receipt.outcome for receipt in receipts]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for number, file in enumerate(STUDY.files):
        (folder / f"{number}.dcm").write_bytes(file.part10())
    return folder


class TestAServer:
    @pytest.mark.parametrize("demands", ["-rc", "-ic"], ids=["demands our certificate", "demands none"])
    def test_of_dcmtk_is_stored_in(self, folder, files, opened, demands):
        ours = SHOWING if demands == "-rc" else replace(SHOWING, shown="")
        with dcmtk.storescp(None, *tls_options(folder, "pacs"), demands) as peer:
            assert len(stored(opened(peer, tls=ours), files)) == len(ALL)

            assert peer.holds() == ALL.keys()

    def test_of_dcmtk_that_demands_our_certificate_says_so_without_one(self, folder, files, opened):
        bare = replace(SHOWING, shown="")
        with (
            dcmtk.storescp(None, *tls_options(folder, "pacs"), "-rc") as peer,
            pytest.raises(DicomError, match=r"^STORESCP: STORESCP at .* wants a certificate of ours") as caught,
        ):
            stored(opened(peer, tls=bare), files)

        assert not caught.value.transient

    def test_of_dcmtk_without_tls_is_told_from_one_with_it(self, folder, files, opened):
        with (
            dcmtk.storescp() as plain,
            pytest.raises(DicomError, match=r"^STORESCP: STORESCP at .* speaks no TLS on this port"),
        ):
            stored(opened(plain), files)
        with (
            dcmtk.storescp(None, *tls_options(folder, "pacs"), "-rc") as encrypted,
            pytest.raises(DicomError, match=r"^STORESCP: STORESCP at .* speaks TLS on this port"),
        ):
            stored(opened(encrypted, tls=None), files)

    def test_answers_an_echo(self, pacs):
        with Association.request(
            Called(HOST, pacs.port, pacs.ae_title, TITLE, tls=SHOWING), [model_context(VERIFICATION)]
        ) as association:
            scu.echo(association)
            assert association.established

    def test_is_searched(self, pacs, opened):
        found = list(opened(pacs).find(Query.of(Level.STUDY, PatientID=STUDY.patient_id)))

        assert [match.uid("StudyInstanceUID") for match in found] == [STUDY.uid]

    def test_is_retrieved_from_by_c_get(self, pacs, opened):
        came = {}
        for instance in opened(pacs).retrieve([Ref(UID(STUDY.uid))]):
            with instance:
                came[str(instance.uid)] = b"".join(map(bytes, instance.body.chunks()))

        assert came == ALL

    def test_is_retrieved_from_by_c_move_to_our_receiver_over_tls(self, pacs, receiver):
        _, spool = receiver
        dial = Dial(config(pacs, moves=(Root.STUDY,), tls=SHOWING), cancel=NEVER, again=once)

        assert moved(Mover(dial, Seen(), spool), STUDY.uid) == ALL

    def test_is_stored_in_and_lists_it(self, pacs, files, opened):
        server = opened(pacs)
        assert len(stored(server, files)) == len(ALL)

        assert server.holds(UID(STUDY.uid)) == ALL.keys()


class TestTheReceiver:
    def encrypted(self, receiver):
        return Peer(TITLE, HOST, receiver[0].tls_port)

    def test_answers_who_shows_the_certificate_that_is_demanded(self, receiver, folder):
        assert dcmtk.echoscu(self.encrypted(receiver), *tls_options(folder, "ours")).returncode == 0

    def test_refuses_who_shows_none(self, receiver, folder):
        anonymous = ("+tla", "+cf", f"{folder}/ca.pem")

        assert dcmtk.echoscu(self.encrypted(receiver), *anonymous, check=False).returncode

    def test_refuses_a_certificate_of_somebody_else(self, receiver, folder):
        assert dcmtk.echoscu(self.encrypted(receiver), *tls_options(folder, "strange"), check=False).returncode

    def test_shows_a_certificate_that_who_calls_can_check(self, receiver, folder):
        distrusting = ("+tls", f"{folder}/ours/key.pem", f"{folder}/ours/certificate.pem")

        assert dcmtk.echoscu(self.encrypted(receiver), *distrusting, check=False).returncode

    def test_is_still_called_without_tls_at_its_other_port(self, receiver):
        assert dcmtk.echoscu(Peer(TITLE, HOST, receiver[0].port)).returncode == 0

    def test_tells_both_ports(self, receiver):
        here, spool = receiver

        assert str(listening(spool)) == f"port {here.port} and port {here.tls_port} with TLS"

    def test_may_have_no_port_without_tls(self, tmp_path):
        context = server_context(OURS.pem)
        with Receiver(
            tmp_path, ae_title=TITLE, host=HOST, port=None, room=ROOM, tls=Encrypted(0, lambda: context)
        ) as here:
            assert here.port is None
            assert str(listening(tmp_path)) == f"port {here.tls_port} with TLS"

    def test_whose_tls_port_is_taken_does_not_start(self, tmp_path, receiver):
        door = Encrypted(receiver[0].tls_port, lambda: server_context(OURS.pem))
        with (
            pytest.raises(ReceiverFailed, match=f"port {receiver[0].tls_port} .* is taken by another program"),
            Receiver(tmp_path, ae_title=TITLE, host=HOST, port=0, room=ROOM, tls=door),
        ):
            pass
        assert listening(tmp_path) is None

    def test_takes_what_storescu_sends(self, tmp_path, folder, files):
        context = server_context(OURS.pem, demanded=HOSPITAL.certificate)
        with Receiver(
            tmp_path,
            ae_title=TITLE,
            host=HOST,
            port=None,
            room=ROOM,
            rules=Rules(keeps_unasked=True),
            tls=Encrypted(0, lambda: context),
        ) as here:
            dcmtk.storescu(Peer(TITLE, HOST, here.tls_port), files, *tls_options(folder, "ours"))

        assert len(list((tmp_path / "quarantine").rglob("*.dcm"))) == len(ALL)


class TestWhoSpeaksAtCrossPurposes:
    """With a server of ours."""

    @pytest.fixture
    def server(self):
        with ExitStack() as exits:

            def start(*, encrypted, **values):
                context = server_context(OURS.pem)
                tls = (lambda: context) if encrypted else None
                return exits.enter_context(
                    Scp(HOST, 0, TITLE, receive=lambda request: Kept(request, {}), tls=tls, **values)
                )

            yield start

    def warnings(self, caplog):
        return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]

    def test_is_told_so_in_one_line_when_plain_at_a_port_with_tls(self, server, caplog):
        here = server(encrypted=True)

        assert dcmtk.echoscu(Peer(TITLE, HOST, here.port), check=False).returncode
        eventually(lambda: self.warnings(caplog))
        assert self.warnings(caplog) == ["no TLS connection with 127.0.0.1: the peer does not speak TLS"]

    def test_is_told_so_in_one_line_when_encrypting_at_a_port_without(self, server, caplog, folder):
        here = server(encrypted=False)

        assert dcmtk.echoscu(Peer(TITLE, HOST, here.port), *tls_options(folder, "ours"), check=False).returncode
        eventually(lambda: self.warnings(caplog))
        (line,) = self.warnings(caplog)
        assert line.endswith("it spoke TLS where that is not spoken")

    def test_is_dropped_after_a_time_when_silent_and_keeps_nobody_from_connecting(self, server, caplog, folder):
        here = server(encrypted=True, acse_timeout=0.3)
        with socket.create_connection((HOST, here.port)) as silent:
            dcmtk.echoscu(Peer(TITLE, HOST, here.port), *tls_options(folder, "ours"))

            silent.settimeout(ENDING)
            assert silent.recv(1) == b""
        eventually(lambda: self.warnings(caplog))
        assert self.warnings(caplog) == ["127.0.0.1 did not finish the TLS handshake in time"]

    def test_is_dropped_when_silent_after_the_handshake(self, server, caplog):
        here = server(encrypted=True, acse_timeout=0.3)
        context = ssl.create_default_context(cadata=HOSPITAL.certificate)
        with (
            socket.create_connection((HOST, here.port), timeout=ENDING) as sock,
            context.wrap_socket(sock, server_hostname=HOST) as silent,
        ):
            assert silent.recv(1) == b""
        eventually(lambda: self.warnings(caplog))
        assert "did not negotiate the association within" in self.warnings(caplog)[0]
