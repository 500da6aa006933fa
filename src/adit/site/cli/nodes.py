"""`adit node`: the places studies come from and go to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from django.contrib.auth.models import Group

from adit.accounts.models import User
from adit.dicom.refs import UID, uid
from adit.nodes import changes
from adit.nodes.contact import note_findings
from adit.nodes.doctor import abilities_found, examine
from adit.nodes.finding import find_node
from adit.nodes.findings import Finding, Outcome
from adit.nodes.models import Ability, Kind, Node
from adit.nodes.movedoctor import prove_move
from adit.site.cli import node_suspending
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.node_options import (
    AeTitle,
    Authorization,
    CaBundle,
    Can,
    ClientCertificate,
    Decompress,
    DicomWeb,
    Folder,
    Host,
    IdDomain,
    IdleTimeout,
    MaxAssociations,
    Port,
    Prefixes,
    Quota,
    Root,
    RootOption,
    Takes,
    Tls,
    TlsCa,
    TlsCertificate,
    TlsCheckName,
    patient_values,
    tls_values,
    values,
    web_values,
)
from adit.site.cli.output import Failed, Misused, print_json, print_table
from adit.site.env import config
from adit.site.working import opening_of

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
app.command()(node_suspending.suspend)
app.command()(node_suspending.resume)


@app.callback()
def node() -> None:
    """Add, list, test and change the places studies come from and go to."""


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The node's name.")]


@app.command()
def add(
    name: Name,
    ae_title: AeTitle = None,
    host: Host = None,
    port: Port = None,
    can: Can = None,
    root: RootOption = None,
    max_associations: MaxAssociations = None,
    idle_timeout: IdleTimeout = None,
    tls: Tls = None,
    tls_ca: TlsCa = None,
    tls_certificate: TlsCertificate = None,
    tls_check_name: TlsCheckName = None,
    decompress: Decompress = None,
    dicomweb: DicomWeb = None,
    prefixes: Prefixes = None,
    authorization: Authorization = None,
    ca_bundle: CaBundle = None,
    client_certificate: ClientCertificate = None,
    folder: Folder = None,
    quota: Quota = None,
    accepts: Takes = None,
    id_domain: IdDomain = None,
    as_json: AsJson = False,
) -> None:
    """Add a server, or with --folder a folder. What the server can do is found out where --can is not given."""
    given = values(
        ae_title=ae_title,
        host=host,
        port=port,
        max_associations=max_associations,
        idle_timeout=idle_timeout,
        decompress=decompress,
        dicomweb=dicomweb,
        folder=folder,
        quota=quota,
    )
    given |= web_values(prefixes, authorization, ca_bundle, client_certificate)
    given |= tls_values(tls, tls_ca, tls_certificate, tls_check_name)
    given |= patient_values(accepts, id_domain)
    added = Node(name=name, kind=Kind.FOLDER if folder else Kind.SERVER, **given)
    with explained():
        if can is not None:
            added.abilities = _abilities(can, root)
        elif not folder:
            added.full_clean(exclude=["abilities"])
            added.abilities = _found(added, root)
        changes.add(added, by=me())
    _show(added, as_json=as_json)


@app.command()
def edit(
    name: Name,
    new_name: Annotated[str | None, typer.Option("--name", help="A new name.")] = None,
    ae_title: AeTitle = None,
    host: Host = None,
    port: Port = None,
    can: Can = None,
    root: RootOption = None,
    max_associations: MaxAssociations = None,
    idle_timeout: IdleTimeout = None,
    tls: Tls = None,
    tls_ca: TlsCa = None,
    tls_certificate: TlsCertificate = None,
    tls_check_name: TlsCheckName = None,
    decompress: Decompress = None,
    dicomweb: DicomWeb = None,
    prefixes: Prefixes = None,
    authorization: Authorization = None,
    ca_bundle: CaBundle = None,
    client_certificate: ClientCertificate = None,
    folder: Folder = None,
    quota: Quota = None,
    accepts: Takes = None,
    id_domain: IdDomain = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether it may be used.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change a node; what is not given stays."""
    given = values(
        ae_title=ae_title,
        host=host,
        port=port,
        max_associations=max_associations,
        idle_timeout=idle_timeout,
        decompress=decompress,
        dicomweb=dicomweb,
        folder=folder,
        quota=quota,
    )
    given |= web_values(prefixes, authorization, ca_bundle, client_certificate)
    given |= tls_values(tls, tls_ca, tls_certificate, tls_check_name)
    given |= patient_values(accepts, id_domain)
    if new_name is not None:
        given["name"] = new_name
    if enabled is not None:
        given["enabled"] = enabled
    with explained():
        found = find_node(name)
        if can is not None:
            given["abilities"] = _abilities(can, root)
        elif root is not None:
            given["abilities"] = _abilities(",".join(_words(found.abilities)), root)
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
            (n.name, n.kind, _where(n), ", ".join(_words(n.abilities)), n.max_associations if n.is_server else None)
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
    for result in _examined(found, None if study is None else uid(study)):
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


@app.command()
def access(
    name: Name,
    group: Annotated[str | None, typer.Option(help="Give it to a group; one of a new name is made.")] = None,
    user: Annotated[str | None, typer.Option(help="Give it to one user.")] = None,
    source: Annotated[bool, typer.Option("--source", help="Studies may be found and taken from it.")] = False,
    destination: Annotated[bool, typer.Option("--destination", help="Studies may be sent to it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say who may use a node, and for what. Neither --source nor --destination takes access away."""
    if (group is None) == (user is None):
        raise Misused("Give access to a --group or to a --user, one of them.")
    with explained():
        found = find_node(name)
        whom: dict[str, Any] = {}
        if group is not None:
            whom["group"], made = Group.objects.get_or_create(name=group)
            if made and not as_json:
                print(f"Group {group} is new.")
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


_BY_WORD = {
    "find": {Root.STUDY: Ability.FIND_STUDY, Root.PATIENT: Ability.FIND_PATIENT},
    "get": {Root.STUDY: Ability.GET_STUDY, Root.PATIENT: Ability.GET_PATIENT},
    "move": {Root.STUDY: Ability.MOVE_STUDY, Root.PATIENT: Ability.MOVE_PATIENT},
    "store": dict.fromkeys(Root, Ability.STORE),
    "commit": dict.fromkeys(Root, Ability.COMMIT),
    "qido": dict.fromkeys(Root, Ability.QIDO),
    "wado": dict.fromkeys(Root, Ability.WADO),
    "stow": dict.fromkeys(Root, Ability.STOW),
}


def _abilities(words: str, root: Root | None) -> frozenset[Ability]:
    found = set()
    for word in filter(None, (part.strip().lower() for part in words.split(","))):
        if word not in _BY_WORD:
            raise Misused(f"'{word}' is nothing a server can do: choose from {', '.join(_BY_WORD)}.")
        found.add(_BY_WORD[word][root or Root.STUDY])
    return frozenset(found)


def _words(abilities: frozenset[Ability]) -> list[str]:
    return [word for word, by_root in _BY_WORD.items() if abilities & set(by_root.values())]


def _found(added: Node, root: Root | None) -> frozenset[Ability]:
    """What the test finds, of the model that was asked for."""
    other = {Root.PATIENT: Root.STUDY, Root.STUDY: Root.PATIENT}
    found = abilities_found(added)
    if root is not None:
        found -= {by_root[other[root]] for by_root in _BY_WORD.values() if by_root[other[root]] != by_root[root]}
    if not found:
        raise Failed(f"{added.name} can do nothing that ADIT could use; if that is wrong, say with --can what it can.")
    return found


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
        "can": _words(found.abilities),
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
