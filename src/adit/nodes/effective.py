"""Which nodes somebody may use in the end, and why: the rule of `permissions.may_use`, read back as sentences."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.db.models import Q

from adit.accounts.groups import may_act_in
from adit.accounts.models import User
from adit.nodes.models import Access, Node


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """One node.

    Attributes:
        source, destination: Whether it may be used so.
        why: From where that comes, or why it is missing; a sentence either way.
    """

    node: Node
    source: bool
    destination: bool
    why: str


def effective_nodes(user: User, group: Group | None, *, unknown: bool = True) -> list[NodeAnswer]:
    """What *user* may use each node for while *group* is the active one.

    Args:
        unknown: Also nodes of which the user cannot know: neither the account nor any of the groups was given access.
    """
    rows: dict[int, list[Access]] = defaultdict(list)
    about = Q(user=user) | Q(group__in=user.groups.all())
    for row in Access.objects.filter(about).select_related("group").order_by("group__name", "pk"):
        rows[row.node_id].append(row)
    membership = may_act_in(user, group)
    nodes = Node.objects.all() if unknown else Node.objects.filter(pk__in=list(rows))
    return [_answer(node, user, group, rows[node.pk], membership.reason) for node in nodes]


def _answer(node: Node, user: User, group: Group | None, rows: list[Access], outside: str) -> NodeAnswer:
    if outside:
        return NodeAnswer(node, False, False, outside)
    if not node.enabled:
        return NodeAnswer(node, False, False, "It is switched off.")
    if user.is_local_administrator:
        return NodeAnswer(node, True, True, "The command line may use every node.")
    counting = [row for row in rows if row.group is None or row.group == group]
    granting = [row for row in counting if row.source or row.destination]
    if granting:
        sources, destinations = any(row.source for row in granting), any(row.destination for row in granting)
        return NodeAnswer(node, sources, destinations, " ".join(map(_grant, granting)))
    others = sorted({row.group.name for row in rows if row.group is not None and (row.source or row.destination)})
    if others:
        return NodeAnswer(node, False, False, f"Only in the name of another group: {', '.join(others)}.")
    return NodeAnswer(node, False, False, "Neither the account nor the active group was given access.")


def _grant(row: Access) -> str:
    role = " and ".join(word for word, granted in (("source", row.source), ("destination", row.destination)) if granted)
    who = "the account" if row.group is None else f"the group {row.group.name}"
    return f"Access as {role} was given to {who}."
