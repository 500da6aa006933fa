"""The states of jobs and tasks, what leads from one to another, and who may do it.

A job's status follows from its tasks and two stored facts; nobody sets it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum


class TaskStatus(StrEnum):
    PENDING = "pending"
    IN_PROGRESS = "in progress"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    CANCELED = "canceled"


class JobStatus(StrEnum):
    UNVERIFIED = "unverified"
    PENDING = "pending"
    IN_PROGRESS = "in progress"
    CANCELING = "canceling"
    CANCELED = "canceled"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


TASK_ENDED = frozenset((TaskStatus.SUCCESS, TaskStatus.WARNING, TaskStatus.FAILURE, TaskStatus.CANCELED))
JOB_ENDED = frozenset((JobStatus.SUCCESS, JobStatus.WARNING, JobStatus.FAILURE, JobStatus.CANCELED))
NOT_ENDED = frozenset(JobStatus) - JOB_ENDED


def job_status(tasks: Collection[TaskStatus], *, verified: bool, cancel_requested: bool) -> JobStatus:
    """The status of a job.

    Args:
        tasks: The statuses that occur among its tasks; how often does not matter.
        verified: It was verified, or needed no verification.
        cancel_requested: Somebody canceled it, and nobody resumed it since.
    """
    present = frozenset(tasks)
    if not verified:
        return JobStatus.UNVERIFIED
    if cancel_requested:
        return JobStatus.CANCELING if TaskStatus.IN_PROGRESS in present else JobStatus.CANCELED
    if TaskStatus.IN_PROGRESS in present:
        return JobStatus.IN_PROGRESS
    if TaskStatus.PENDING in present:
        return JobStatus.PENDING if present == {TaskStatus.PENDING} else JobStatus.IN_PROGRESS
    if TaskStatus.FAILURE in present:
        return JobStatus.FAILURE
    if present == {TaskStatus.CANCELED}:
        return JobStatus.CANCELED
    if present & {TaskStatus.WARNING, TaskStatus.CANCELED}:
        return JobStatus.WARNING
    return JobStatus.SUCCESS


class Who(StrEnum):
    """Who may do something. Staff may do all of it."""

    OWNER = "owner, staff"
    STAFF = "staff"
    URGENT = "owner with the permission to jump the queue, staff"


class Action(StrEnum):
    """What can be done to a job."""

    VERIFY = "verify"
    DELETE = "delete"
    CANCEL = "cancel"
    RESUME = "resume"
    RETRY = "retry"
    RESTART = "restart"
    MAKE_URGENT = "make urgent"
    MAKE_NORMAL = "make normal"
    ACCEPT = "accept as complete"


class TaskAction(StrEnum):
    """What can be done to a task."""

    DELETE = "delete"
    RESET = "reset"
    KILL = "kill"
    ACCEPT = "accept as complete"


@dataclass(frozen=True, slots=True)
class Rule:
    """When and by whom something may be done, and to which states it leads.

    Attributes:
        leads_to: Pairs of a state and the one right afterwards; none where the row is gone or the state stays.
        effect: For a person, as the end of "this action ...".
    """

    when: frozenset[JobStatus] | frozenset[TaskStatus]
    who: Who
    leads_to: tuple[tuple[str, str], ...]
    effect: str


def _to(end: str, *starts: str) -> tuple[tuple[str, str], ...]:
    return tuple((start, end) for start in starts)


_AGAIN = (JobStatus.PENDING, JobStatus.IN_PROGRESS)

JOB_ACTIONS: dict[Action, Rule] = {
    Action.VERIFY: Rule(
        frozenset({JobStatus.UNVERIFIED}),
        Who.STAFF,
        _to(JobStatus.PENDING, JobStatus.UNVERIFIED),
        "lets its tasks start",
    ),
    Action.DELETE: Rule(
        frozenset({JobStatus.UNVERIFIED, JobStatus.PENDING}), Who.OWNER, (), "removes the job and its tasks"
    ),
    Action.CANCEL: Rule(
        frozenset({JobStatus.PENDING, JobStatus.IN_PROGRESS}),
        Who.OWNER,
        (
            *_to(JobStatus.CANCELED, JobStatus.PENDING, JobStatus.IN_PROGRESS),
            *_to(JobStatus.CANCELING, JobStatus.IN_PROGRESS),
        ),
        "cancels what is pending and stops what is running",
    ),
    Action.RESUME: Rule(
        frozenset({JobStatus.CANCELED}),
        Who.OWNER,
        tuple((JobStatus.CANCELED, then) for then in _AGAIN),
        "makes canceled tasks pending again; what is stored is not sent again",
    ),
    Action.RETRY: Rule(
        frozenset({JobStatus.FAILURE, JobStatus.WARNING}),
        Who.OWNER,
        tuple((ended, then) for ended in (JobStatus.FAILURE, JobStatus.WARNING) for then in _AGAIN),
        "runs what failed or is incomplete again; only what is missing is sent",
    ),
    Action.RESTART: Rule(
        JOB_ENDED, Who.STAFF, _to(JobStatus.PENDING, *sorted(JOB_ENDED)), "runs all tasks from scratch"
    ),
    Action.MAKE_URGENT: Rule(NOT_ENDED, Who.URGENT, (), "moves the tasks that have not started forward in the queue"),
    Action.MAKE_NORMAL: Rule(NOT_ENDED, Who.URGENT, (), "gives the tasks that have not started their usual place"),
    Action.ACCEPT: Rule(
        frozenset({JobStatus.WARNING}),
        Who.OWNER,
        _to(JobStatus.SUCCESS, JobStatus.WARNING),
        "calls what is incomplete complete, for a reason that is kept",
    ),
}

TASK_ACTIONS: dict[TaskAction, Rule] = {
    TaskAction.DELETE: Rule(frozenset({TaskStatus.PENDING}), Who.OWNER, (), "removes the task"),
    TaskAction.RESET: Rule(
        TASK_ENDED, Who.OWNER, _to(TaskStatus.PENDING, *sorted(TASK_ENDED)), "runs the task from scratch"
    ),
    TaskAction.KILL: Rule(
        frozenset({TaskStatus.IN_PROGRESS}),
        Who.STAFF,
        _to(TaskStatus.CANCELED, TaskStatus.IN_PROGRESS),
        "stops the running task",
    ),
    TaskAction.ACCEPT: Rule(
        frozenset({TaskStatus.WARNING}),
        Who.OWNER,
        _to(TaskStatus.SUCCESS, TaskStatus.WARNING),
        "calls the task complete, for a reason that is kept",
    ),
}

_BY_ITSELF: tuple[tuple[JobStatus, JobStatus, str], ...] = (
    (JobStatus.PENDING, JobStatus.IN_PROGRESS, "a task starts"),
    (JobStatus.CANCELING, JobStatus.CANCELED, "the last running task stopped"),
    (JobStatus.IN_PROGRESS, JobStatus.SUCCESS, "all tasks succeeded"),
    (JobStatus.IN_PROGRESS, JobStatus.WARNING, "something is incomplete or canceled"),
    (JobStatus.IN_PROGRESS, JobStatus.FAILURE, "a task failed"),
    (JobStatus.IN_PROGRESS, JobStatus.CANCELED, "all tasks were killed"),
    (JobStatus.IN_PROGRESS, JobStatus.PENDING, "an attempt is to be repeated"),
)

_TASK_BY_ITSELF: tuple[tuple[TaskStatus, TaskStatus, str], ...] = (
    (TaskStatus.PENDING, TaskStatus.IN_PROGRESS, "claimed"),
    (TaskStatus.PENDING, TaskStatus.CANCELED, "the job was canceled"),
    (TaskStatus.IN_PROGRESS, TaskStatus.PENDING, "to be tried again, waits for room, worker died or stopped"),
    (TaskStatus.IN_PROGRESS, TaskStatus.SUCCESS, "complete"),
    (TaskStatus.IN_PROGRESS, TaskStatus.WARNING, "incomplete"),
    (TaskStatus.IN_PROGRESS, TaskStatus.FAILURE, "nothing stored"),
    (TaskStatus.IN_PROGRESS, TaskStatus.CANCELED, "the job was canceled"),
)


def drawing() -> str:
    """The states as a page of the developer's guide, drawn from the tables above."""
    job_arrows = [(str(start), str(end), why) for start, end, why in _BY_ITSELF] + _arrows(JOB_ACTIONS)
    task_arrows = [(str(start), str(end), why) for start, end, why in _TASK_BY_ITSELF] + _arrows(TASK_ACTIONS)
    return "\n".join(
        (
            "# States",
            "",
            "Drawn by `adit.jobs.states.drawing()` from the tables in that file; a test fails when this page differs.",
            "Arrows in *italics* are actions of a person, the others happen by themselves.",
            "",
            "## Job",
            "",
            *_diagram(job_arrows, list(JobStatus), JOB_ENDED),
            "",
            *_table(JOB_ACTIONS),
            "",
            "## Task",
            "",
            *_diagram(task_arrows, list(TaskStatus), TASK_ENDED),
            "",
            *_table(TASK_ACTIONS),
            "",
        )
    )


def _arrows(actions: dict[Action, Rule] | dict[TaskAction, Rule]) -> list[tuple[str, str, str]]:
    return [(start, end, f"*{action}*") for action, rule in actions.items() for start, end in rule.leads_to]


def _diagram(arrows: list[tuple[str, str, str]], states: Sequence[str], ended: Collection[str]) -> list[str]:
    def name(state: str) -> str:
        return state.replace(" ", "_")

    labels: dict[tuple[str, str], list[str]] = {}
    for start, end, why in arrows:
        labels.setdefault((start, end), []).append(why)
    return [
        "```mermaid",
        "stateDiagram-v2",
        *(f'    state "{state}" as {name(state)}' for state in states if " " in state),
        f"    [*] --> {name(states[0])}",
        *([f"    [*] --> {name(states[1])}"] if states[0] == JobStatus.UNVERIFIED else []),
        *(f"    {name(start)} --> {name(end)}: {', '.join(why)}" for (start, end), why in labels.items()),
        *(f"    {name(state)} --> [*]" for state in states if state in ended),
        "```",
    ]


def _table(actions: dict[Action, Rule] | dict[TaskAction, Rule]) -> list[str]:
    return [
        "| action | when | who | effect |",
        "|---|---|---|---|",
        *(
            f"| {action} | {', '.join(str(status) for status in sorted(rule.when))} | {rule.who} | {rule.effect} |"
            for action, rule in actions.items()
        ),
    ]
