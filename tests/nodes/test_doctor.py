import socket
from contextlib import closing, contextmanager

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from adit.dicom.errors import DicomError
from adit.nodes.doctor import Outcome, abilities_found, examine
from adit.nodes.models import Ability, Kind, Node
from tests.nodes.making import unsaved
from tests.peers.dcmtk import dcmqrscp as running_dcmqrscp
from tests.peers.fixtures import orthanc, storescp  # noqa: F401
from tests.peers.process import Peer


def node_of(peer: Peer, **values):
    return Node(**unsaved(peer.ae_title, host=peer.host, port=peer.port, ae_title=peer.ae_title, **values))


def outcomes(node):
    return {finding.name: finding.outcome for finding in examine(node)}


def finding(node, name):
    return next(finding for finding in examine(node) if finding.name == name)


@contextmanager
def picky(**rules):
    """A server that takes associations only from those and under those names that *rules* say."""
    entity = AE(ae_title="PICKY")
    entity.add_supported_context(Verification)
    for name, value in rules.items():
        setattr(entity, name, value)
    server = entity.start_server(("127.0.0.1", 0), block=False)
    try:
        yield Node(**unsaved("picky", host="127.0.0.1", port=server.server_address[1], ae_title="PICKY"))
    finally:
        server.shutdown()


@pytest.fixture
def closed_port():
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


class TestExaminingAServer:
    def test_that_can_do_everything_finds_nothing_wrong(self, orthanc):  # noqa: F811
        node = node_of(orthanc, find_patient=True, get_patient=True)

        assert outcomes(node) == dict.fromkeys(
            (
                "DNS",
                "TCP",
                "Association",
                "C-ECHO",
                "C-FIND, study root",
                "C-FIND, patient root",
                "C-GET, study root",
                "C-GET, patient root",
                "C-STORE",
            ),
            Outcome.OK,
        )

    def test_tests_only_what_the_node_claims_and_says_what_waits_for_a_later_release(self, orthanc):  # noqa: F811
        node = node_of(orthanc, find_study=False, get_study=False, move_study=True)

        found = outcomes(node)

        assert "C-FIND, study root" not in found
        assert found["C-MOVE, study root"] is Outcome.SKIPPED
        assert finding(node, "C-MOVE, study root").sentence == "Not tested in this release."

    def test_tells_what_it_does_not_offer(self, storescp):  # noqa: F811
        found = outcomes(node_of(storescp))

        assert found["C-STORE"] is Outcome.OK
        assert found["C-FIND, study root"] is Outcome.FAILED
        assert found["C-GET, study root"] is Outcome.FAILED

    def test_that_is_switched_off_tells_what_to_change_and_skips_the_rest(self, closed_port):
        node = Node(**unsaved(host="127.0.0.1", port=closed_port))

        refused = finding(node, "TCP")

        assert refused.outcome is Outcome.FAILED
        assert f"Nothing listens on port {closed_port} of 127.0.0.1" in refused.sentence
        assert refused.who == "the administrator of ADIT or of the PACS"
        assert set(outcomes(node).values()) == {Outcome.OK, Outcome.FAILED, Outcome.SKIPPED}
        assert outcomes(node)["C-ECHO"] is Outcome.SKIPPED

    def test_that_nobody_knows_stops_at_its_name(self):
        node = Node(**unsaved(host="nowhere.invalid"))

        assert "nowhere.invalid is unknown" in finding(node, "DNS").sentence
        assert outcomes(node)["TCP"] is Outcome.SKIPPED

    def test_that_does_not_know_us_says_which_title_to_enter_there(self, settings):
        settings.ADIT_AE_TITLE = "WE"
        with picky(require_calling_aet=["OTHERS"]) as node:
            rejected = finding(node, "Association")

        assert rejected.outcome is Outcome.FAILED
        assert "Enter our AE title WE in the PACS" in rejected.sentence
        assert rejected.who == "the administrator of the PACS"

    def test_that_has_another_title_says_to_correct_the_node(self):
        with picky(require_called_aet=True) as node:
            node.ae_title = "WRONG"
            rejected = finding(node, "Association")

        assert "Correct the AE title WRONG of the node" in rejected.sentence
        assert rejected.who == "the administrator of ADIT"

    def test_by_dicomweb_is_left_to_a_later_release(self):
        node = Node(name="web", kind=Kind.SERVER, dicomweb_url="https://pacs.example.org", qido=True, stow=True)

        assert set(outcomes(node).values()) == {Outcome.SKIPPED}


class TestTheAbilitiesOfAServer:
    def test_are_found_without_claiming_any(self, orthanc):  # noqa: F811
        node = node_of(orthanc, find_study=False, get_study=False, store=False)

        assert abilities_found(node) == {
            Ability.FIND_STUDY,
            Ability.FIND_PATIENT,
            Ability.GET_STUDY,
            Ability.GET_PATIENT,
            Ability.STORE,
        }

    def test_are_those_that_it_offers(self, storescp, tmp_path):  # noqa: F811
        assert abilities_found(node_of(storescp)) == {Ability.STORE}
        with running_dcmqrscp(tmp_path / "area", "--disable-get") as peer:
            assert abilities_found(node_of(peer)) == {Ability.FIND_STUDY, Ability.FIND_PATIENT, Ability.STORE}

    def test_cannot_be_found_when_it_is_not_there(self, closed_port):
        with pytest.raises(DicomError):
            abilities_found(Node(**unsaved(host="127.0.0.1", port=closed_port)))


class TestExaminingAFolder:
    def test_that_is_fine_finds_nothing_wrong_and_leaves_nothing(self, tmp_path):
        node = Node(name="disk", kind=Kind.FOLDER, path=str(tmp_path), quota_gb=1)

        assert outcomes(node) == {
            "Folder": Outcome.OK,
            "Writing": Outcome.OK,
            "Room": Outcome.OK,
            "Quota": Outcome.OK,
        }
        assert not list(tmp_path.iterdir())

    def test_that_is_missing_skips_the_rest(self, tmp_path):
        node = Node(name="disk", kind=Kind.FOLDER, path=str(tmp_path / "missing"))

        assert "does not exist" in finding(node, "Folder").sentence
        assert outcomes(node)["Writing"] is Outcome.SKIPPED

    def test_that_cannot_be_written_says_who_mends_it(self):
        # Not even root writes there.
        node = Node(name="disk", kind=Kind.FOLDER, path="/proc")

        refused = finding(node, "Writing")

        assert refused.outcome is Outcome.FAILED
        assert refused.who == "whoever looks after the folder"

    def test_that_is_full_says_so(self, tmp_path):
        (tmp_path / "image.dcm").write_bytes(b"12345")
        node = Node(name="disk", kind=Kind.FOLDER, path=str(tmp_path), quota_gb=5e-9)

        assert "raise the quota" in finding(node, "Quota").sentence
