"""`adit node suspend` and `adit node resume`: let the tasks of a node wait, and go on."""

from __future__ import annotations

from typing import Annotated

import typer
from django.utils import timezone

from adit.jobs import suspending
from adit.nodes import changes
from adit.nodes.finding import find_node
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.node_options import Name
from adit.site.cli.output import AsJson, Misused, print_json


def suspend(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why; users read it while their tasks wait.")],
    now: Annotated[bool, typer.Option("--now", help="Stop what is running too; it waits with the others.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let the tasks of a node wait, after the running ones or now. They do not fail."""
    if not reason.strip():
        raise Misused("--reason: say why; users read it while their tasks wait.")
    with explained():
        found = find_node(name)
        changes.suspend(found, by=me(), reason=reason, now=timezone.now(), running_too=now)
    if as_json:
        print_json({"node": found.name, "suspended": found.suspended_reason, "now": now})
    else:
        print(f"{found.name} is suspended; {'what runs is stopped' if now else 'what runs goes on'}, the rest waits.")


def resume(name: Name, as_json: AsJson = False) -> None:
    """End the suspension of a node: its tasks go on."""
    with explained():
        found = find_node(name)
        suspending.resume(found, by=me())
    if as_json:
        print_json({"node": found.name, "suspended": None})
    else:
        print(f"{found.name} takes part again; its tasks go on.")
