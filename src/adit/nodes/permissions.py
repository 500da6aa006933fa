"""Whether a node may be used, and whether it can do what is wanted: the same answer for everybody who asks."""

from __future__ import annotations

from django.contrib.auth.models import Group

from adit.accounts.groups import may_act_in
from adit.accounts.models import User
from adit.accounts.verdict import ALLOWED, Verdict
from adit.nodes.models import FINDS, RETRIEVES, STORES, Accepts, Access, Node


def may_use(
    node: Node, *, user: User, group: Group | None, as_source: bool = False, as_destination: bool = False
) -> Verdict:
    """Whether *user*, acting in *group*, may use *node* as source, as destination, or as both.

    Asked when something is made, with the active group, and again when a worker opens the node, with
    the group of the job. What is asked for together must be granted by one access row. The local
    administrator may use every enabled node. A suspended node may be used: its tasks wait.
    """
    if not as_source and not as_destination:
        raise ValueError("say whether as source or as destination")
    if not node.enabled:
        return Verdict.no(f"{node} is switched off; an administrator can switch it on.")
    if not (membership := may_act_in(user, group)):
        return membership
    if user.is_local_administrator:
        return ALLOWED
    rows = Access.objects.of(user, group).filter(node=node)
    if rows.granting(as_source=as_source, as_destination=as_destination).exists():
        return ALLOWED
    roles = " and ".join(role for role, asked in (("source", as_source), ("destination", as_destination)) if asked)
    who = f"{user.get_username()} in the group {group.name}" if group else f"{user.get_username()} without a group"
    return Verdict.no(f"{who} may not use {node} as {roles}; an administrator can give access.")


def can_search(node: Node) -> Verdict:
    """Whether *node* can be searched at all."""
    if node.is_folder or node.abilities & FINDS:
        return ALLOWED
    return Verdict.no(f"{node} can do neither C-FIND nor QIDO, so it cannot be searched.")


def can_send(node: Node) -> Verdict:
    """Whether studies can be retrieved from *node* at all."""
    if node.is_folder or node.abilities & RETRIEVES:
        return ALLOWED
    return Verdict.no(f"{node} can do none of C-GET, C-MOVE and WADO, so nothing can be retrieved from it.")


def can_receive(node: Node) -> Verdict:
    """Whether studies can be stored in *node* at all."""
    if node.is_folder or node.abilities & STORES:
        return ALLOWED
    return Verdict.no(f"{node} can do neither C-STORE nor STOW, so nothing can be stored in it.")


def answers_now(node: Node) -> Verdict:
    """Whether somebody who waits may ask *node* now: nobody does while it is suspended."""
    if node.suspended_at is None:
        return ALLOWED
    return Verdict.no(f"{node} is suspended: {node.suspended_reason}")


def takes(node: Node, *, pseudonymised: bool, dates_modified: bool) -> Verdict:
    """Whether *node* takes studies that were treated so."""
    match Accepts(node.accepts):
        case Accepts.PSEUDONYMISED if not pseudonymised:
            return Verdict.no(f"{node} takes only pseudonymised studies.")
        case Accepts.MODIFIED_DATES if not (pseudonymised and dates_modified):
            return Verdict.no(f"{node} takes only pseudonymised studies with modified dates.")
        case Accepts.IDENTIFIED if pseudonymised:
            return Verdict.no(f"{node} takes only studies that carry their patient's identity.")
    return ALLOWED


def may_manage(by: User) -> Verdict:
    """Whether *by* may add, change, test, suspend and remove nodes, and say who may use them."""
    if by.is_active and by.is_staff:
        return ALLOWED
    return Verdict.no("Only an administrator may change servers and folders.")
