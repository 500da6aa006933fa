from dataclasses import replace

import pytest

from adit.dicom.errors import Unreachable
from adit.dicom.protocols import Outcome
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.endpoints.cancel import NEVER
from adit.endpoints.memory import Faults, Memory
from adit.endpoints.rechecked import Rechecked
from adit.endpoints.recorded import Recorded
from adit.endpoints.retrying import Patience, RetryingSink, RetryingSource
from tests.endpoints.conformance import instance, kept
from tests.peers.data import ct_study

STUDY, OTHER = ct_study(instances=3, name="one"), ct_study(instances=1, name="two")
KEPT = [kept(file) for file in (*STUDY.files, *OTHER.files)]
QUERY = Query.of(Level.STUDY, PatientID=STUDY.patient_id)


def patience(tries):
    return Patience((0,) * tries, chance=lambda: 0.5, cancel=NEVER)


class TestRetrying:
    def test_asks_again_until_it_is_answered(self):
        source = RetryingSource(Memory(KEPT, faults=Faults(unreachable=2)), patience(2))

        assert len(list(source.find(QUERY))) == 1

    def test_gives_up_when_patience_ends(self):
        source = RetryingSource(Memory(KEPT, faults=Faults(unreachable=3)), patience(2))
        with pytest.raises(Unreachable):
            list(source.find(QUERY))

    def test_stores_again_what_was_refused_for_the_moment(self):
        memory = Memory(faults=Faults(busy=2))
        receipts = list(RetryingSink(memory, patience(2)).store(instance(file) for file in STUDY.files))

        assert [each.outcome for each in receipts] == [Outcome.STORED] * 3
        assert [each.encoded for each in memory.kept.values()] == [file.encoded for file in STUDY.files]

    def test_hands_on_the_refusal_in_the_end_and_closes_the_instances(self):
        mine = [instance(file) for file in STUDY.files]
        receipts = list(RetryingSink(Memory(faults=Faults(busy=9)), patience(2)).store(mine))

        assert [(each.outcome, each.transient) for each in receipts] == [(Outcome.REFUSED, True)] * 3
        assert [each.body.size for each in mine] == [0] * 3

    def test_does_not_try_again_what_is_refused_for_good(self):
        uid = UID(STUDY.files[1].uid)
        memory = Memory(faults=Faults(refuses=frozenset((uid,))))
        receipts = list(RetryingSink(memory, patience(2)).store(instance(file) for file in STUDY.files))

        assert [each.outcome is Outcome.REFUSED for each in receipts] == [False, True, False]


class TestRechecked:
    def test_leaves_out_what_does_not_fit(self):
        loose = Memory(KEPT, faults=Faults(ignores_filters=True))

        assert len(list(loose.find(QUERY))) == 2
        assert [match.ref for match in Rechecked(loose).find(QUERY)] == [Ref(UID(STUDY.uid))]

    def test_leaves_everything_in_for_who_counts_answers(self):
        loose = Memory(KEPT, faults=Faults(ignores_filters=True))

        assert len(list(Rechecked(loose).find(replace(QUERY, unchecked=True)))) == 2


class TestRecorded:
    def test_tells_what_was_searched_for_though_it_was_left_early(self):
        notes = []
        source = Recorded(Memory(KEPT), lambda query, count: notes.append((query, count)))
        matches = source.find(Query(Level.INSTANCE))
        next(matches)
        matches.close()
        list(source.find(QUERY))

        assert notes == [(Query(Level.INSTANCE), 1), (QUERY, 1)]


class TestAMisbehavingMemory:
    def retrieved(self, **faults):
        return [each.uid for each in Memory(KEPT, faults=Faults(**faults)).retrieve([Ref(UID(STUDY.uid))])]

    def test_skips_repeats_and_sends_what_was_not_asked_for(self):
        one, two, three = (file.uid for file in STUDY.files)

        assert self.retrieved(skips=frozenset((1,))) == [one, three]
        assert self.retrieved(repeats=frozenset((0,))) == [one, one, two, three]
        assert self.retrieved(unasked=KEPT[3]) == [OTHER.files[0].uid, one, two, three]

    def test_closes_in_the_middle(self):
        with pytest.raises(Unreachable):
            self.retrieved(closes_at=2)
