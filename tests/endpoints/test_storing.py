"""Storing over one or two associations, in a PACS that misbehaves as it is told."""

import threading
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from adit.dicom.errors import Canceled, Unreachable
from adit.dicom.protocols import Outcome
from adit.dicom.refs import UID
from adit.dicom.status import describe
from adit.endpoints.budget import Budget
from adit.endpoints.cancel import NEVER, CancelToken
from adit.endpoints.retrying import Patience, RetryingSink
from tests.endpoints.conformance import instance
from tests.endpoints.servers import Opener, config
from tests.peers.data import CT_IMAGE, JPEG_2000_LOSSLESS, MR_IMAGE, ct_study
from tests.peers.misbehaving import misbehaving
from tests.peers.scripts import BUSY, Gate, Script

STUDY = ct_study(instances=40, size=128, name="stored")


@pytest.fixture
def exits():
    with ExitStack() as exits:
        yield exits


class Pacs:
    """A misbehaving PACS and a way into it."""

    def __init__(self, exits, tmp_path, script=None, **values):
        self.pacs = exits.enter_context(misbehaving(script=script or Script()))
        own = exits.enter_context(ExitStack())
        self.close = own.close
        self.open = Opener(config(self.pacs.peer, **values), own, tmp_path, Budget(1 << 20))


def threads():
    return [each.name for each in threading.enumerate() if each.name == "storing"]


def store(sink, files=STUDY.files):
    with sink:
        return list(sink.store(instance(file) for file in files))


class TestTwoLanes:
    def test_give_one_receipt_for_each_instance_in_any_order(self, exits, tmp_path):
        there = Pacs(exits, tmp_path)
        receipts = store(there.open(NEVER))

        assert sorted(each.ref.instance for each in receipts) == sorted(STUDY.instances)
        assert {each.outcome for each in receipts} == {Outcome.STORED}
        assert (there.pacs.seen.most, there.pacs.holds(), threads()) == (2, STUDY.instances, [])

    def test_are_one_where_only_one_association_is_allowed(self, exits, tmp_path):
        there = Pacs(exits, tmp_path, associations=1)
        receipts = store(there.open(NEVER))

        assert [each.ref.instance for each in receipts] == [file.uid for file in STUDY.files]
        assert there.pacs.seen.most == 1

    def test_work_at_the_same_time(self, exits, tmp_path):
        gate = Gate()
        there = Pacs(exits, tmp_path, Script(gate=gate))
        gate.let(1)
        with there.open(NEVER) as sink, closing(sink.store(map(instance, STUDY.files))) as receipts:
            next(receipts)
            gate.wait_until_somebody_waits(2)
            gate.open()
            assert len(list(receipts)) == 39

    def test_are_kept_for_the_next_instances(self, exits, tmp_path):
        there = Pacs(exits, tmp_path)
        with there.open(NEVER) as sink:
            for file in STUDY.files[:20]:
                assert [each.outcome for each in sink.store([instance(file)])] == [Outcome.STORED]

        assert there.pacs.seen.total <= 2

    def test_go_on_with_one_when_the_peer_does_not_want_the_second(self, exits, tmp_path):
        gate = Gate()
        there = Pacs(exits, tmp_path, Script(gate=gate))

        def fill_up():
            gate.wait_until_somebody_waits()
            there.pacs.script = replace(there.pacs.script, rejects_always=BUSY)
            gate.open()

        filling = threading.Thread(target=fill_up)
        filling.start()
        receipts = store(there.open(NEVER))
        filling.join(10)

        assert len(receipts) == 40
        assert there.pacs.holds() == STUDY.instances
        assert there.pacs.seen.rejected == 1

    @pytest.mark.parametrize("associations", [1, 2])
    def test_end_with_the_error_of_one_and_leave_no_thread(self, exits, tmp_path, associations):
        there = Pacs(exits, tmp_path, Script(dies_after=10, stays_down=True), associations=associations)
        mine = [instance(file) for file in STUDY.files]
        receipts = []
        with pytest.raises(Unreachable, match="MISBEHAVING"), there.open(NEVER) as sink:
            receipts.extend(sink.store(iter(mine)))

        assert threads() == []
        assert {each.ref.instance for each in receipts} <= there.pacs.holds()
        taken = {each.ref.instance for each in receipts} | {each.uid for each in mine if not each.body.size}
        # The peer answers at most one of those that are on their way when it dies.
        assert len(taken) <= 10 + 2 * associations

    def test_can_be_used_again_when_the_peer_is_back(self, exits, tmp_path):
        there = Pacs(exits, tmp_path, Script(dies_after=10))
        sink = there.open(NEVER)
        with sink:
            with pytest.raises(Unreachable):
                list(sink.store(map(instance, STUDY.files)))
            receipts = list(sink.store(map(instance, STUDY.files)))

        assert len(receipts) == 40
        assert there.pacs.holds() == STUDY.instances

    @pytest.mark.parametrize("associations", [1, 2])
    def test_end_with_the_error_of_the_supply(self, exits, tmp_path, associations):
        def supply():
            yield from map(instance, STUDY.files[:5])
            raise Unreachable("the source broke off")

        there = Pacs(exits, tmp_path, associations=associations)
        receipts = []
        with pytest.raises(Unreachable, match="the source broke off"), there.open(NEVER) as sink:
            receipts.extend(sink.store(supply()))

        assert {each.ref.instance for each in receipts} == {file.uid for file in STUDY.files[:5]}
        assert threads() == []

    @pytest.mark.parametrize("associations", [1, 2])
    def test_end_within_a_second_when_canceled(self, exits, tmp_path, associations):
        gate, token = Gate(), CancelToken()
        there = Pacs(exits, tmp_path, Script(gate=gate), associations=associations)
        setting = threading.Thread(target=lambda: (gate.wait_until_somebody_waits(), token.set("by the user")))
        setting.start()
        with pytest.raises(Canceled), there.open(token) as sink:
            list(sink.store(map(instance, STUDY.files)))
        setting.join(10)

        assert threads() == []
        there.pacs.seen.wait_until(lambda seen: seen.open == 0)

    def test_leave_nothing_when_left_early(self, exits, tmp_path):
        there = Pacs(exits, tmp_path)
        with there.open(NEVER) as sink:
            receipts = sink.store(map(instance, STUDY.files))
            next(receipts)
            receipts.close()
            assert threads() == []
        there.close()

        there.pacs.seen.wait_until(lambda seen: seen.open == 0)
        assert there.pacs.seen.aborted == there.pacs.seen.vanished == 0


class TestContexts:
    def test_are_added_by_need(self, exits, tmp_path):
        there = Pacs(exits, tmp_path, associations=1)
        kinds = [(CT_IMAGE, "1.2.840.10008.1.2.1"), (MR_IMAGE, "1.2.840.10008.1.2"), (CT_IMAGE, JPEG_2000_LOSSLESS)]
        files = [
            ct_study(instances=1, size=128, name=f"mixed {n}", sop_class=sop_class, transfer_syntax=syntax).files[0]
            for n, (sop_class, syntax) in enumerate(kinds * 3)
        ]
        receipts = store(there.open(NEVER), files)

        assert {each.outcome for each in receipts} == {Outcome.STORED}
        assert all(there.pacs.kept(file.uid).encoded == file.encoded for file in files)
        # One for each pair that was new, none for those that came again.
        assert there.pacs.seen.total == 3

    @pytest.mark.parametrize("associations", [1, 2])
    def test_that_are_refused_are_named_and_the_others_go_on(self, exits, tmp_path, associations):
        there = Pacs(exits, tmp_path, Script(refuses_classes=frozenset((MR_IMAGE,))), associations=associations)
        mr = ct_study(instances=3, size=128, name="mr", sop_class=MR_IMAGE)
        files = [file for pair in zip(STUDY.files[:3], mr.files, strict=True) for file in pair]
        mine = [instance(file) for file in files]
        with there.open(NEVER) as sink:
            receipts = {each.ref.instance: each for each in sink.store(iter(mine))}

        assert there.pacs.holds() == {file.uid for file in STUDY.files[:3]}
        for file in mr.files:
            assert receipts[UID(file.uid)].outcome is Outcome.REFUSED
            assert not receipts[UID(file.uid)].transient
            assert "MISBEHAVING does not take MR Image Storage in Explicit VR Little Endian" in (
                receipts[UID(file.uid)].reason
            )
        assert [each.body.size for each in mine] == [0] * 6


class TestStatuses:
    @pytest.mark.parametrize(
        ("status", "outcome", "transient"),
        [
            (0x0000, Outcome.STORED, False),
            (0xB000, Outcome.WARNED, False),
            (0xB006, Outcome.WARNED, False),
            (0xB007, Outcome.WARNED, False),
            (0xA700, Outcome.REFUSED, True),
            (0xA7FF, Outcome.REFUSED, True),
            (0xA900, Outcome.REFUSED, False),
            (0xC123, Outcome.REFUSED, False),
            (0x0124, Outcome.REFUSED, False),
        ],
    )
    def test_become_outcomes(self, exits, tmp_path, status, outcome, transient):
        there = Pacs(exits, tmp_path, Script(store_status=status), associations=1)
        [receipt] = store(there.open(NEVER), STUDY.files[:1])

        assert (receipt.outcome, receipt.transient) == (outcome, transient)
        assert receipt.size == len(STUDY.files[0].encoded)
        assert receipt.reason.count(f"(0x{status:04X})") == (outcome is not Outcome.STORED)
        assert describe(status, "C-STORE") in receipt.reason or outcome is Outcome.STORED

    @pytest.mark.parametrize("associations", [1, 2])
    def test_that_pass_are_tried_again(self, exits, tmp_path, associations):
        statuses = tuple((number, 0xA700) for number in (3, 5, 41))
        there = Pacs(exits, tmp_path, Script(store_statuses=statuses), associations=associations)
        patience = Patience((0, 0, 0), chance=lambda: 0.5, cancel=NEVER)
        receipts = store(RetryingSink(there.open(NEVER), patience))

        assert {each.outcome for each in receipts} == {Outcome.STORED}
        assert len(receipts) == 40
        assert len(there.pacs.seen.received) == 43
        assert there.pacs.holds() == STUDY.instances
