"""How things stand with nodes now, for lists and pages: a fixed number of queries, however many nodes there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import Lower, Now

from adit.accounts.models import User
from adit.nodes.contact import Contact, contact_of
from adit.nodes.models import Access, Node, NodeQuerySet
from adit.nodes.windows import closes_next, open_at, opens_next
from adit.nodes.words import uses


@dataclass(frozen=True, slots=True)
class Overview:
    """One node.

    Attributes:
        taken, most: Associations in use, and how many there may be; None for a folder.
        has_windows: It is not always open.
        is_open: No window keeps its tasks waiting.
        changes_at: When the window closes, or opens, next; None where that is not within two weeks.
        roles: As what the reader may use it: `source`, `destination`.
    """

    node: Node
    contact: Contact
    taken: int | None
    most: int | None
    has_windows: bool
    is_open: bool
    changes_at: datetime | None
    roles: frozenset[str]

    @property
    def uses(self) -> dict[str, str]:
        """What it is good for, see `words.uses`."""
        return uses(self.node)


def visible_to(user: User, group: Group | None) -> NodeQuerySet:
    """Nodes that *user*, acting in *group*, may know of: for administrators all, else those that one may use."""
    if user.is_active and user.is_staff:
        return Node.objects.all()
    rows = Access.objects.of(user, group).filter(node=OuterRef("pk"))
    return Node.objects.enabled().filter(Exists(rows)) if user.is_active else Node.objects.none()


def overview(nodes: NodeQuerySet, *, user: User, group: Group | None, now: datetime) -> list[Overview]:
    """How each of *nodes* stands at *now*, as *user* in *group* sees it."""
    held = Q(slots__lease_until__gte=Now(), slots__number__lte=F("max_associations"))
    found: list[Any] = list(nodes.annotate(slots_taken=Count("slots", filter=held)).order_by(Lower("name")))
    roles = _roles(found, user, group)
    return [_of(node, node.slots_taken, roles.get(node.pk, frozenset()), now) for node in found]


def _of(node: Node, taken: int, roles: frozenset[str], now: datetime) -> Overview:
    windows = node.weekly_windows
    is_open = open_at(windows, now)
    return Overview(
        node=node,
        contact=contact_of(node),
        taken=taken if node.is_server else None,
        most=node.max_associations if node.is_server else None,
        has_windows=windows is not None,
        is_open=is_open,
        changes_at=closes_next(windows, now) if is_open else opens_next(windows, now),
        roles=roles,
    )


def _roles(nodes: Iterable[Node], user: User, group: Group | None) -> dict[int, frozenset[str]]:
    if user.is_local_administrator:
        return {node.pk: frozenset(("source", "destination")) for node in nodes}
    found: dict[int, frozenset[str]] = {}
    for row in Access.objects.of(user, group):
        given = frozenset(flag for flag in ("source", "destination") if getattr(row, flag))
        found[row.node_id] = found.get(row.node_id, frozenset()) | given
    return found
