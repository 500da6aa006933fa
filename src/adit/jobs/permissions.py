"""Who may do what to a job, and when: the tables of `states`, asked about one job or task.

Forms, buttons, API, command line and the actions themselves ask these functions.
"""

from __future__ import annotations

from adit.accounts.models import User
from adit.accounts.verdict import ALLOWED, Verdict
from adit.jobs.kinds import KINDS
from adit.jobs.models import Job, Task
from adit.jobs.sealing import can_be_staged_again
from adit.jobs.states import JOB_ACTIONS, TASK_ACTIONS, Action, TaskAction, Who


def may(action: Action | TaskAction, job: Job, by: User) -> Verdict:
    """Whether *by* may do *action* to *job* or one of its tasks, whatever state it is in."""
    rule = JOB_ACTIONS[action] if isinstance(action, Action) else TASK_ACTIONS[action]
    if not by.is_active:
        return Verdict.no(f"The account {by.get_username()} is deactivated; an administrator can activate it.")
    if by.is_staff:
        return ALLOWED
    if rule.who is Who.STAFF:
        return Verdict.no(f"Only an administrator may {action} {_what(action)}.")
    if job.owner_id != by.pk:
        return Verdict.no(f"Only the owner of job {job.pk} or an administrator may {action} {_what(action)}.")
    if rule.who is Who.URGENT:
        return may_jump_the_queue(by)
    return ALLOWED


def may_jump_the_queue(by: User) -> Verdict:
    """Whether *by* may put jobs before those of others."""
    if by.is_staff or by.has_perm("jobs.can_transfer_urgently"):
        return ALLOWED
    return Verdict.no("You may not put jobs before those of others; an administrator can permit it.")


def possible(action: Action, job: Job) -> Verdict:
    """Whether the state of *job* allows *action*, whoever asks."""
    rule = JOB_ACTIONS[action]
    if job.status not in rule.when:
        return Verdict.no(f"Job {job.pk} is {job.status}: {_only(action, rule.when)}.")
    kind = KINDS.get(job.kind)
    if action is Action.MAKE_URGENT and kind and not kind.can_be_urgent:
        return Verdict.no(f"A {kind.title} is never urgent.")
    if action is Action.RESTART:
        return can_be_staged_again(job)
    return ALLOWED


def possible_for(action: TaskAction, task: Task) -> Verdict:
    """Whether the state of *task* allows *action*, whoever asks."""
    rule = TASK_ACTIONS[action]
    if task.status in rule.when:
        return can_be_staged_again(task.job) if action is TaskAction.RESET else ALLOWED
    return Verdict.no(f"Task {task.pk} is {task.status}: {_only(action, rule.when)}.")


def verdict(action: Action, job: Job, by: User) -> Verdict:
    """Whether *by* may do *action* to *job* now."""
    return possible(action, job) and may(action, job, by)


def _what(action: Action | TaskAction) -> str:
    return "this job" if isinstance(action, Action) else "this task"


def _only(action: Action | TaskAction, when: frozenset[object]) -> str:
    return f"it is possible to {action} only what is {' or '.join(sorted(map(str, when)))}"
