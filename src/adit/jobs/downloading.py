"""What a download does to a study: the same rules as for a job, without one."""

from __future__ import annotations

from dataclasses import replace

from django.contrib.auth.models import Group
from django.db import transaction

from adit.accounts.models import User
from adit.jobs.permissions import may_send
from adit.jobs.pseudonymising import project_of, treating_of, with_pseudonyms
from adit.nodes.models import Node
from adit.projects.keys import key_of, new_key, revealed
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan
from adit.transfer.treating import Labelled, Treats, Unchanged


@transaction.atomic
def prepare(plan: Plan, source: Node, *, by: User, group: Group | None) -> tuple[TransferStudy, Treats]:
    """The only item of *plan* with its pseudonym, and what is done to it. Without project its key is kept nowhere.

    Raises:
        BadPlan, UnfitPseudonym, UnknownProject, Denied, NoKey, UnreadableKey: As `submit`.
    """
    (item,) = plan.transfers
    project = project_of(plan, by=by)
    treating = treating_of(plan, project, source)
    may_send(treating, user=by, group=group, project=project, destination=None).require()
    if treating is None:
        return (replace(item, treated=True), Labelled(plan.trial)) if plan.trial else (item, Unchanged())
    secret = new_key() if project is None else None
    (item,) = with_pseudonyms(plan, treating, project=project, secret=secret, by=by)
    key = revealed(secret) if secret else key_of(project) if project else b""
    return item, treating.treats(item, key, plan.trial)
