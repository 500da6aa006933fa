import socket
from contextlib import ExitStack, closing, contextmanager

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from adit.dicom.errors import DicomError
from adit.nodes.doctor import abilities_found, examine
from adit.nodes.findings import Outcome
from adit.nodes.models import Ability, Kind, Node
from tests.endpoints.receiving import hall
from tests.nodes.making import unsaved
from tests.peers.dcmtk import dcmqrscp as running_dcmqrscp
from tests.peers.fixtures import orthanc, storescp  # noqa: F401
from tests.peers.misbehaving import misbehaving
from tests.peers.misbehaving_web import WebScript, misbehaving_web
from tests.peers.orthanc import orthanc as running_orthanc
from tests.peers.process import Peer
from tests.peers.scripts import Script


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

    def test_tests_only_what_the_node_claims(self, orthanc):  # noqa: F811
        found = outcomes(node_of(orthanc, find_study=False, get_study=False))

        assert "C-FIND, study root" not in found
        assert "C-MOVE, study root" not in found
        assert "Receiver" not in found

    def test_that_moves_tells_what_it_has_to_know_of_us(self, orthanc, settings):  # noqa: F811
        settings.ADIT_RECEIVER_PORT = 11199

        told = finding(node_of(orthanc, move_study=True), "C-MOVE, study root")

        # It answers 0xC000 for an unknown study and for an unknown AE title alike.
        assert told.outcome is Outcome.OK
        assert "proves nothing about our AE title" in told.sentence
        assert told.sentence.endswith("It has to know: AE title ADIT, host 127.0.0.1, port 11199.")

    @pytest.mark.parametrize("root", ["study", "patient"])
    def test_that_does_not_know_where_to_send_says_what_to_enter_there(self, settings, root):
        settings.ADIT_RECEIVER_PORT = 11199
        with misbehaving() as pacs:
            told = finding(node_of(pacs.peer, **{f"move_{root}": True}), f"C-MOVE, {root} root")
            found = abilities_found(node_of(pacs.peer))

        assert told.outcome is Outcome.FAILED
        assert "Have entered there: AE title ADIT, host 127.0.0.1, port 11199" in told.sentence
        assert told.who == "the administrator of the PACS"
        assert Ability.MOVE_STUDY not in found

    def test_that_moves_needs_a_receiver_on_this_machine(self, settings, tmp_path):
        settings.ADIT_SPOOL = tmp_path
        with misbehaving() as pacs, ExitStack() as exits:
            missing = finding(node_of(pacs.peer, move_study=True), "Receiver")
            here = hall(tmp_path, exits)
            pacs.script = Script(destinations=(here.peer,))
            node = node_of(pacs.peer, move_study=True)
            there, known = finding(node, "Receiver"), finding(node, "C-MOVE, study root")

        assert (missing.outcome, missing.who) == (Outcome.FAILED, "the administrator of ADIT")
        assert there.sentence == f"It listens on port {here.peer.port} of 127.0.0.1."
        assert known.outcome is Outcome.OK

    def test_that_commits_tells_what_it_may_have_to_know_of_us(self, orthanc, settings, tmp_path):  # noqa: F811
        settings.ADIT_SPOOL = tmp_path
        node = node_of(orthanc, commit=True)

        told = finding(node, "Storage commitment")

        assert told.outcome is Outcome.OK
        assert "To report it may have to know: AE title ADIT, host 127.0.0.1, port " in told.sentence
        assert finding(node, "Receiver").outcome is Outcome.FAILED

    def test_that_does_not_commit_says_so(self, storescp):  # noqa: F811
        told = finding(node_of(storescp, commit=True), "Storage commitment")

        assert told.outcome is Outcome.FAILED
        assert told.who == "the administrator of the PACS"

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

    def test_by_dicomweb_alone_needs_neither_title_nor_host(self):
        with running_orthanc(dicomweb=True) as peer:
            node = web_node(peer.dicomweb_url)

            assert outcomes(node) == dict.fromkeys(("DICOMweb", "QIDO-RS", "WADO-RS", "STOW-RS"), Outcome.OK)
            assert abilities_found(node) == {Ability.QIDO, Ability.WADO, Ability.STOW}
            assert peer.holds() == frozenset()

    def test_by_dicomweb_tells_what_each_service_says(self):
        with misbehaving_web(script=WebScript(statuses={"qido": 403, "stow": 405})) as pacs:
            node = web_node(pacs.url)
            told = {each.name: each for each in examine(node)}

            assert told["QIDO-RS"].sentence == "web: it does not allow that (HTTP 403)."
            assert told["QIDO-RS"].who == "the administrator of the PACS"
            assert told["WADO-RS"].sentence == "It answers that there is no such study, as it should."
            assert told["STOW-RS"].sentence == "web: it does not offer that (HTTP 405)."
            assert abilities_found(node) == {Ability.WADO}

    def test_by_dicomweb_says_when_it_wants_an_authorization(self):
        with misbehaving_web(script=WebScript(statuses=dict.fromkeys(("qido", "wado", "stow"), 401))) as pacs:
            told = {each.name: each for each in examine(web_node(pacs.url))}

        assert told["DICOMweb"].sentence == "web: it wants another authorization (HTTP 401)."
        assert told["QIDO-RS"].outcome is Outcome.SKIPPED

    def test_by_dicomweb_says_when_a_web_page_answers(self):
        with misbehaving_web(script=WebScript(html=frozenset(("qido",)))) as pacs:
            found = finding(web_node(pacs.url), "QIDO-RS")

        assert found.sentence == "web: it answers a query with text/html that is no JSON."

    def test_by_dicomweb_that_is_not_there_skips_the_rest(self, closed_port):
        node = web_node(f"http://127.0.0.1:{closed_port}")

        assert finding(node, "DICOMweb").sentence.startswith("web: no connection to 127.0.0.1")
        assert outcomes(node)["WADO-RS"] is Outcome.SKIPPED
        with pytest.raises(DicomError):
            abilities_found(node)


def web_node(url):
    return Node(name="web", kind=Kind.SERVER, dicomweb_url=url, qido=True, wado=True, stow=True)


class TestTheAbilitiesOfAServer:
    def test_are_found_without_claiming_any(self, orthanc):  # noqa: F811
        node = node_of(orthanc, find_study=False, get_study=False, store=False)

        assert abilities_found(node) == {
            Ability.FIND_STUDY,
            Ability.FIND_PATIENT,
            Ability.GET_STUDY,
            Ability.GET_PATIENT,
            Ability.MOVE_STUDY,
            Ability.MOVE_PATIENT,
            Ability.STORE,
            Ability.COMMIT,
        }

    def test_are_those_that_it_offers(self, storescp, tmp_path):  # noqa: F811
        assert abilities_found(node_of(storescp)) == {Ability.STORE}
        with running_dcmqrscp(tmp_path / "area", "--disable-get") as peer:
            assert abilities_found(node_of(peer)) == {
                Ability.FIND_STUDY,
                Ability.FIND_PATIENT,
                Ability.MOVE_STUDY,
                Ability.MOVE_PATIENT,
                Ability.STORE,
            }

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
