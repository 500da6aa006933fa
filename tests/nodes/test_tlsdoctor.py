"""What `adit node test` says about TLS."""

import pytest

from adit.dicom.errors import DicomError
from adit.nodes.doctor import abilities_found, examine
from adit.nodes.findings import Outcome
from adit.nodes.models import Ability, Node
from tests.nodes.making import unsaved
from tests.peers import dcmtk
from tests.peers.certificates import Authority
from tests.peers.process import HOST

HOSPITAL, STRANGERS = Authority(), Authority("Strangers CA")
OURS = HOSPITAL.certify(HOST, subject="ADIT")


@pytest.fixture
def pacs(tmp_path):
    """Opens a DCMTK storescp with a certificate; it demands one of the hospital when told to."""

    def open_(pair, *demands):
        key, certificate = pair.files(tmp_path)
        (tmp_path / "ca.pem").write_text(HOSPITAL.certificate)
        return dcmtk.storescp(
            None, "+tls", key, certificate, "+cf", str(tmp_path / "ca.pem"), *(demands or ("-ic",)), ae_title="PACS"
        )

    return open_


def node_of(peer, **values):
    fields = {"tls": True, "tls_ca": HOSPITAL.certificate, "find_study": False, "get_study": False, **values}
    return Node(**unsaved("PACS", host=peer.host, port=peer.port, **fields))


def findings(node):
    return {found.name: found for found in examine(node)}


class TestExaminingTls:
    def test_tells_how_it_is_encrypted_and_how_long_the_certificate_lasts(self, pacs):
        with pacs(HOSPITAL.certify(HOST)) as peer:
            found = findings(node_of(peer))

        assert [each.outcome for each in found.values()] == [Outcome.OK] * len(found)
        assert list(found) == ["DNS", "TCP", "TLS", "Association", "C-ECHO", "C-STORE"]
        assert found["TLS"].sentence == "TLSv1.3; its certificate, from 'CN=Hospital CA', is valid until 2100-01-01."

    def test_tells_when_the_name_is_not_checked(self, pacs):
        with pacs(HOSPITAL.certify("pacs.example.org")) as peer:
            found = findings(node_of(peer, tls_check_name=False))["TLS"]

        assert found.outcome is Outcome.OK
        assert found.sentence.endswith("Whose name it holds is not checked.")

    @pytest.mark.parametrize(
        ("pair", "words", "who"),
        [
            (HOSPITAL.certify(HOST, until=2020), "is expired since 2020-01-01", "of the PACS"),
            (HOSPITAL.certify(HOST, since=2090), "is not valid before 2090-01-01", "of ADIT or of the PACS"),
            (HOSPITAL.certify("pacs.example.org"), "is not for 127.0.0.1, but for pacs", "of ADIT or of the PACS"),
            (STRANGERS.certify(HOST), "was issued by 'CN=Strangers CA', whom the node does", "of ADIT or of the PACS"),
        ],
        ids=["expired", "not yet valid", "wrong name", "unknown CA"],
    )
    def test_explains_a_certificate_in_a_line_of_its_own(self, pacs, pair, words, who):
        with pacs(pair) as peer:
            found = findings(node_of(peer))

        assert found["TLS"].outcome is Outcome.FAILED
        assert words in found["TLS"].sentence
        assert found["TLS"].who == f"the administrator {who}"
        assert found["Association"].outcome is Outcome.SKIPPED

    def test_says_that_our_certificate_is_missing_or_refused(self, pacs):
        strange = STRANGERS.certify(HOST, subject="ADIT")
        with pacs(HOSPITAL.certify(HOST), "-rc") as peer:
            missing = findings(node_of(peer))["TLS"]
            refused = findings(node_of(peer, tls_certificate=strange.pem))["TLS"]
            taken = findings(node_of(peer, tls_certificate=OURS.pem))["TLS"]

        assert "wants a certificate of ours, and the node has none to show: give it one" in missing.sentence
        assert "refuses the certificate that we show ('CN=ADIT', valid until" in refused.sentence
        assert taken.outcome is Outcome.OK

    def test_says_that_one_side_speaks_it_and_the_other_does_not(self, pacs):
        with pacs(HOSPITAL.certify(HOST)) as encrypted:
            off = findings(node_of(encrypted, tls=False, tls_ca=""))
        with dcmtk.storescp(ae_title="PACS") as plain:
            on = findings(node_of(plain))

        port = "for the node, or correct its port."
        assert off["TLS"].sentence.endswith(f"speaks TLS on this port: switch TLS on {port}")
        assert on["TLS"].sentence.endswith(f"speaks no TLS on this port: switch TLS off {port}")
        assert {each["TLS"].outcome for each in (off, on)} == {Outcome.FAILED}


class TestTheAbilitiesOfAServerWithTls:
    def test_are_found(self, pacs):
        with pacs(HOSPITAL.certify(HOST)) as peer:
            assert abilities_found(node_of(peer)) == {Ability.STORE}

    def test_that_cannot_be_asked_for_are_explained(self, pacs):
        with pacs(HOSPITAL.certify(HOST, until=2020)) as peer, pytest.raises(DicomError, match="is expired since 2020"):
            abilities_found(node_of(peer))
