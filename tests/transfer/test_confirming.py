"""What the destination is asked after all has gone, and what its answers count for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from adit.dicom.errors import Canceled, Unreachable
from adit.dicom.protocols import Commitment
from adit.dicom.refs import UID
from adit.endpoints.memory import Faults, Memory
from adit.transfer.events import Confirmed, Denied, Stored
from adit.transfer.ledger import Ledger
from tests.peers.data import ct_study
from tests.transfer.moving import Attempt, held, states, uids

STUDY = ct_study(series=2, instances=3, name="confirmed", size=128)
A, B = (UID(series) for series in STUDY.series)
ALL = uids(STUDY, *range(6))
NOTHING = Commitment(notes=("it did not come",))


class Committing(Memory):
    """A sink that answers requests for commitment as it is told.

    Attributes:
        asked: What it was asked to commit to, each time.
        listed: How often it was asked what it holds.
    """

    def __init__(self, answer: Commitment | None = None, **faults) -> None:
        super().__init__(faults=Faults(**faults))
        self.answer = answer
        self.asked: list[frozenset[UID]] = []
        self.listed = 0
        self.capabilities = replace(self.capabilities, commits=self.commit)

    def commit(self, instances: Collection[UID]) -> Commitment:
        self.asked.append(frozenset(instances))
        return Commitment(frozenset(instances)) if self.answer is None else self.answer

    def holds(self, study: UID) -> frozenset[UID] | None:
        self.listed += 1
        return super().holds(study)


def attempt(sink: Committing, **values) -> Attempt:
    return Attempt(Memory(held(STUDY)), sink, **values)


class TestADestinationThatCommits:
    @pytest.mark.parametrize("verifiable", [True, False])
    def test_to_everything_is_not_asked_for_more(self, verifiable):
        sink = Committing(verifiable=verifiable)
        done = attempt(sink).run(STUDY.uid)

        assert done.ledger.verdict().message == "6 of 6 instances stored and confirmed"
        assert (sink.asked, sink.listed) == ([ALL], 0)

    @pytest.mark.parametrize("verifiable", [True, False])
    def test_to_some_and_denies_others_leaves_those_unconfirmed_with_the_reason(self, verifiable):
        (one,) = uids(STUDY, 1)
        sink = Committing(Commitment(ALL - {one}, ((one, "out of resources"),)), verifiable=verifiable)
        done = attempt(sink).run(STUDY.uid)

        assert done.verdict == "warning"
        assert done.ledger.verdict().message == "5 of 6 instances stored; 1 failed: out of resources (1)"
        tally = done.ledger.series[A]
        assert (len(tally.stored), tally.confirmed, tally.failed) == (3, 2, 1)
        assert tally.reasons() == {"out of resources": 1}
        assert [event.ref.instance for event in done.of(Denied)] == [one]

    def test_to_nothing_and_denies_all_is_a_failure(self):
        sink = Committing(Commitment(denied=tuple((uid, "no") for uid in ALL)))
        done = attempt(sink).run(STUDY.uid)

        assert (done.verdict, done.ledger.verdict().message) == ("failure", "0 of 6 instances stored; 6 failed: no (6)")

    def test_is_asked_what_it_holds_where_no_commitment_comes(self):
        sink = Committing(NOTHING)
        done = attempt(sink).run(STUDY.uid)

        assert done.ledger.verdict().message == "6 of 6 instances stored and confirmed"
        assert done.ledger.notes == ["it did not come"]
        assert sink.listed == 1

    def test_is_asked_what_it_holds_for_what_the_commitment_leaves_out(self):
        (one,) = uids(STUDY, 1)
        sink = Committing(Commitment(frozenset({one})), lists_late=1)
        done = attempt(sink).run(STUDY.uid)

        assert done.verdict == "success"
        assert sum(len(event.instances) for event in done.of(Confirmed)) == 6

    def test_is_not_said_to_fail_where_no_commitment_comes_and_nothing_else_can_be_asked(self):
        done = attempt(Committing(NOTHING, verifiable=False)).run(STUDY.uid)

        assert done.verdict == "success"
        assert done.ledger.verdict().message == "6 of 6 instances stored; the destination cannot be asked"
        assert done.ledger.notes == ["it did not come"]

    def test_confirms_the_series_of_which_it_says_all_and_nothing_of_the_other(self):
        sink = Committing(Commitment(uids(STUDY, 0, 1, 2, 3), notes=("late",)), verifiable=False)
        done = attempt(sink).run(STUDY.uid)

        assert [(event.series, len(event.instances)) for event in done.of(Confirmed)] == [(A, 3)]
        assert done.ledger.series[B].confirmed is None
        assert done.verdict == "success"

    def test_may_be_canceled_meanwhile(self):
        class Stopped(Committing):
            def commit(self, instances):
                raise Canceled

        with pytest.raises(Canceled):
            attempt(Stopped()).run(STUDY.uid)

    def test_may_not_answer_when_it_is_asked_what_it_holds(self):
        tried = attempt(Committing(NOTHING, unanswering=True))
        with pytest.raises(Unreachable):
            tried.run(STUDY.uid)

        assert "nobody confirms it" in tried.ledger.verdict().message

    def test_gets_again_what_it_denied_where_it_cannot_be_asked_what_it_holds(self):
        (one,) = uids(STUDY, 1)
        sink = Committing(Commitment(ALL - {one}, ((one, "busy"),)), verifiable=False)
        first = attempt(sink).run(STUDY.uid)
        sink.answer = None
        further = attempt(sink, ledger=Ledger(states(first.ledger))).run(STUDY.uid, again=True)

        assert first.ledger.series[A].kept == uids(STUDY, 0, 2)
        assert further.verdict == "success"
        assert [event.ref.instance for event in further.of(Stored)] == [one]
