"""Finding a node by the name that somebody typed."""

from __future__ import annotations

from adit.nodes.models import Node, NodeQuerySet
from adit.nodes.naming import Unknown, find_named


class UnknownNode(Unknown):
    """No node has this name."""

    what = "node"


def find_node(name: str, among: NodeQuerySet | None = None) -> Node:
    """The node called *name*, whatever its capitals.

    Args:
        among: Nodes that whoever asks may know of; None for all.

    Raises:
        UnknownNode: With names that are near.
    """
    return find_named(name, Node.objects.all() if among is None else among, UnknownNode)
