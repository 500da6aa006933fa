"""`adit node`: the places studies come from and go to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from adit.dicom.refs import UID
from adit.nodes import changes
from adit.nodes.contact import note_findings
from adit.nodes.doctor import examine
from adit.nodes.finding import find_node
from adit.nodes.findings import Finding, Outcome
from adit.nodes.models import Kind, Node
from adit.nodes.movedoctor import prove_move
from adit.site.cli import node_access, node_suspending
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.node_abilities import abilities_of, find_out, words_of
from adit.site.cli.node_options import About, Name
from adit.site.cli.option_groups import with_groups
from adit.site.cli.output import AsJson, Misused, print_json, print_table
from adit.site.cli.reading import uid_of
from adit.site.env import config
from adit.site.working import opening_of

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
app.command()(node_suspending.suspend)
app.command()(node_suspending.resume)
app.command()(node_access.access)


@app.callback()
def node() -> None:
    """Add, list, test and change the places studies come from and go to."""


@app.command()
@with_groups
def add(*, name: Name, about: About, as_json: AsJson = False) -> None:
    """Add a server, or with --folder a folder. What the server can do is found out where --can is not given."""
    is_folder = about.folder is not None
    if is_folder and about.root is not None:
        raise Misused("--root is for servers, not for folders.")
    added = Node(name=name, kind=Kind.FOLDER if is_folder else Kind.SERVER, **about.fields())
    with explained():
        if about.can is not None:
            added.abilities = abilities_of(about.can, about.root)
        elif not is_folder:
            added.full_clean(exclude=["abilities"])
            added.abilities = find_out(added, about.root)
        changes.add(added, by=me())
    _show(added, as_json=as_json)


@app.command()
@with_groups
def edit(
    *,
    name: Name,
    new_name: Annotated[str | None, typer.Option("--name", help="A new name.")] = None,
    about: About,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether it may be used.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change a node; what is not given stays."""
    given = about.fields()
    if new_name is not None:
        given["name"] = new_name
    if enabled is not None:
        given["enabled"] = enabled
    with explained():
        found = find_node(name)
        if about.can is not None:
            given["abilities"] = abilities_of(about.can, about.root)
        elif about.root is not None:
            if not found.abilities:
                raise Misused(f"--root is for what can be searched or retrieved from, which {found.name} cannot.")
            given["abilities"] = abilities_of(",".join(words_of(found.abilities)), about.root)
        if not given:
            raise Misused("Say what to change: 'adit node edit --help' lists the options.")
        found = changes.edit(found, by=me(), **given)
    _show(found, as_json=as_json)


@app.command(name="list")
def list_nodes(as_json: AsJson = False) -> None:
    """List all nodes."""
    nodes = list(Node.objects.all())
    if as_json:
        print_json([describe(each) for each in nodes])
        return
    print_table(
        ("name", "kind", "where", "can", "associations"),
        (
            (n.name, n.kind, _where(n), ", ".join(words_of(n.abilities)), n.max_associations if n.is_server else None)
            for n in nodes
        ),
    )


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show one node."""
    with explained():
        found = find_node(name)
    _show(found, as_json=as_json)


@app.command(name="test")
def examine_node(
    name: Name,
    study: Annotated[
        str | None,
        typer.Option(
            help="A study that it has: one instance is moved to our receiver, which proves C-MOVE.", metavar="UID"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Test the connection to a node, step by step."""
    with explained():
        found = find_node(name)
    results = []
    for result in _examined(found, None if study is None else uid_of("--study", study)):
        results.append(result)
        if not as_json:
            hint = f"  ({result.who})" if result.outcome is Outcome.FAILED and result.who else ""
            print(f"{result.outcome:<8}{result.name:<24}{result.sentence}{hint}", flush=True)
    if as_json:
        print_json([{"name": r.name, "result": r.outcome, "sentence": r.sentence, "who": r.who} for r in results])
    note_findings(found, results)
    if any(result.outcome is Outcome.FAILED for result in results):
        raise typer.Exit(1)


def _examined(node: Node, study: UID | None) -> Iterator[Finding]:
    yield from examine(node)
    if study is not None:
        yield prove_move(node, study, opening=opening_of(config()))


@app.command()
def remove(name: Name, as_json: AsJson = False) -> None:
    """Remove a node. What it holds, and the jobs that used it, stay."""
    with explained():
        found = find_node(name)
        changes.remove(found, by=me())
    if as_json:
        print_json({"removed": found.name})
    else:
        print(f"Node {found.name} is removed.")


def describe(found: Node) -> dict[str, Any]:
    """A node as JSON. Secrets are left out."""
    about: dict[str, Any] = {"name": found.name, "kind": found.kind, "enabled": found.enabled}
    about |= {"accepts": found.accepts, "id_domain": found.id_domain or None}
    if found.is_folder:
        return about | {"path": found.path, "quota_gb": found.quota_gb}
    return about | {
        "ae_title": found.ae_title,
        "host": found.host,
        "port": found.port,
        "can": words_of(found.abilities),
        "abilities": sorted(found.abilities),
        "tls": found.tls,
        "tls_ca": "set" if found.tls_ca else None,
        "tls_certificate": "set" if found.tls_certificate else None,
        "tls_check_name": found.tls_check_name,
        "decompress": found.decompress,
        "dicomweb_url": found.dicomweb_url,
        "dicomweb_prefixes": [p for p in (found.qido_prefix, found.wado_prefix, found.stow_prefix) if p],
        "dicomweb_authorization": "set" if found.authorization else None,
        "dicomweb_ca": "set" if found.dicomweb_ca else None,
        "dicomweb_certificate": "set" if found.dicomweb_certificate else None,
        "max_associations": found.max_associations,
        "connect_timeout": found.connect_timeout,
        "idle_timeout": found.idle_timeout,
        "suspended": found.suspended_reason or None,
    }


def _where(found: Node) -> str:
    if found.is_folder:
        return found.path
    return f"{found.ae_title} at {found.host}:{found.port}" if found.host else found.dicomweb_url


def _show(found: Node, *, as_json: bool) -> None:
    about = describe(found)
    if as_json:
        print_json(about)
        return
    for field, value in about.items():
        if field not in ("abilities", "enabled") and value not in (None, "", []):
            print(f"{field.replace('_', ' '):<18}{', '.join(value) if isinstance(value, list) else value}")
    if not found.enabled:
        print("It is switched off.")
