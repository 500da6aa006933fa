"""Storage commitment: asked for by us, reported by a PACS in all the ways there are."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest

from adit.dicom.errors import Canceled
from adit.dicom.protocols import Commitment, Outcome
from adit.dicom.refs import UID
from adit.endpoints.budget import Budget
from adit.endpoints.cancel import NEVER, CancelToken
from adit.endpoints.committing import Committer
from adit.endpoints.dialling import Dial
from adit.endpoints.server import Server
from adit.endpoints.spool import Spool
from adit.endpoints.ways import Refusals
from tests.endpoints.conformance import instance
from tests.endpoints.receiving import hall
from tests.endpoints.servers import config, once
from tests.peers.committing import Promise, committing
from tests.peers.data import CT_IMAGE, ct_study
from tests.peers.dcmtk import storescp as running_storescp
from tests.peers.orthanc import orthanc as running_orthanc
from tests.peers.process import Peer

STUDY = ct_study(instances=5, size=64, name="committed")
INSTANCES = {UID(file.uid): UID(CT_IMAGE) for file in STUDY.files}
FIRST, SECOND, *_ = (file.uid for file in STUDY.files)
ALL = frozenset(INSTANCES)
SHORT = 0.3
"""Seconds in which a report that is to come in time comes on a slow machine: not in tests where it does come."""

PATIENT = 10


@pytest.fixture
def exits():
    with ExitStack() as exits:
        yield exits


@pytest.fixture(scope="module")
def running():
    with committing() as pacs:
        yield pacs


@pytest.fixture
def pacs(running):
    running.reset()
    return running


@pytest.fixture
def here(tmp_path, exits):
    return hall(tmp_path, exits)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def asked(pacs, spool, *, wait=PATIENT, cancel=NEVER, instances=INSTANCES, **values):
    dial = Dial(config(pacs.peer), cancel=cancel, again=once)
    return Committer(dial, spool, wait=wait, **values)(instances)


class TestACommitment:
    def test_comes_on_the_same_association(self, pacs, tmp_path):
        assert asked(pacs, tmp_path) == Commitment(ALL)

        (request,) = pacs.requests
        assert request.TransactionUID.startswith("2.25.")
        named = {(each.ReferencedSOPInstanceUID, each.ReferencedSOPClassUID) for each in request.ReferencedSOPSequence}
        assert named == set(INSTANCES.items())
        pacs.finish()
        assert pacs.answers == [0]
        assert list((tmp_path / "commitments").iterdir()) == []

    @pytest.mark.parametrize("takes_role", [True, False])
    def test_comes_on_another_association(self, pacs, here, takes_role):
        pacs.promise = Promise(to=here.peer, takes_role=takes_role)

        assert asked(pacs, here.spool) == Commitment(ALL)
        pacs.finish()
        assert pacs.answers == [0]

    def test_comes_when_the_association_of_the_request_is_gone(self, pacs, here):
        pacs.promise = Promise(to=here.peer, waits_for_end=True)

        assert asked(pacs, here.spool, wait=1) == Commitment(ALL)

    @pytest.mark.parametrize("elsewhere", [False, True])
    def test_may_be_denied_in_part(self, pacs, here, elsewhere):
        fails = {FIRST: 0x0112, SECOND: None}
        pacs.promise = Promise(fails=fails, to=here.peer if elsewhere else None)

        told = asked(pacs, here.spool)

        assert (told.committed, told.notes) == (ALL - fails.keys(), ())
        assert dict(told.denied) == {
            FIRST: "stored, but COMMITTING does not commit to it: there is no such instance (0x0112) "
            "(can be mended by the administrator of the PACS)",
            SECOND: "stored, but COMMITTING does not commit to it: it gives no reason "
            "(can be mended by the administrator of the PACS)",
        }

    def test_is_not_known_when_none_comes_in_time(self, pacs, here):
        pacs.promise = Promise(silent=True)

        assert asked(pacs, here.spool, wait=SHORT) == Commitment(
            notes=("COMMITTING: no storage commitment came within 0.3 s",)
        )
        assert list((here.spool / "commitments").iterdir()) == []

    def test_that_did_not_come_is_not_waited_for_again_for_a_while(self, pacs, here):
        pacs.promise = Promise(silent=True)
        clock = Clock()
        refusals = Refusals(lasting=600, clock=clock)
        asked(pacs, here.spool, wait=SHORT, refusals=refusals)

        assert asked(pacs, here.spool, wait=PATIENT, refusals=refusals) == Commitment(
            notes=("COMMITTING: storage commitment was not asked for: lately none came within 10 s",)
        )
        assert len(pacs.requests) == 1

        pacs.promise = Promise(to=here.peer)
        clock.now = 600
        assert asked(pacs, here.spool, refusals=refusals) == Commitment(ALL)
        assert asked(pacs, here.spool, refusals=refusals) == Commitment(ALL)

    def test_that_comes_in_part_is_asked_for_again(self, pacs, here):
        pacs.promise = Promise(refuses_after=1, to=here.peer)
        refusals = Refusals()
        asked(pacs, here.spool, most=2, refusals=refusals)

        pacs.promise = Promise(to=here.peer)
        assert asked(pacs, here.spool, refusals=refusals) == Commitment(ALL)

    def test_that_was_stopped_in_waiting_is_asked_for_again(self, pacs, here):
        pacs.promise = Promise(silent=True)
        refusals, cancel = Refusals(), CancelToken()
        with ThreadPoolExecutor() as pool:
            asking = pool.submit(asked, pacs, here.spool, cancel=cancel, refusals=refusals)
            while not pacs.requests:
                assert not asking.done()
            cancel.set("enough")
            with pytest.raises(Canceled):
                asking.result(5)

        pacs.promise = Promise(to=here.peer)
        assert asked(pacs, here.spool, refusals=refusals) == Commitment(ALL)

    def test_without_a_receiver_says_that_there_is_none(self, pacs, tmp_path):
        pacs.promise = Promise(silent=True)

        (note,) = asked(pacs, tmp_path, wait=SHORT).notes

        assert note == (
            "COMMITTING: no storage commitment came within 0.3 s over the association of the request, "
            "and no receiver runs on this machine"
        )

    def test_counts_once_when_it_comes_twice(self, pacs, here):
        pacs.promise = Promise(times=2, to=here.peer)

        assert asked(pacs, here.spool) == Commitment(ALL)
        pacs.finish()
        assert pacs.answers == [0, 0]

    @pytest.mark.parametrize("elsewhere", [False, True])
    def test_of_another_transaction_is_answered_and_does_not_count(self, pacs, here, elsewhere):
        pacs.promise = Promise(transaction="2.25.4711", to=here.peer if elsewhere else None)

        told = asked(pacs, here.spool, wait=SHORT)

        assert told.committed == frozenset()
        pacs.finish()
        assert pacs.answers == [0]

    @pytest.mark.parametrize("transaction", ["..", ".", "lock"])
    def test_of_a_transaction_that_names_a_path_does_no_harm(self, pacs, here, transaction):
        pacs.promise = Promise(transaction=transaction, to=here.peer)

        assert asked(pacs, here.spool, wait=SHORT).committed == frozenset()
        pacs.finish()
        assert pacs.answers == [0 if "." in transaction else 0x0110]
        assert not list(here.spool.rglob("report.json"))

    @pytest.mark.parametrize("elsewhere", [False, True])
    def test_by_an_unknown_event_is_refused(self, pacs, here, elsewhere):
        pacs.promise = Promise(event_type=7, to=here.peer if elsewhere else None)

        assert asked(pacs, here.spool, wait=SHORT).committed == frozenset()
        pacs.finish()
        assert pacs.answers == [0x0113]

    @pytest.mark.parametrize(
        ("status", "words"),
        [(0x0110, "failed while processing it"), (0x0112, "no such instance"), (0x0131, "was used before")],
    )
    def test_that_is_refused_is_not_waited_for(self, pacs, here, status, words):
        pacs.promise = Promise(status=status)

        (note,) = asked(pacs, here.spool).notes

        assert note.startswith("COMMITTING: storage commitment was refused: ")
        assert note.endswith(f"{words} (0x{status:04X})")

    def test_that_leaves_something_out_says_so(self, pacs, tmp_path):
        pacs.promise = Promise(leaves_out=frozenset((FIRST,)))

        assert asked(pacs, tmp_path) == Commitment(
            ALL - {FIRST}, notes=("COMMITTING: the report on storage commitment leaves out 1 instances",)
        )

    @pytest.mark.parametrize("elsewhere", [False, True])
    def test_of_many_instances_takes_several_requests(self, pacs, here, elsewhere):
        pacs.promise = Promise(fails={FIRST: 0x0213}, to=here.peer if elsewhere else None)

        told = asked(pacs, here.spool, most=2)

        assert (told.committed, [uid for uid, _ in told.denied]) == (ALL - {FIRST}, [FIRST])
        assert [len(each.ReferencedSOPSequence) for each in pacs.requests] == [2, 2, 1]
        assert len({each.TransactionUID for each in pacs.requests}) == 3

    def test_of_which_a_part_is_refused_counts_for_the_rest(self, pacs, here):
        pacs.promise = Promise(refuses_after=1, to=here.peer)

        told = asked(pacs, here.spool, most=2)

        assert (len(told.committed), told.denied) == (2, ())
        assert told.notes == ("COMMITTING: storage commitment was refused: the peer is out of resources (0x0213)",)

    def test_of_nothing_asks_nobody(self, tmp_path):
        nowhere = Dial(config(Peer("NOWHERE", "127.0.0.1", 1)), cancel=NEVER, again=once)

        assert Committer(nowhere, tmp_path)({}) == Commitment()

    def test_of_a_peer_that_does_not_offer_it_is_not_known(self, tmp_path):
        with running_storescp(tmp_path / "stored") as peer:
            dial = Dial(config(peer), cancel=NEVER, again=once)
            (note,) = Committer(dial, tmp_path)(INSTANCES).notes

        assert "storage commitment could not be asked for" in note

    def test_ends_at_once_when_it_is_canceled(self, pacs, here):
        pacs.promise = Promise(silent=True)
        cancel = CancelToken()
        asking = threading.Thread(target=lambda: raises_canceled(pacs, here.spool, cancel))
        asking.start()
        while not pacs.requests:
            asking.join(0.001)
        cancel.set("enough")
        asking.join(5)

        assert not asking.is_alive()


def opened(peer, spool, exits, **values):
    """The server as a sink, which commits."""
    server = Server(
        config(peer, **{"commits": True, **values}),
        cancel=NEVER,
        spool=Spool(spool, exits.enter_context(Budget(64 << 20).share("test")), NEVER),
        again=once,
        make_committer=lambda dial: Committer(dial, spool, wait=PATIENT),
    )
    exits.callback(server.close)
    return server


def store(server):
    with server, closing(server.store(instance(file) for file in STUDY.files)) as receipts:
        assert {receipt.outcome for receipt in receipts} == {Outcome.STORED}


class TestAServer:
    def test_commits_to_what_was_stored_in_it(self, pacs, tmp_path, exits):
        server = opened(pacs.peer, tmp_path, exits, finds=(), associations=1)
        store(server)

        assert server.capabilities.commits(ALL) == Commitment(ALL)
        assert pacs.stored.keys() == ALL
        assert server.holds(UID(STUDY.uid)) is None

    def test_is_asked_only_for_what_it_knows_the_class_of(self, pacs, tmp_path, exits):
        server = opened(pacs.peer, tmp_path, exits, finds=())
        store(server)

        told = server.capabilities.commits(ALL | {UID("1.2.3")})

        assert told.committed == ALL
        assert told.notes == (
            "COMMITTING: storage commitment was asked for 5 of 6 instances only; an earlier attempt stored the others",
        )

    def test_that_does_not_commit_is_not_asked(self, pacs, tmp_path, exits):
        assert opened(pacs.peer, tmp_path, exits, commits=False).capabilities.commits is None


class TestOrthanc:
    @pytest.fixture
    def orthanc(self, here, exits):
        return exits.enter_context(running_orthanc(peers=[here.peer]))

    def test_reports_to_the_receiver(self, orthanc, here, exits):
        server = opened(orthanc, here.spool, exits)
        store(server)

        assert server.capabilities.commits(ALL) == Commitment(ALL)

    def test_denies_what_it_does_not_have(self, orthanc, here):
        orthanc.fill(file.part10() for file in STUDY.files[1:])

        told = Committer(Dial(config(orthanc), cancel=NEVER, again=once), here.spool)(INSTANCES)

        assert told.committed == ALL - {FIRST}
        ((uid, reason),) = told.denied
        assert uid == FIRST
        assert "there is no such instance (0x0112)" in reason

    def test_commits_to_what_an_earlier_transfer_stored(self, orthanc, here, exits):
        orthanc.fill(STUDY.part10())
        server = opened(orthanc, here.spool, exits)

        assert server.holds(UID(STUDY.uid)) == ALL
        assert server.capabilities.commits(ALL) == Commitment(ALL)

    def test_that_does_not_know_us_says_nothing(self, tmp_path, exits):
        stranger = exits.enter_context(running_orthanc())

        (note,) = Committer(Dial(config(stranger), cancel=NEVER, again=once), tmp_path)(INSTANCES).notes

        assert "storage commitment could not be asked for" in note
        assert note.endswith("perhaps it does not know our AE title ADIT")


def raises_canceled(pacs, spool, cancel):
    with pytest.raises(Canceled):
        asked(pacs, spool, cancel=cancel, wait=60)
