"""`adit node access`: who may use a node, and for what."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from django.contrib.auth.models import Group

from adit.accounts.groups import add_group
from adit.accounts.models import User
from adit.nodes import changes
from adit.nodes.finding import find_node
from adit.nodes.naming import Unknown, find_named
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.node_options import Name
from adit.site.cli.output import AsJson, Failed, Misused, print_json


class UnknownGroup(Unknown):
    """No group has this name."""

    what = "group"


def access(
    name: Name,
    group: Annotated[str | None, typer.Option(help="Give it to a group.", metavar="GROUP")] = None,
    user: Annotated[str | None, typer.Option(help="Give it to one user.")] = None,
    source: Annotated[bool, typer.Option("--source", help="Studies may be found and taken from it.")] = False,
    destination: Annotated[bool, typer.Option("--destination", help="Studies may be sent to it.")] = False,
    new_group: Annotated[
        bool, typer.Option("--new-group", help="Make the group where there is none of this name.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say who may use a node, and for what. Neither --source nor --destination takes access away."""
    if (group is None) == (user is None):
        raise Misused("Give access to a --group or to a --user, one of them.")
    if new_group and group is None:
        raise Misused("--new-group makes a --group.")
    with explained():
        found = find_node(name)
        whom: dict[str, Any] = {}
        if group is not None:
            whom["group"] = _group(group, new=new_group)
            group = whom["group"].name
        else:
            whom["user"] = User.objects.filter(username=user).first()
            if whom["user"] is None:
                raise Failed(f"There is no user '{user}'.")
        changes.give_access(found, by=me(), source=source, destination=destination, **whom)
    rights = [word for word, given in (("source", source), ("destination", destination)) if given]
    if as_json:
        print_json({"node": found.name, "group": group, "user": user, "source": source, "destination": destination})
    else:
        print(f"{group or user} may use {found.name} as {' and '.join(rights) or 'nothing'}.")


def _group(name: str, *, new: bool) -> Group:
    """The group called *name*, whatever its capitals; a *new* one where there is none.

    Raises:
        Failed: There is none, with the names of those that there are.
        ValidationError: It cannot be called so.
    """
    known = Group.objects.order_by("name")
    try:
        return find_named(name, known, UnknownGroup)
    except UnknownGroup as unknown:
        if new:
            return add_group(name, by=me())
        there = ", ".join(known.values_list("name", flat=True))
        raise Failed(
            f"{unknown} {f'There are: {there}' if there else 'There are none yet'}; --new-group makes it."
        ) from unknown
