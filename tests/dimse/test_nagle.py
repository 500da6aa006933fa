"""A peer with Nagle's algorithm on, as Debian installs them, costs as much as one without.

Otherwise each instance costs 40 ms more, the delayed ACK of Linux: ten times the whole.
"""

import time
from contextlib import ExitStack

from adit.dicom.contexts import STUDY_ROOT_GET, contexts_for, model_context
from adit.dicom.identifier import retrieve_identifiers
from adit.dicom.refs import UID, Ref
from adit.dimse import scu
from adit.dimse.association import Association, Peer
from adit.dimse.receiving import StoreRequest
from adit.dimse.scp import Server
from tests.dimse.conftest import Kept
from tests.peers import dcmtk
from tests.peers import orthanc as orthanc_peer
from tests.peers.data import ct_study

STUDY = ct_study(1, 60, size=30_000, name="nagle")
CONTEXTS = [(UID(STUDY.files[0].sop_class), UID(STUDY.files[0].transfer_syntax))]
ROUNDS = 20


def called(peer):
    return Peer(peer.host, peer.port, peer.ae_title, "ADIT", idle_timeout=20)


def retrieve(peer):
    kept = {}
    [contexts] = contexts_for(CONTEXTS, retrieving=True)
    [identifier] = retrieve_identifiers([Ref(UID(STUDY.uid))])
    with Association.request(called(peer), [model_context(STUDY_ROOT_GET), *contexts]) as association:
        started = time.perf_counter()
        list(scu.get(association, STUDY_ROOT_GET, identifier, lambda request: Kept(request, kept)))
        seconds = time.perf_counter() - started
    assert len(kept) == 60
    return seconds


def store(peer):
    [contexts] = contexts_for(CONTEXTS)
    with Association.request(called(peer), contexts) as association:
        started = time.perf_counter()
        for file in STUDY.files:
            request = StoreRequest(UID(file.sop_class), UID(file.uid), UID(file.transfer_syntax))
            assert scu.store(association, request, [file.encoded]) == 0
        return time.perf_counter() - started


DELAYS = 5 * 0.04
"""Seconds that a delayed acknowledgement costs (Linux), a few times; there would be one with each of 60 instances."""


def is_as_quick(with_nagle, without):
    """Whether the quickest of some runs takes as long as without, or nearly so; others use the machine too."""
    slow, quick = [], []
    for _ in range(ROUNDS):
        slow.append(with_nagle())
        quick.append(without())
        if min(slow) <= 1.5 * min(quick) + DELAYS:
            return True
    return False


class TestNagle:
    def test_costs_nothing_when_retrieving(self):
        with ExitStack() as stack:
            peers = [stack.enter_context(orthanc_peer.orthanc(nagle=nagle)) for nagle in (True, False)]
            for each in peers:
                each.fill(STUDY.part10())

            assert is_as_quick(lambda: retrieve(peers[0]), lambda: retrieve(peers[1]))

    def test_costs_nothing_when_storing(self):
        with ExitStack() as stack:
            peers = [stack.enter_context(dcmtk.storescp(nagle=nagle, ignore=True)) for nagle in (True, False)]

            assert is_as_quick(lambda: store(peers[0]), lambda: store(peers[1]))

    def test_costs_nothing_when_receiving(self, tmp_path):
        files = STUDY.write(tmp_path)
        kept = {}

        def send(*, nagle):
            started = time.perf_counter()
            dcmtk.storescu(dcmtk.Peer("ADIT", "127.0.0.1", server.port), files, nagle=nagle)
            return time.perf_counter() - started

        with Server("127.0.0.1", 0, "ADIT", receive=lambda request: Kept(request, kept)) as server:
            assert is_as_quick(lambda: send(nagle=True), lambda: send(nagle=False))
        assert kept.keys() == STUDY.instances
