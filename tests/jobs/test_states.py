from pathlib import Path

import pytest

from adit.jobs.states import (
    JOB_ACTIONS,
    JOB_ENDED,
    TASK_ACTIONS,
    TASK_ENDED,
    Action,
    JobStatus,
    TaskAction,
    TaskStatus,
    drawing,
    job_status,
)

PAGE = Path(__file__).parents[2] / "docs" / "developer" / "states.md"

P, R, S, W, F, C = (
    TaskStatus.PENDING,
    TaskStatus.IN_PROGRESS,
    TaskStatus.SUCCESS,
    TaskStatus.WARNING,
    TaskStatus.FAILURE,
    TaskStatus.CANCELED,
)


class TestAJobsStatus:
    @pytest.mark.parametrize(
        ("tasks", "status"),
        [
            ({R}, JobStatus.IN_PROGRESS),
            ({R, P}, JobStatus.IN_PROGRESS),
            ({R, S}, JobStatus.IN_PROGRESS),
            ({R, F, C}, JobStatus.IN_PROGRESS),
            ({P}, JobStatus.PENDING),
            ({P, S}, JobStatus.IN_PROGRESS),
            ({P, W}, JobStatus.IN_PROGRESS),
            ({P, F}, JobStatus.IN_PROGRESS),
            ({P, C}, JobStatus.IN_PROGRESS),
            ({S}, JobStatus.SUCCESS),
            ({S, W}, JobStatus.WARNING),
            ({W}, JobStatus.WARNING),
            ({S, C}, JobStatus.WARNING),
            ({W, C}, JobStatus.WARNING),
            ({F}, JobStatus.FAILURE),
            ({F, S}, JobStatus.FAILURE),
            ({F, W, C, S}, JobStatus.FAILURE),
            ({C}, JobStatus.CANCELED),
            (set(), JobStatus.SUCCESS),
        ],
    )
    def test_follows_from_its_tasks(self, tasks, status):
        assert job_status(tasks, verified=True, cancel_requested=False) is status

    @pytest.mark.parametrize("tasks", [{P}, set(), {P, C}])
    def test_is_unverified_until_somebody_verifies(self, tasks):
        assert job_status(tasks, verified=False, cancel_requested=False) is JobStatus.UNVERIFIED

    @pytest.mark.parametrize(
        ("tasks", "status"),
        [
            ({R}, JobStatus.CANCELING),
            ({R, C, S}, JobStatus.CANCELING),
            ({C}, JobStatus.CANCELED),
            ({C, S}, JobStatus.CANCELED),
            ({S, F}, JobStatus.CANCELED),
        ],
    )
    def test_is_canceling_until_no_task_runs(self, tasks, status):
        assert job_status(tasks, verified=True, cancel_requested=True) is status


class TestTheTables:
    def test_say_something_about_every_action(self):
        assert set(JOB_ACTIONS) == set(Action)
        assert set(TASK_ACTIONS) == set(TaskAction)

    @pytest.mark.parametrize(
        ("action", "when"),
        [
            (Action.VERIFY, {"unverified"}),
            (Action.DELETE, {"unverified", "pending"}),
            (Action.CANCEL, {"pending", "in progress"}),
            (Action.RESUME, {"canceled"}),
            (Action.RETRY, {"failure", "warning"}),
            (Action.RESTART, set(JOB_ENDED)),
            (Action.MAKE_URGENT, set(JobStatus) - set(JOB_ENDED)),
            (Action.MAKE_NORMAL, set(JobStatus) - set(JOB_ENDED)),
            (TaskAction.DELETE, {"pending"}),
            (TaskAction.RESET, set(TASK_ENDED)),
            (TaskAction.KILL, {"in progress"}),
        ],
    )
    def test_allow_an_action_in_these_states(self, action, when):
        table = JOB_ACTIONS if isinstance(action, Action) else TASK_ACTIONS

        assert table[action].when == when

    def test_are_what_the_page_for_developers_shows(self):
        assert PAGE.read_text() == drawing(), (
            "write it anew: python -c 'from adit.jobs.states import drawing; print(drawing(), end=\"\")'"
        )
