"""Who may search, for the tests of the search page."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission

from adit.accounts.models import User
from adit.nodes.models import Access, Node


def searcher(name: str = "rita", *permissions: str) -> User:
    """A user who may search and send, and what *permissions* (codenames) say beyond."""
    user = User.objects.create_user(name, f"{name}@example.org")
    group = Group.objects.create(name=f"Group of {name}")
    user.groups.add(group)
    user.active_group = group
    user.save()
    permit(user, "can_transfer_selectively", *permissions)
    return user


def permit(user: User, *codenames: str) -> None:
    found = Permission.objects.filter(content_type__app_label="jobs", codename__in=codenames)
    assert found.count() == len(set(codenames))
    user.user_permissions.add(*found)


def give(user: User, node: Node, *, source: bool = False, destination: bool = False) -> Node:
    """Give the active group of *user* access to *node*."""
    Access.objects.create(node=node, group=user.active_group, source=source, destination=destination)
    return node
