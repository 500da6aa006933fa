"""The receiver: whom it serves, what it refuses, what it puts into quarantine."""

import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest
from pydicom import dcmread

from adit.dicom.contexts import VERIFICATION, contexts_for, model_context
from adit.dicom.part10 import preamble_and_meta
from adit.dicom.refs import UID, Ref
from adit.dimse import scu
from adit.dimse.association import Association
from adit.dimse.association import Peer as Called
from adit.dimse.errors import Rejected
from adit.endpoints.arriving import Arrivals
from adit.endpoints.cancel import NEVER
from adit.endpoints.expecting import expected, request_for
from adit.endpoints.receiver import Receiver, ReceiverFailed, Rules, listening
from tests.endpoints.receiving import ROOM, TITLE, hall
from tests.endpoints.samples import samples
from tests.peers.callers import store
from tests.peers.data import ct_study
from tests.peers.process import HOST

SAMPLES = samples()
STUDY = ct_study(instances=4, size=64, name="received")
OTHER = ct_study(instances=2, size=64, name="not asked for")


@pytest.fixture
def exits():
    with ExitStack() as exits:
        yield exits


@pytest.fixture
def here(tmp_path, exits):
    return hall(tmp_path, exits)


def asked(here, *studies, server="CALLER", host=HOST):
    """An expectation of *studies*: its folder, in the block."""
    (study,) = studies or (STUDY,)
    request = request_for([Ref(UID(study.uid))], server=server, host=host, originator=TITLE)
    return expected(here.spool, request, messages=1)


def arrived(folder, study=STUDY):
    came = {}
    for each in Arrivals(folder, UID(study.uid), NEVER).take():
        with each:
            came[each.uid] = (each.transfer_syntax, b"".join(map(bytes, each.body.chunks())))
    return came


def called(here, calling="CALLER", title=TITLE):
    return Called(here.peer.host, here.peer.port, title, calling)


def sent(here, files):
    """Statuses of *files*, sent by our own C-STORE."""
    (contexts,) = contexts_for({(UID(f.sop_class), UID(f.transfer_syntax)) for f in files})
    with Association.request(called(here), contexts) as association:
        return [scu.store(association, Outgoing(file), [file.encoded]) for file in files]


class Outgoing:
    def __init__(self, file):
        self.sop_class, self.sop_instance = UID(file.sop_class), UID(file.uid)
        self.transfer_syntax = UID(file.transfer_syntax)


class TestAReceiver:
    def test_answers_an_echo_by_whatever_title_it_is_called(self, here):
        for title in (TITLE, "ANOTHER", "B+*?~ ' (2)"):
            with Association.request(called(here, title=title), [model_context(VERIFICATION)]) as association:
                scu.echo(association)
                assert association.established

    def test_says_where_it_listens_while_it_does(self, tmp_path):
        with ExitStack() as exits:
            here = hall(tmp_path, exits)
            assert listening(tmp_path).port == here.peer.port
        assert listening(tmp_path) is None

    def test_hands_over_what_is_asked_for(self, here):
        with asked(here) as (_, folder):
            assert store(here.peer, STUDY.files).statuses == [0] * 4
            assert {uid: data for uid, (_, data) in arrived(folder).items()} == {f.uid: f.encoded for f in STUDY.files}
            assert sorted(path.name for path in folder.iterdir()) == ["lock", "request.json"]

    def test_hands_over_every_transfer_syntax_and_class_with_the_same_bits(self, here):
        files = [*SAMPLES.values(), replace(SAMPLES["implicit"], uid="1.2.3.4", sop_class="1.3.6.1.4.1.9999.1")]
        study = replace(STUDY, uid=files[0].study, files=tuple(files))
        with asked(here, study) as (_, folder):
            assert sent(here, files) == [0] * len(files)
            assert arrived(folder, study) == {f.uid: (f.transfer_syntax, f.encoded) for f in files}

    def test_refuses_what_nobody_asked_for(self, here):
        assert store(here.peer, STUDY.files).statuses == [0x0124] * 4
        assert here.quarantined() == []

    def test_refuses_what_is_asked_for_no_longer(self, here):
        with asked(here):
            pass
        assert store(here.peer, STUDY.files).statuses == [0x0124] * 4

    def test_hands_what_comes_after_one_has_ended_to_the_next_who_asked(self, here):
        with asked(here) as (_, first):
            assert sent(here, STUDY.files[:2]) == [0] * 2
            assert len(arrived(first)) == 2
        with asked(here) as (_, second):
            assert sent(here, STUDY.files[2:]) == [0] * 2
            assert set(arrived(second)) == {file.uid for file in STUDY.files[2:]}

    def test_refuses_what_a_stranger_sends_while_another_is_asked(self, here):
        with asked(here, server="SOMEBODY", host="192.0.2.1"):
            assert store(here.peer, OTHER.files).statuses == [0x0124] * 2

    def test_puts_into_quarantine_what_else_comes_from_whom_we_asked(self, here):
        with asked(here) as (_, folder):
            assert store(here.peer, [*STUDY.files, *OTHER.files]).statuses == [0] * 6
            assert len(arrived(folder)) == 4

        kept = [dcmread(path) for path in here.quarantined()]
        assert {each.SOPInstanceUID for each in kept} == {file.uid for file in OTHER.files}

    def test_puts_everything_unasked_into_quarantine_where_that_is_set(self, tmp_path, exits):
        here = hall(tmp_path, exits, rules=Rules(keeps_unasked=True))

        assert store(here.peer, STUDY.files).statuses == [0] * 4
        (first, *_) = here.quarantined()
        file = STUDY.files[0]
        head = preamble_and_meta(UID(file.sop_class), UID(file.uid), UID(file.transfer_syntax))
        assert first.read_bytes() == head + file.encoded
        assert first.stat().st_mode & 0o077 == 0

    def test_does_not_understand_what_names_no_study(self, here):
        nameless = replace(STUDY.files[0], encoded=STUDY.files[0].encoded[:40])

        assert sent(here, [nameless]) == [0xC000]

    def test_takes_only_those_titles_that_are_allowed(self, tmp_path, exits):
        here = hall(tmp_path, exits, rules=Rules(callers=frozenset(("A PACS'S", "OTHER"))))
        with Association.request(called(here, "A PACS'S"), [model_context(VERIFICATION)]) as association:
            scu.echo(association)
        with pytest.raises(Rejected, match="does not know our AE title"):
            Association.request(called(here, "a pacs's"), [model_context(VERIFICATION)])

    @pytest.mark.parametrize(("network", "allowed"), [("127.0.0.0/8", True), ("192.0.2.0/24", False)])
    def test_takes_only_those_addresses_that_are_allowed(self, tmp_path, exits, network, allowed):
        here = hall(tmp_path, exits, rules=Rules(networks=(ipaddress.ip_network(network),)))

        assert store(here.peer, STUDY.files).established == allowed

    def test_serves_twenty_senders_at_once(self, here):
        studies = [ct_study(instances=5, size=64, name=f"sender {n}") for n in range(20)]
        with ExitStack() as expectations, ThreadPoolExecutor(20) as pool:
            folders = [expectations.enter_context(asked(here, study))[1] for study in studies]
            answers = list(pool.map(lambda study: sent(here, study.files), studies))

            assert answers == [[0] * 5] * 20
            for study, folder in zip(studies, folders, strict=True):
                assert arrived(folder, study).keys() == {file.uid for file in study.files}

    def test_does_not_start_on_a_port_that_is_taken(self, tmp_path):
        with socket.create_server((HOST, 0)) as taken:
            port = taken.getsockname()[1]
            receiver = Receiver(tmp_path, ae_title=TITLE, host=HOST, port=port, room=ROOM)
            with pytest.raises(ReceiverFailed, match=f"port {port} of 127.0.0.1, .* is taken by another program"):
                receiver.__enter__()
        assert listening(tmp_path) is None

    def test_does_not_start_beside_another_one(self, here):
        second = Receiver(here.spool, ae_title=TITLE, host=HOST, port=0, room=ROOM)
        with pytest.raises(ReceiverFailed, match=f"a receiver runs already .*port {here.peer.port}"):
            second.__enter__()
