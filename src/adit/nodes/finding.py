"""Finding a node by the name that somebody typed."""

from __future__ import annotations

from difflib import get_close_matches

from adit.nodes.models import Node, NodeQuerySet


class UnknownNode(LookupError):
    """No node has this name.

    Attributes:
        name: What was asked for.
        near: Names of nodes that may have been meant, the nearest first.
    """

    def __init__(self, name: str, near: list[str]) -> None:
        self.name = name
        self.near = near
        hint = f"; did you mean {' or '.join(near)}?" if near else "."
        super().__init__(f"There is no node '{name}'{hint}")


def find_node(name: str, among: NodeQuerySet | None = None) -> Node:
    """The node called *name*, whatever its capitals.

    Args:
        among: Nodes that whoever asks may know of; None for all. Others are neither found nor suggested.

    Raises:
        UnknownNode: With names that are near.
    """
    nodes = Node.objects.all() if among is None else among
    name = " ".join(name.split())
    found = nodes.filter(name__iexact=name).first()
    if found is not None:
        return found
    names = {known.casefold(): known for known in nodes.values_list("name", flat=True)}
    near = get_close_matches(name.casefold(), names, n=3, cutoff=0.6)
    raise UnknownNode(name, [names[known] for known in near])
