"""From a plan to rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from adit.accounts.groups import may_act_in
from adit.accounts.models import User
from adit.accounts.verdict import Verdict
from adit.audit.many import insert_all
from adit.audit.record import record
from adit.jobs.kind_settings import may_make, starts_at_once
from adit.jobs.kinds import KINDS, Kind
from adit.jobs.lines import await_lines
from adit.jobs.models import BatchFile, Job, Task
from adit.jobs.options import Options
from adit.jobs.permissions import may_be_packed, may_jump_the_queue, may_send
from adit.jobs.pseudonymising import BadPlan, project_of, treating_of, with_pseudonyms
from adit.jobs.queue import wake
from adit.jobs.settling import settle_job
from adit.jobs.states import JobStatus, TaskStatus
from adit.jobs.treating import Treating
from adit.nodes.finding import find_node
from adit.nodes.models import Node, NodeQuerySet
from adit.nodes.permissions import can_receive, can_search, can_send, may_use
from adit.nodes.secrets import Secret
from adit.projects.keys import new_key
from adit.projects.models import Project
from adit.transfer.items import FindStudies, Item, LookUpStudies, TransferStudy
from adit.transfer.plan import Plan

__all__ = ["BadPlan", "submit"]


@transaction.atomic
def submit(plan: Plan, *, by: User, group: Group | None = None) -> Job:
    """Write *plan* down and queue it. All of it, or nothing.

    Args:
        group: In whose name; without one the active group of *by*.

    Raises:
        BadPlan: No items, an unknown kind, a study twice, no destination for what is to be sent, a server that shall
            get an archive or volumes, or pseudonyms that are missing or contradict each other.
        UnfitPseudonym: A pseudonym cannot be one, tells who the patient is, or is taken in the project.
        UnknownNode, UnknownProject: *by* knows none of this name.
        Denied: *by* may not act in the group, use a node, make a job of this kind, send so or jump the queue; or a
            node cannot do it.
        NoKey, UnreadableKey: Of the project.
    """
    kind = KINDS.get(plan.kind)
    if kind is None:
        raise BadPlan(f"There is no kind of job named '{plan.kind}'.")
    if not plan.items:
        raise BadPlan("The plan holds nothing to do.")
    group = group or by.active_group
    may_act_in(by, group).require()
    source, destination = _nodes(plan, by=by, group=group)
    may_make(kind, user=by, group=group).require()
    _check_form(plan, destination)
    project = project_of(plan, by=by)
    treating = treating_of(plan, project, source)
    if destination is not None:
        may_send(treating, user=by, group=group, project=project, destination=destination).require()
    if plan.urgent:
        _may_be_urgent(kind, by, group).require()
    secret = new_key() if treating is not None and project is None else None
    items = _as_they_go(plan, treating, project=project, secret=secret, by=by)
    at_once = starts_at_once(kind, plan.size, by)
    job = Job.objects.create(
        kind=kind.key,
        owner=by,
        group=group,
        source_name=source.name,
        destination_name=destination.name if destination else "",
        status=JobStatus.PENDING if at_once else JobStatus.UNVERIFIED,
        verified_at=timezone.now() if at_once else None,
        urgent=plan.urgent,
        options=Options.of_plan(
            plan, treating, mail=by.mail_when_finished if plan.mail is None else plan.mail
        ).to_json(),
        archive_password=plan.archive_password or None,
        project=project,
        secret=secret,
        description=plan.description,
        ethics_number=plan.ethics_number,
        file=BatchFile.objects.visible_to(by).get(pk=plan.file) if plan.file else None,
        from_check_id=plan.check,
        once=plan.once or None,
    )
    _create_tasks(items, kind, job, source, destination)
    settle_job(job)
    _record(job, plan, treating, by=by)
    wake()
    return job


def _as_they_go(
    plan: Plan, treating: Treating | None, *, project: Project | None, secret: Secret | None, by: User
) -> tuple[Item, ...]:
    """The items of *plan* with what is written into their studies."""
    transfers = plan.transfers
    if treating is not None:
        transfers = with_pseudonyms(plan, treating, project=project, secret=secret, by=by)
    elif plan.trial:
        transfers = tuple(replace(item, treated=True) for item in transfers)
    return (*transfers, *(item for item in plan.items if not isinstance(item, TransferStudy)))


def _record(job: Job, plan: Plan, treating: Treating | None, *, by: User) -> None:
    record(
        "job.submitted",
        by=by,
        group=job.group.name if job.group else "",
        nodes=(job.source_name, job.destination_name),
        job=job.pk,
        details={
            "kind": job.kind,
            "tasks": len(plan.items),
            "urgent": plan.urgent,
            "status": job.status,
            **_form(plan),
            **_treated(treating, job.project),
        },
    )


def _nodes(plan: Plan, *, by: User, group: Group | None) -> tuple[Node, Node | None]:
    """The nodes of *plan*, if they may and can be used so."""
    known = Node.objects.all() if by.is_staff else _known_to(by, group)
    source = find_node(plan.source, known)
    may_use(source, user=by, group=group, as_source=True).require()
    if not all(isinstance(item, TransferStudy) for item in plan.items):
        can_search(source).require()
    sends_nothing = all(isinstance(item, FindStudies | LookUpStudies) for item in plan.items)
    if not plan.destination:
        if not sends_nothing:
            raise BadPlan("The plan names no destination for what is to be sent.")
        return source, None
    destination = find_node(plan.destination, known)
    may_use(destination, user=by, group=group, as_destination=True).require()
    can_receive(destination).require()
    if not sends_nothing:
        can_send(source).require()
    return source, destination


def _check_form(plan: Plan, destination: Node | None) -> None:
    if destination is None:
        return
    packed = may_be_packed(destination, nifti=plan.nifti, archive=bool(plan.archive_password))
    if not packed:
        raise BadPlan(packed.reason)


def _form(plan: Plan) -> dict[str, bool]:
    return {name: True for name, wanted in (("nifti", plan.nifti), ("archive", plan.archive_password)) if wanted}


def _treated(treating: Treating | None, project: Project | None) -> dict[str, Any]:
    """How the studies go, for the audit trail; pseudonyms are left out, which would join there what must not be."""
    if treating is None:
        return {"pseudonymised": False}
    profile = f"{treating.profile['name']} {treating.profile['version']}"
    unchecked = {"unchecked_pixels": True} if treating.unchecked_pixels else {}
    return {"pseudonymised": True, "profile": profile, "project": project.name if project else None, **unchecked}


def _known_to(user: User, group: Group | None) -> NodeQuerySet:
    return Node.objects.usable_as_source(user, group) | Node.objects.usable_as_destination(user, group)


def _may_be_urgent(kind: Kind, by: User, group: Group | None) -> Verdict:
    if not kind.can_be_urgent:
        return Verdict.no(f"A {kind.title} is never urgent.")
    return may_jump_the_queue(by, group)


def _create_tasks(items: Iterable[Item], kind: Kind, job: Job, source: Node, destination: Node | None) -> None:
    seen: set[tuple[str, str, str]] = set()
    planned: list[tuple[Task, Item]] = []
    for item in items:
        key = (item.work, item.study, item.part)
        if key in seen:
            raise BadPlan(f"{f'Study {item.study}' if item.study else item.part} occurs twice in the plan.")
        seen.add(key)
        planned.append((new_task(item, kind, job, source=source, destination=destination), item))
    insert_all(task for task, _ in planned)
    await_lines(planned)


def new_task(
    item: Item, kind: Kind, job: Job, *, source: Node, destination: Node | None, parent: Task | None = None
) -> Task:
    """A task of *job*, not saved yet.

    Args:
        destination: That of the job; what sends nothing does without.
    """
    return Task(
        job=job,
        parent=parent,
        owner_id=job.owner_id,
        source=source,
        destination=destination if isinstance(item, TransferStudy) else None,
        work=item.work,
        part=item.part,
        study_uid=item.study,
        patient_id=item.patient_id,
        lines=list(item.lines),
        item=item.to_json(),
        status=TaskStatus.PENDING,
        priority=kind.priority.urgent if job.urgent else kind.priority.normal,
        interactive=kind.interactive,
        held=job.verified_at is None,
    )
