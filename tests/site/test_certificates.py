"""The certificate of the receiver, and its renewal."""

import logging
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from environs import Env

from adit.site.certificates import BadCertificate, Renewing, expiry
from adit.site.env import Config, read
from tests.peers.certificates import Authority, Pair

HOSPITAL = Authority()
FIRST, SECOND = HOSPITAL.certify("first.example.org"), HOSPITAL.certify("second.example.org")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "receiver.pem"
    path.write_text(FIRST.pem)
    return path


def replaced(path: Path, content: str) -> None:
    """Put *content* in the place of *path*, as whoever renews certificates does."""
    new = path.with_suffix(".new")
    new.write_text(content)
    new.replace(path)


def is_shown(pair: Pair, context: ssl.SSLContext) -> bool:
    """Whether a server with *context* shows the certificate of *pair*."""
    trusting = ssl.create_default_context(cadata=HOSPITAL.certificate)
    trusting.check_hostname = False
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server, client, server):
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return ssl.DER_cert_to_PEM_cert(client.getpeercert(binary_form=True) or b"") == pair.certificate


class TestACertificate:
    def test_is_shown(self, file: Path) -> None:
        assert is_shown(FIRST, Renewing(file, None)())

    def test_is_the_same_context_while_nothing_changes(self, file: Path) -> None:
        renewing = Renewing(file, None)

        assert renewing() is renewing()

    def test_that_is_renewed_on_disk_is_shown_from_then_on(self, file: Path) -> None:
        renewing = Renewing(file, None)
        replaced(file, SECOND.pem)

        assert is_shown(SECOND, renewing())

    def test_that_is_spoiled_on_disk_is_shown_on_and_complained_of_once(
        self, file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        renewing = Renewing(file, None)
        replaced(file, "nonsense")

        assert is_shown(FIRST, renewing())
        renewing()
        (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert "ADIT_RECEIVER_TLS_CERTIFICATE" in line

    def test_that_is_gone_is_shown_on(self, file: Path) -> None:
        renewing = Renewing(file, None)
        file.unlink()

        assert is_shown(FIRST, renewing())

    def test_without_its_key_cannot_be_used(self, file: Path) -> None:
        file.write_text(FIRST.certificate)

        with pytest.raises(BadCertificate, match=r"ADIT_RECEIVER_TLS_CERTIFICATE.* private key"):
            Renewing(file, None)

    def test_that_is_not_there_cannot_be_used(self, tmp_path: Path) -> None:
        with pytest.raises(BadCertificate, match=r"nowhere\.pem .* cannot be read: No such file"):
            Renewing(tmp_path / "nowhere.pem", None)

    def test_of_clients_needs_a_ca(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").write_text("nonsense")

        with pytest.raises(BadCertificate, match="ADIT_RECEIVER_TLS_CA"):
            Renewing(file, tmp_path / "ca.pem")

    def test_of_clients_is_demanded_where_a_ca_is_given(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").write_text(HOSPITAL.certificate)

        assert Renewing(file, tmp_path / "ca.pem")().verify_mode is ssl.CERT_REQUIRED
        assert Renewing(file, None)().verify_mode is ssl.CERT_NONE


class TestTheExpiry:
    def test_is_that_of_the_first_certificate(self, tmp_path: Path) -> None:
        file = tmp_path / "chain.pem"
        file.write_text(HOSPITAL.certify("pacs.example.org", until=2031).pem + HOSPITAL.certificate)

        assert expiry(file) == datetime(2031, 1, 1, tzinfo=UTC)

    def test_of_what_is_no_certificate_is_unknown(self, tmp_path: Path) -> None:
        (tmp_path / "nonsense.pem").write_text("nonsense")

        assert expiry(tmp_path / "nonsense.pem") is None
        assert expiry(tmp_path / "nowhere.pem") is None


class TestTheConfiguration:
    def test_names_its_files(self, monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
        monkeypatch.setenv("ADIT_RECEIVER_TLS_CERTIFICATE", str(file))
        monkeypatch.setenv("ADIT_RECEIVER_PLAIN", "false")
        found: Config = read(Env())

        assert (found.receiver_tls_certificate, found.receiver_tls_ca) == (file, None)
        assert (found.receiver_tls_port, found.receiver_plain) == (2762, False)
