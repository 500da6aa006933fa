"""Mass transfers before they are submitted: what people order, as a plan; and how much it would move."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.db import transaction

from adit.accounts.models import User
from adit.accounts.verdict import Verdict
from adit.audit.record import record
from adit.dicom.protocols import Source
from adit.jobs.experience import experience_between
from adit.jobs.kind_settings import may_make
from adit.jobs.kinds.mass import MASS
from adit.jobs.models import Job, Task
from adit.nodes.models import Node
from adit.nodes.permissions import can_search, may_use
from adit.transfer.estimating import SAMPLE, Estimate, estimate
from adit.transfer.items import BadItem, SweepWindow
from adit.transfer.mass.partitions import Partition, Sweep
from adit.transfer.plan import NO_TRIAL, Plan, Pseudonymising, Trial

ESTIMATE_SECONDS = 60.0
"""How long an estimate asks a source at most."""


@dataclass(frozen=True, slots=True)
class Order:
    """A mass transfer as forms and the command line order it.

    Attributes:
        project: Name of the project for which it is pseudonymised; empty sends the studies as they are.
        profile: Name of a profile; empty for that of the project.
        mail: See `Plan`.
    """

    source: str
    destination: str
    sweep: Sweep
    project: str = ""
    profile: str = ""
    unchecked_pixels: bool = False
    trial: Trial = NO_TRIAL
    description: str = ""
    ethics_number: str = ""
    mail: bool | None = None


def plan_of(order: Order) -> Plan:
    """*order* as a plan: an item for every partition. Pseudonyms are made from the project when studies are found."""
    pseudonymising = None
    if order.project:
        pseudonymising = Pseudonymising(order.project, order.profile, unchecked_pixels=order.unchecked_pixels)
    return Plan(
        MASS.key,
        order.source,
        order.destination,
        order.sweep.windows(),
        pseudonymising=pseudonymising,
        trial=order.trial,
        mail=order.mail,
        description=order.description,
        ethics_number=order.ethics_number,
    )


def may_estimate(node: Node, *, user: User, group: Group | None) -> Verdict:
    """Whether *user*, acting in *group*, may ask *node* how much a mass transfer would move."""
    return (
        may_make(MASS, user=user, group=group)
        and may_use(node, user=user, group=group, as_source=True)
        and can_search(node)
    )


def estimated(
    sweep: Sweep,
    node: Node,
    source: Source,
    *,
    by: User,
    seconds: float = ESTIMATE_SECONDS,
    sample: int = SAMPLE,
    clock: Callable[[], float] = time.monotonic,
    asked: Callable[[int, int], None] = lambda *_: None,
) -> Estimate:
    """Ask *source*, which is *node* opened, how much *sweep* would move. The look is audited.

    Raises:
        Canceled: The cancel token of the source was set.
        DicomError: It does not answer.
    """
    found = estimate(
        sweep,
        source=source,
        most=node.result_limit,
        experience=experience_between(node, None),
        seconds=seconds,
        sample=sample,
        clock=clock,
        asked=asked,
    )
    with transaction.atomic():
        record(
            "mass.estimated",
            by=by,
            group=by.active_group.name if by.active_group else "",
            nodes=(node.name,),
            details={**sweep.to_json(), "found": found.found, "asked": found.asked, "partitions": found.partitions},
        )
    return found


def sweep_of(job: Job) -> Sweep | None:
    """What *job* was asked for, to be shown and ordered again; None where it is no mass transfer or cannot be read."""
    stored = Task.objects.filter(job=job, work=SweepWindow.work).order_by("part").values_list("item", flat=True)
    # The first whole partition is the second at the latest.
    early, last = list(stored[:2]), stored.reverse()[:1]
    try:
        windows = [SweepWindow.from_json(item) for item in (*early, *last)]
    except BadItem:
        return None
    if not windows:
        return None
    weekly = any(each.first.date() != each.last.date() for each in windows)
    by = Partition.WEEKLY if weekly else Partition.DAILY
    return Sweep(windows[0].first.date(), windows[-1].last.date(), by, windows[0].criteria)
