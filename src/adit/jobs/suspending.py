"""Letting the tasks of a node wait, and go on at once afterwards."""

from __future__ import annotations

from django.db import transaction

from adit.accounts.models import User
from adit.jobs.queue import wake
from adit.nodes import changes
from adit.nodes.models import Node


@transaction.atomic
def resume(node: Node, *, by: User) -> None:
    """End the suspension of *node*; workers that wait for its tasks are woken."""
    changes.lift(node, by=by)
    wake()
