"""What somebody may do in the end, as the context of a page."""

from __future__ import annotations

from typing import Any

from adit.accounts.effective import effective_features
from adit.accounts.models import User
from adit.nodes.effective import effective_nodes


def access_of(person: User, asked: str, *, by: User) -> dict[str, Any]:
    """Features, nodes and projects of *person*, with reasons, while one of the groups is active.

    Args:
        asked: Id of the group that is looked at, as somebody typed it; the active one for anything else.
        by: Who looks; only administrators learn of nodes that *person* was never given.
    """
    groups = list(person.groups.order_by("name"))
    group = next((each for each in groups if str(each.pk) == asked), person.active_group)
    return {
        "person": person,
        "groups": groups,
        "group": group,
        "sections": effective_features(person, group),
        "nodes": effective_nodes(person, group, unknown=by.is_staff),
        "memberships": person.memberships.select_related("project").order_by("project__name"),
    }
