"""Who may do what to a job, and when: the tables of `states`, asked about one job or task.

Forms, buttons, API, command line and the actions themselves ask these functions.
"""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.utils import timezone

from adit.accounts.models import User
from adit.accounts.permitting import has_permission
from adit.accounts.verdict import ALLOWED, Verdict
from adit.deid.profile import Dates
from adit.jobs.kinds import KINDS
from adit.jobs.models import Job, Task
from adit.jobs.sealing import can_be_staged_again
from adit.jobs.states import JOB_ACTIONS, TASK_ACTIONS, Action, TaskAction, Who
from adit.jobs.treating import Treating
from adit.nodes.models import Node
from adit.nodes.permissions import takes
from adit.projects.expiry import last_day
from adit.projects.models import Project


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
        return may_jump_the_queue(by, job.group)
    return ALLOWED


def may_jump_the_queue(by: User, group: Group | None) -> Verdict:
    """Whether *by*, acting in *group*, may put jobs before those of others."""
    if by.is_staff or has_permission(by, group, "jobs.can_transfer_urgently"):
        return ALLOWED
    return Verdict.no("You may not put jobs before those of others; an administrator can permit it.")


def may_send(
    treating: Treating | None, *, user: User, group: Group | None, project: Project | None, destination: Node | None
) -> Verdict:
    """Whether *user*, acting in *group*, may send studies in this form, for *project*, to *destination*.

    Asked when a job is submitted, when a worker opens its nodes, and by downloads.

    Args:
        treating: None for studies that go as they are.
        destination: None for the user's own disk.
    """
    if treating is None and not has_permission(user, group, "jobs.can_transfer_unpseudonymized"):
        return Verdict.no(
            f"{user.get_username()} may send pseudonymised studies only: give a pseudonym or a project, "
            "or ask an administrator for the permission."
        )
    unchecked = treating is not None and treating.unchecked_pixels
    if unchecked and not has_permission(user, group, "jobs.can_send_unchecked_pixels"):
        return Verdict.no(
            f"{user.get_username()} may not send what may show text in its pixels; an administrator can permit it."
        )
    if project is not None and not (answer := _may_send_for(project, user, destination)):
        return answer
    if destination is None:
        return ALLOWED
    modified = treating is not None and treating.dates is not Dates.KEEP
    return takes(destination, pseudonymised=treating is not None, dates_modified=modified)


def may_be_packed(destination: Node, *, nifti: bool, archive: bool) -> Verdict:
    """Whether *destination* can get studies as volumes or in an archive."""
    if destination.is_server and (nifti or archive):
        what = "NIfTI volumes go" if nifti else "An archive goes"
        return Verdict.no(f"{what} into a folder, and {destination.name} is a server.")
    return ALLOWED


def _may_send_for(project: Project, user: User, destination: Node | None) -> Verdict:
    now = timezone.now()
    if project.key_destroyed_at is not None:
        return Verdict.no(f"The key of project {project.name} was destroyed; nothing can be sent for it any more.")
    if project.expires_at is not None and project.expires_at <= now:
        return Verdict.no(
            f"Project {project.name} expired: its last day was {last_day(project.expires_at)}; "
            "an administrator can prolong it."
        )
    if not Project.objects.sendable_by(user, now).filter(pk=project.pk).exists():
        return Verdict.no(
            f"{user.get_username()} may not send for project {project.name}; an administrator can permit it."
        )
    if destination is not None and not project.allows(destination):
        return Verdict.no(
            f"Project {project.name} does not send to {destination.name}; an administrator can add the destination."
        )
    return ALLOWED


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


def task_verdict(action: TaskAction, task: Task, by: User) -> Verdict:
    """Whether *by* may do *action* to *task* now."""
    return possible_for(action, task) and may(action, task.job, by)


def _what(action: Action | TaskAction) -> str:
    return "this job" if isinstance(action, Action) else "this task"


def _only(action: Action | TaskAction, when: frozenset[object]) -> str:
    return f"it is possible to {action} only what is {' or '.join(sorted(map(str, when)))}"
