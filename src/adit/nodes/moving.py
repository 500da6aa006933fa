"""Which servers send what is retrieved from them to a receiver, since nothing but C-MOVE is left to ask them by."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from adit.nodes.models import MOVES, RETRIEVES, Node

_MOVES = Q(*((ability.value, True) for ability in sorted(MOVES)), _connector=Q.OR)
_RETRIEVES_OTHERWISE = Q(*((ability.value, True) for ability in sorted(RETRIEVES - MOVES)), _connector=Q.OR)

NEEDS_RECEIVER = (_MOVES & ~_RETRIEVES_OTHERWISE) | Q(needs_receiver_until__gt=Now())
"""Nodes from which only a process beside a receiver can retrieve."""


@transaction.atomic
def note_needs_receiver(node: int, *, lasting: float) -> None:
    """*node*, by id, refused all other ways; for so many seconds nobody has to try them. Never waits.

    Without C-MOVE among its abilities nothing is noted: no receiver would help.
    """
    known = Node.objects.filter(_MOVES, pk=node).order_by("pk").select_for_update(skip_locked=True, no_key=True)
    until = Now() + timedelta(seconds=lasting)
    Node.objects.filter(pk__in=known.values("pk")).update(needs_receiver_until=until)
