"""The ledger: what counts, and what a task is when it has ended."""

import pytest

from adit.dicom.refs import UID, Ref
from adit.transfer.events import (
    Confirmed,
    Event,
    Excluded,
    Expected,
    Failed,
    Held,
    Noted,
    Received,
    Stored,
    Unanswered,
)
from adit.transfer.ledger import NEVER_ARRIVED, NOT_LISTED, NOT_SENT, Ledger, SeriesState, Status

STUDY, CT, SR = UID("1.2"), UID("1.2.1"), UID("1.2.2")


def instances(number: int, series: UID = CT) -> list[UID]:
    return [UID(f"{series}.{n}") for n in range(1, number + 1)]


def ref(instance: UID, series: UID = CT) -> Ref:
    return Ref(STUDY, series, instance)


def stored(number: int, *, size: int = 10) -> list[Event]:
    return [Stored(ref(each), size) for each in instances(number)]


def ledger_of(*events: Event, states: tuple[SeriesState, ...] = ()) -> Ledger:
    ledger = Ledger(states)
    for event in events:
        ledger.apply(event)
    return ledger


class TestTheVerdict:
    def test_is_success_when_all_that_is_expected_was_stored_and_confirmed(self):
        ledger = ledger_of(Expected(CT, 3, frozenset(instances(3))), *stored(3), Confirmed(CT, frozenset(instances(3))))

        assert ledger.verdict().status is Status.SUCCESS
        assert ledger.verdict().message == "3 of 3 instances stored and confirmed"

    def test_says_so_when_the_destination_cannot_be_asked(self):
        verdict = ledger_of(Expected(CT, 3), *stored(3)).verdict()

        assert (verdict.status, verdict.message) == (
            Status.SUCCESS,
            "3 of 3 instances stored; the destination cannot be asked",
        )

    def test_on_what_was_canceled_blames_nobody_for_what_was_still_to_go(self):
        ledger = ledger_of(
            Expected(CT, 300), *stored(213), Received(ref(UID("1.2.1.214")), 1), Failed(ref(UID("1.2.1.220")), "no")
        )

        assert ledger.verdict(canceled=True).message == "213 of 300 instances stored; 86 not sent; 1 failed: no (1)"
        assert ledger.series[CT].reasons(canceled=True) == {"no": 1, NOT_SENT: 86}

    def test_on_what_was_canceled_before_anything_was_known_says_that_nothing_was_sent(self):
        assert Ledger().verdict(canceled=True).message == "nothing was sent"

    def test_is_warning_with_the_numbers_when_some_are_missing(self):
        verdict = ledger_of(Expected(CT, 420), *stored(412)).verdict()

        assert verdict.status is Status.WARNING
        assert verdict.message == f"412 of 420 instances stored; 8 failed: {NEVER_ARRIVED} (8)"

    def test_is_failure_when_nothing_was_stored(self):
        assert ledger_of(Expected(CT, 420)).verdict().status is Status.FAILURE

    def test_counts_what_the_destination_does_not_list_as_failed(self):
        ledger = ledger_of(Expected(CT, 3), *stored(3), Confirmed(CT, frozenset(instances(2))))

        assert ledger.verdict().status is Status.WARNING
        assert ledger.series[CT].reasons() == {NOT_LISTED: 1}

    def test_counts_what_a_named_rule_excludes_as_done(self):
        one, two = instances(2)
        ledger = ledger_of(Expected(CT, 2), Stored(ref(one), 10), Excluded(ref(two), "dose sheet"))

        assert ledger.verdict().status is Status.SUCCESS
        assert ledger.verdict().message.endswith("1 excluded")
        assert ledger.series[CT].reasons() == {"dose sheet": 1}

    def test_is_warning_when_the_source_cannot_say_how_many_it_has(self):
        verdict = ledger_of(Expected(CT, None), *stored(3)).verdict()

        assert (verdict.status, verdict.message) == (
            Status.WARNING,
            "3 instances stored; the source cannot say how many it has",
        )

    def test_is_warning_when_a_destination_that_can_be_asked_does_not_answer(self):
        verdict = ledger_of(Expected(CT, 3), *stored(3), Unanswered("PACS B: silent")).verdict()

        assert verdict.status is Status.WARNING
        assert "nobody confirms it: PACS B: silent" in verdict.message

    def test_is_failure_when_no_series_is_known(self):
        assert Ledger().verdict().status is Status.FAILURE

    def test_looks_at_every_series(self):
        ledger = ledger_of(Expected(CT, 3), Expected(SR, 1), *stored(3))

        assert ledger.verdict().message == f"3 of 4 instances stored; 1 failed: {NEVER_ARRIVED} (1)"


class TestATally:
    @pytest.mark.parametrize("again", [1, 2])
    def test_counts_an_instance_once_however_often_it_comes(self, again):
        ledger = ledger_of(Expected(CT, 2), *(stored(2) * again))

        assert (len(ledger.series[CT].stored), ledger.series[CT].size) == (2, 20)

    def test_believes_the_instance_uids_more_than_the_count(self):
        tally = ledger_of(Expected(CT, 5, frozenset(instances(3))), *stored(3)).series[CT]

        assert (tally.expected, tally.failed, tally.complete) == (3, 0, True)

    def test_expects_what_arrived_without_being_listed(self):
        extra = UID(f"{CT}.99")
        tally = ledger_of(Expected(CT, 2, frozenset(instances(2))), Received(ref(extra), 10)).series[CT]

        assert (tally.expected, tally.failed) == (3, 3)

    def test_forgets_a_failure_that_was_stored_after_all(self):
        (one,) = instances(1)
        tally = ledger_of(Expected(CT, 1), Failed(ref(one), "full"), Stored(ref(one), 10)).series[CT]

        assert tally.complete
        assert tally.reasons() == {}

    def test_does_not_wait_for_what_was_refused(self):
        one, two, three = instances(3)
        tally = ledger_of(Expected(CT, 3, frozenset((one, two, three))), Failed(ref(one), "not taken")).series[CT]

        assert tally.missing() == {two, three}

    def test_keeps_the_note_of_a_stored_instance_once(self):
        notes = [Stored(ref(each), 10, "coerced (0xB000)") for each in instances(3)]

        assert ledger_of(*notes, notes[0]).series[CT].notes == ["coerced (0xB000) (3 instances)"]
        assert ledger_of(notes[0]).series[CT].notes == ["coerced (0xB000)"]


class TestAFurtherAttempt:
    def state(self, number: int) -> SeriesState:
        return SeriesState(CT, stored=frozenset(instances(number)), size=10 * number)

    def test_goes_on_from_what_was_stored(self):
        ledger = ledger_of(Expected(CT, 4, frozenset(instances(4))), states=(self.state(3),))

        assert ledger.series[CT].missing() == {UID(f"{CT}.4")}
        assert ledger.series[CT].size == 30

    def test_believes_the_destination_more_than_what_was_written_down(self):
        listed = frozenset(instances(4))
        ledger = ledger_of(Expected(CT, 4, listed), Held(CT, frozenset(instances(4)[2:])), states=(self.state(3),))

        assert ledger.series[CT].stored == set(instances(4)[2:])
        assert ledger.series[CT].missing() == set(instances(2))


class TestChanges:
    def test_are_told_once(self):
        ledger = ledger_of(Expected(CT, 1), Expected(SR, 1))

        assert ledger.changed() == {CT, SR}
        assert ledger.changed() == set()

        ledger.apply(Noted("slow", CT))

        assert ledger.changed() == {CT}
