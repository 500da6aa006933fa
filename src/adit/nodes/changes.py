"""Verbs that change nodes and who may use them; each leaves its audit event in the same transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from adit.accounts.models import User
from adit.audit.record import record
from adit.nodes.models import Access, Node

_SECRETS = frozenset(("authorization", "dicomweb_certificate", "tls_certificate"))

_SEEN = frozenset(("answered_at", "silent_since", "silent_because", "needs_receiver_until"))
"""What nobody changes: it is noted as it happens."""


@transaction.atomic
def add(node: Node, *, by: User) -> Node:
    """Check the new *node* and store it.

    Raises:
        ValidationError: With a sentence per field.
    """
    node.full_clean()
    node.save()
    record("node.added", by=by, nodes=[node.name], details=_readable(node))
    return node


@transaction.atomic
def edit(node: Node, *, by: User, **values: Any) -> Node:
    """Give fields of *node*, or its abilities, new values; nothing is stored unless all fit.

    Raises:
        ValidationError: With a sentence per field.
    """
    stored = Node.objects.select_for_update().get(pk=node.pk)
    before = _readable(stored)
    for name, value in values.items():
        if not hasattr(stored, name):
            raise TypeError(f"a node has no {name}")
        setattr(stored, name, value)
    # What it refused before may be what was mended now.
    stored.needs_receiver_until = None
    stored.full_clean()
    stored.save()
    after = _readable(stored)
    changed = {name: [before[name], value] for name, value in after.items() if value != before[name]}
    changed |= {name: ["…", "…"] for name in _SECRETS & values.keys()}
    record("node.changed", by=by, nodes=[before["name"], stored.name], details=changed)
    return stored


@transaction.atomic
def remove(node: Node, *, by: User) -> None:
    """Delete *node*, its access rows and slots.

    Raises:
        ProtectedError: Something else still names it.
    """
    node.delete()
    record("node.removed", by=by, nodes=[node.name])


@transaction.atomic
def give_access(
    node: Node, *, by: User, group: Group | None = None, user: User | None = None, source: bool, destination: bool
) -> Access | None:
    """Set what *group*, or *user*, may use *node* for; with neither flag access is taken away.

    Returns:
        The row, or None where access was taken away.
    """
    if (group is None) == (user is None):
        raise ValueError("access is given to a group or to a user")
    row = None
    if source or destination:
        flags = {"source": source, "destination": destination}
        row, _ = Access.objects.update_or_create(node=node, group=group, user=user, defaults=flags)
    else:
        Access.objects.filter(node=node, group=group, user=user).delete()
    whom = {"group": group.name} if group else {"user": user.get_username() if user else ""}
    record(
        "node.access_changed", by=by, nodes=[node.name], details={**whom, "source": source, "destination": destination}
    )
    return row


@transaction.atomic
def suspend(node: Node, *, by: User, reason: str, now: datetime, running_too: bool = False) -> None:
    """Let the tasks of *node* wait from *now* on.

    Args:
        running_too: Its running tasks are stopped within 5 s, and pending again; else they go on to their end.

    Raises:
        ValueError: There is no reason.
    """
    reason = " ".join(reason.split())
    if not reason:
        raise ValueError("A node is suspended with a reason: users read it while their tasks wait.")
    Node.objects.filter(pk=node.pk).update(suspended_at=now, suspended_reason=reason, suspended_now=running_too)
    node.refresh_from_db()
    record("node.suspended", by=by, nodes=[node.name], details={"reason": reason, "running_too": running_too})


@transaction.atomic
def lift(node: Node, *, by: User) -> None:
    """End the suspension of *node*."""
    Node.objects.filter(pk=node.pk).update(suspended_at=None, suspended_reason="", suspended_now=False)
    node.refresh_from_db()
    record("node.suspension_lifted", by=by, nodes=[node.name])


def _readable(node: Node) -> dict[str, Any]:
    """All fields but secrets, as JSON."""
    fields = (field.name for field in Node._meta.concrete_fields if field.name not in _SECRETS | _SEEN | {"id"})
    values = {name: getattr(node, name) for name in fields}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
