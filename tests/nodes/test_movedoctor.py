from contextlib import ExitStack

import pytest

from adit.dicom.refs import UID
from adit.endpoints.budget import Budget
from adit.nodes.findings import Outcome
from adit.nodes.models import Node
from adit.nodes.movedoctor import prove_move
from adit.nodes.opening import Opening
from tests.endpoints.receiving import hall
from tests.nodes.making import unsaved
from tests.peers.data import ct_study
from tests.peers.orthanc import orthanc
from tests.peers.process import HOST, Peer

STUDY = ct_study(2, 3, size=64, name="proof")


@pytest.fixture
def here(tmp_path):
    with ExitStack() as exits:
        yield hall(tmp_path, exits)


def node_of(peer, **values):
    values = {"find_study": True, "move_study": True, **values}
    return Node(**unsaved(peer.ae_title, host=peer.host, port=peer.port, ae_title=peer.ae_title, **values))


def proved(node, here, study=STUDY.uid):
    opening = Opening(spool=here.spool, budget=Budget(1 << 20), calling_ae_title="ADIT", waits=(), move_grace=0.2)
    return prove_move(node, UID(study), opening=opening)


class TestTheProofByCMove:
    def test_is_there_when_an_instance_came(self, here):
        with orthanc(peers=[here.peer]) as pacs:
            pacs.fill(STUDY.part10())
            found = proved(node_of(pacs, get_study=True), here)

        assert (found.outcome, found.who) == (Outcome.OK, "")
        assert here.open() == []

    def test_fails_when_the_pacs_does_not_know_us(self, here):
        with orthanc() as pacs:
            pacs.fill(STUDY.part10())
            found = proved(node_of(pacs), here)

        assert found.outcome is Outcome.FAILED
        assert found.who == "the administrator of the PACS"

    def test_fails_when_the_pacs_sends_to_another_port(self, here):
        with orthanc(peers=[Peer("ADIT", HOST, 1)]) as pacs:
            pacs.fill(STUDY.part10())

            assert proved(node_of(pacs), here).outcome is Outcome.FAILED

    def test_needs_a_study_that_is_there(self, here):
        with orthanc(peers=[here.peer]) as pacs:
            found = proved(node_of(pacs), here)

        assert (found.outcome, found.sentence) == (Outcome.FAILED, f"it does not have study {STUDY.uid}.")

    def test_is_skipped_without_c_move(self, here):
        found = proved(node_of(Peer("X", HOST, 1), move_study=False), here)

        assert found.outcome is Outcome.SKIPPED
