"""Whether nodes answer, as far as ADIT has noticed while it worked with them: nobody is asked for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from adit.nodes.findings import Finding, Outcome
from adit.nodes.models import Node

FRESH = timedelta(seconds=15)
"""What is known for less is not written down again: many tasks end at the same time."""

_REACHING = frozenset(("DNS", "TCP", "TLS", "Association", "DICOMweb", "Folder"))
"""Steps of a test without which nothing is reached."""


class Contact(StrEnum):
    """What is known of a node."""

    ANSWERS = "answers"
    SILENT = "silent"
    UNKNOWN = "unknown"


def contact_of(node: Node) -> Contact:
    """What was noticed last; `Node.answered_at`, `silent_since` and `silent_because` tell more."""
    if node.silent_since is not None:
        return Contact.SILENT
    return Contact.UNKNOWN if node.answered_at is None else Contact.ANSWERS


@transaction.atomic
def note_answered(nodes: Iterable[int]) -> None:
    """Those of *nodes*, by id, have just answered. Never waits for another transaction."""
    stale = Q(answered_at=None) | Q(answered_at__lt=Now() - FRESH) | Q(silent_since__isnull=False)
    known = Node.objects.filter(stale, pk__in=nodes).order_by("pk").select_for_update(skip_locked=True, no_key=True)
    Node.objects.filter(pk__in=known.values("pk")).update(answered_at=Now(), silent_since=None, silent_because="")


@transaction.atomic
def note_silent(node: int, because: str) -> None:
    """*node*, by id, could not be reached, or broke off. Never waits for another transaction."""
    known = Node.objects.filter(pk=node).order_by("pk").select_for_update(skip_locked=True, no_key=True)
    Node.objects.filter(pk__in=known.values("pk")).update(
        silent_since=Coalesce(F("silent_since"), Now()), silent_because=because
    )


def note_findings(node: Node, findings: Iterable[Finding]) -> None:
    """Note what a test of *node* showed."""
    silent = [each for each in findings if each.outcome is Outcome.FAILED and each.name in _REACHING]
    if silent:
        note_silent(node.pk, f"{silent[0].sentence} ({silent[0].who})")
    else:
        note_answered([node.pk])
