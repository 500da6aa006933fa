import pytest

from adit.jobs.outcomes import Ended, Misplaced, NoRoom, Stop, Stopped, decide
from adit.jobs.states import TaskStatus
from adit.transfer.ledger import Status, Verdict

ALL = Verdict(Status.SUCCESS, "9 of 9 instances stored")
SOME = Verdict(Status.WARNING, "8 of 9 instances stored; 1 failed")
NONE = Verdict(Status.FAILURE, "the source named no series")
WAITS = (10, 60, 300)


def decided(end, verdict=SOME, *, failures=0, chance=0.5):
    return decide(end, verdict, failures=failures, waits=WAITS, chance=chance)


class TestATaskAfterAnAttempt:
    @pytest.mark.parametrize(
        ("end", "verdict", "status"),
        [
            (Ended(), ALL, TaskStatus.SUCCESS),
            (Ended(hopeful=False), SOME, TaskStatus.WARNING),
            (Ended(hopeful=False), NONE, TaskStatus.FAILURE),
            (Ended("PACS: refused", committed=False), SOME, TaskStatus.WARNING),
            (Ended("PACS: refused", committed=False), NONE, TaskStatus.FAILURE),
            (Ended("PACS: no answer", transient=True), ALL, TaskStatus.SUCCESS),
            (Stopped(Stop.USER), SOME, TaskStatus.CANCELED),
            (Stopped(Stop.SHUTDOWN), SOME, TaskStatus.PENDING),
            (Stopped(Stop.SUSPENDED), SOME, TaskStatus.PENDING),
            (Stopped(Stop.NO_PROGRESS, "nothing moved"), SOME, TaskStatus.PENDING),
            (NoRoom("the disk is full"), SOME, TaskStatus.PENDING),
            (Misplaced("no receiver here"), SOME, TaskStatus.PENDING),
        ],
    )
    def test_is(self, end, verdict, status):
        assert decided(end, verdict).status is status

    def test_on_a_machine_without_a_receiver_waits_and_has_not_failed(self):
        found = decided(Misplaced("no receiver here"), failures=99)

        assert (found.because, found.wait, found.counts) == ("no receiver here", 10, False)

    def test_is_no_success_when_the_destination_did_not_come_to_its_end(self):
        assert decided(Ended("disk: broken", committed=False), ALL).status is TaskStatus.WARNING

    @pytest.mark.parametrize(("failures", "wait"), [(0, 10), (1, 60), (2, 300)])
    @pytest.mark.parametrize("end", [Ended("PACS: gone", transient=True), Ended(), Stopped(Stop.NO_PROGRESS, "stuck")])
    def test_comes_back_three_times_after_a_growing_wait(self, end, failures, wait):
        decision = decided(end, failures=failures)

        assert (decision.status, decision.wait, decision.counts) == (TaskStatus.PENDING, wait, True)
        assert decision.because

    @pytest.mark.parametrize("end", [Ended("PACS: gone", transient=True), Ended(), Stopped(Stop.NO_PROGRESS, "stuck")])
    def test_is_settled_by_the_ledger_after_that(self, end):
        assert decided(end, failures=3).status is TaskStatus.WARNING
        assert decided(end, NONE, failures=3).status is TaskStatus.FAILURE

    def test_waits_a_little_more_or_less_than_others(self):
        end = Ended("PACS: gone", transient=True)

        assert decided(end, chance=0).wait == pytest.approx(7)
        assert decided(end, chance=1).wait == pytest.approx(13)

    def test_is_not_punished_for_a_full_disk_or_a_stopped_worker(self):
        assert not decided(NoRoom("the disk is full"), failures=3).counts
        assert decided(NoRoom("the disk is full"), failures=3).because == "the disk is full"
        assert not decided(Stopped(Stop.SHUTDOWN), failures=3).counts

    def test_says_what_is_missing_and_why(self):
        assert decided(Ended("PACS: refused"), SOME).message == "8 of 9 instances stored; 1 failed; PACS: refused"
        assert decided(Ended("PACS: refused"), NONE).message == "PACS: refused"
