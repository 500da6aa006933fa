"""Servers that speak TLS, on the command line of an ADIT whose receiver speaks it too."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from adit.site.database import free_port
from tests.peers import dcmtk, orthanc
from tests.peers.certificates import Authority
from tests.peers.data import ct_study
from tests.peers.process import HOST, Peer

from .running import Adit

STUDY = ct_study(series=2, instances=3, size=64, name="nodes of tls")
HOSPITAL = Authority()


@dataclass(frozen=True)
class Site:
    """A running ADIT, and the files of certificates beside it.

    Attributes:
        tls_port: Of its receiver.
    """

    adit: Adit
    tls_port: int
    room: Path

    def file(self, name: str) -> str:
        return str(self.room / name)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    room = Path(tempfile.mkdtemp(prefix="adit-tls-"))
    room.chmod(0o755)
    for name, pair in (
        ("ours", HOSPITAL.certify(HOST, subject="ADIT")),
        ("pacs", HOSPITAL.certify(HOST)),
        ("old", HOSPITAL.certify(HOST, until=2020)),
    ):
        pair.files(room / name)
        (room / f"{name}.pem").write_text(pair.pem)
    (room / "ca.pem").write_text(HOSPITAL.certificate)
    (room / "empty.pem").write_text("")
    one = Site(Adit(room / "home", free_port()), free_port(), room)
    encrypted = {
        "ADIT_RECEIVER_TLS_CERTIFICATE": one.file("ours.pem"),
        "ADIT_RECEIVER_TLS_CA": one.file("ca.pem"),
        "ADIT_RECEIVER_TLS_PORT": str(one.tls_port),
    }
    try:
        waits = {"ADIT_TASK_RETRY_WAITS": "0,0,0", "ADIT_RETRY_WAITS": "0.01"}
        up = one.adit("up", "--detach", **waits, **encrypted)
        assert up.returncode == 0, up.stderr
        yield one
    finally:
        one.adit("down", "--purge")
        shutil.rmtree(room, ignore_errors=True)


@pytest.fixture(scope="module")
def pacs(site: Site) -> Iterator[orthanc.Orthanc]:
    """An Orthanc that demands certificates, and sends over TLS to the receiver."""
    with orthanc.orthanc(
        DicomTlsEnabled=True,
        DicomTlsCertificate=site.file("pacs/certificate.pem"),
        DicomTlsPrivateKey=site.file("pacs/key.pem"),
        DicomTlsTrustedCertificates=site.file("ca.pem"),
        DicomTlsRemoteCertificateRequired=True,
        DicomModalities={"adit": {"AET": "ADIT", "Host": HOST, "Port": site.tls_port, "UseDicomTls": True}},
    ) as peer:
        peer.fill(file.part10() for file in STUDY.files)
        yield peer


def address(peer: Peer) -> tuple[str, ...]:
    return ("--ae-title", peer.ae_title, "--host", peer.host, "--port", str(peer.port))


def showing(site: Site) -> tuple[str, ...]:
    return ("--tls-ca", site.file("ca.pem"), "--tls-certificate", site.file("ours.pem"))


class TestANodeWithTls:
    def test_is_added_tested_and_moves_a_study_by_c_move(self, site: Site, pacs: orthanc.Orthanc) -> None:
        added = site.adit.json("node", "add", "Moving", *address(pacs), *showing(site), "--can", "find,move")
        tested = site.adit("node", "test", "Moving")
        site.adit("node", "add", "Folder", "--folder", site.file("studies"))
        job = site.adit.json("transfer", "--from", "Moving", "--to", "Folder", "--study", STUDY.uid, "--wait")

        assert (added["tls"], added["tls_ca"], added["tls_certificate"], added["tls_check_name"]) == (
            True,
            "set",
            "set",
            True,
        )
        assert "TLSv1.3; its certificate, from 'CN=Hospital CA', is valid until 2100-01-01." in tested.stdout
        assert tested.returncode == 0, tested.stdout
        (task,) = job["tasks"]
        assert (job["status"], task["message"]) == ("success", "6 of 6 instances stored and confirmed")

    def test_ends_a_transfer_with_the_reason_and_who_can_mend_it(self, site: Site) -> None:
        options = ("+tls", site.file("old/key.pem"), site.file("old/certificate.pem"), "+cf", site.file("ca.pem"))
        with dcmtk.storescp(None, *options, ae_title="OLD") as old:
            site.adit("node", "add", "Old", *address(old), *showing(site), "--can", "store")
            site.adit("node", "add", "Here", "--folder", site.file("studies"))
            (site.room / "studies").mkdir(exist_ok=True)
            for number, file in enumerate(STUDY.files):
                (site.room / "studies" / f"{number}.dcm").write_bytes(file.part10())
            job = site.adit.json("transfer", "--from", "Here", "--to", "Old", "--study", STUDY.uid, "--wait")

        (task,) = job["tasks"]
        assert job["status"] == "failure"
        assert "Old: the certificate of OLD at 127.0.0.1" in task["message"]
        assert (
            "is expired since 2020-01-01 00:00 UTC: it has to be renewed "
            "(can be mended by the administrator of the PACS)" in task["message"]
        )

    def test_that_cannot_be_trusted_is_not_added_without_saying_why(self, site: Site, pacs: orthanc.Orthanc) -> None:
        done = site.adit("node", "add", "Strange", *address(replace(pacs, ae_title="STRANGE")), "--tls")

        assert done.returncode == 1
        assert "was issued by 'CN=Hospital CA', whom the node does not trust" in done.stderr

    def test_keeps_its_private_key_to_itself(self, site: Site) -> None:
        given = ("--ae-title", "SECRET", "--host", HOST, "--port", "104", "--can", "store", *showing(site))
        added = site.adit("node", "add", "Secret", *given)

        for told in (added, site.adit("node", "show", "Secret"), site.adit("node", "list", "--json")):
            assert "PRIVATE" not in told.stdout + told.stderr

    def test_loses_what_an_empty_file_is_given_for(self, site: Site) -> None:
        given = ("--ae-title", "BARE", "--host", HOST, "--port", "104", "--can", "store", *showing(site))
        site.adit("node", "add", "Bare", *given)
        empty = ("--tls-ca", site.file("empty.pem"), "--tls-certificate", site.file("empty.pem"))
        edited = site.adit.json("node", "edit", "Bare", *empty, "--no-tls", "--no-tls-check-name", "--no-decompress")

        assert (edited["tls"], edited["tls_ca"], edited["tls_certificate"]) == (False, None, None)
        assert (edited["tls_check_name"], edited["decompress"]) == (False, False)

    @pytest.mark.parametrize(
        ("option", "words"),
        [("--tls-ca", "holds no certificate in PEM form"), ("--tls-certificate", "together with its private key")],
    )
    def test_takes_no_nonsense(self, site: Site, option: str, words: str) -> None:
        nonsense = site.room / "nonsense.pem"
        nonsense.write_text("nonsense")
        given = ("--ae-title", "NONSENSE", "--host", HOST, "--port", "104", "--can", "store")
        done = site.adit("node", "add", "Nonsense", *given, option, str(nonsense))

        assert done.returncode == 2
        assert words in done.stderr


class TestAReceiverWithTls:
    def test_is_listed_with_both_ports(self, site: Site) -> None:
        told = site.adit.json("doctor")["receiver"]

        assert (told["port"], told["tls_port"]) == (site.adit.receiver_port, site.tls_port)
        assert f"port {site.tls_port} with TLS" in site.adit("doctor").stdout

    def test_whose_certificate_is_old_is_warned_of(self, site: Site) -> None:
        told = site.adit("doctor", ADIT_RECEIVER_TLS_CERTIFICATE=site.file("old.pem"))

        assert f"{site.file('old.pem')}, is valid until 2020-01-01: have it renewed" in told.stdout
        assert "is valid until" not in site.adit("doctor", ADIT_RECEIVER_TLS_CERTIFICATE=site.file("ours.pem")).stdout

    def test_whose_certificate_cannot_be_used_does_not_start(self, site: Site) -> None:
        home = str(site.room / "other")
        done = site.adit("receiver", ADIT_HOME=home, ADIT_RECEIVER_TLS_CERTIFICATE=site.file("ca.pem"))

        assert done.returncode == 1
        assert "ca.pem (ADIT_RECEIVER_TLS_CERTIFICATE) holds no certificate" in done.stderr
        assert "Traceback" not in done.stderr
