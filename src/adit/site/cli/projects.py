"""`adit project`: what studies are sent for, by whom, under which profile; and who is behind its pseudonyms."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from adit.accounts.models import User
from adit.deid.profile import DEFAULT, Profile
from adit.jobs.cutwords import words_of_job, words_of_project
from adit.jobs.linking import SeriesLink, series_of_project
from adit.nodes.finding import find_node
from adit.projects import changes, linking
from adit.projects.expiry import end_of, last_day
from adit.projects.finding import find_project
from adit.projects.models import Member, Project
from adit.projects.tables import import_pseudonyms
from adit.site.cli import deid_profiles, project_keys, tables
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.output import AsJson, Failed, Misused, print_json, print_table
from adit.site.cli.reading import content, uid_of
from adit.site.cli.words import give_cuts

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
app.add_typer(project_keys.app, name="key")


@app.callback()
def project() -> None:
    """Say what studies are sent for, by whom, and how; keep keys, pseudonyms and linking lists."""


Name = Annotated[str, typer.Argument(help="The project's name.")]
Purpose = Annotated[str | None, typer.Option(help="What it is for, in a sentence.")]
Ethics = Annotated[str | None, typer.Option("--ethics-number", help="Number of the ethics vote.")]
Description = Annotated[str | None, typer.Option(help="More about it.")]
Expires = Annotated[
    str | None, typer.Option(help="The last day on which it sends, YYYY-MM-DD; 'never'.", metavar="DATE")
]
Destinations = Annotated[
    list[str] | None,
    typer.Option(
        "--to", help="A node it may send to; may be repeated. Without any it may send to all.", metavar="NODE"
    ),
]
Makes = Annotated[
    bool | None, typer.Option("--generate/--no-generate", help="Whether patients get a pseudonym where none is given.")
]
ProfileName = Annotated[
    str | None, typer.Option("--profile", help="'adit deid profile list' names them.", metavar="NAME")
]


@app.command()
def add(
    name: Name,
    purpose: Purpose = None,
    ethics_number: Ethics = None,
    description: Description = None,
    profile: ProfileName = None,
    site_rules: deid_profiles.SiteRules = None,
    generate: Makes = None,
    destinations: Destinations = None,
    expires: Expires = None,
    as_json: AsJson = False,
) -> None:
    """Make a project, with a key of its own."""
    frozen = deid_profiles.chosen(profile or DEFAULT, site_rules)
    with explained():
        nodes = [find_node(each) for each in destinations or []]
        added = Project(name=name, **_values(purpose, ethics_number, description, generate, expires))
        added = changes.add(added, by=me(), profile=frozen, destinations=nodes)
    _show(added, as_json=as_json)


@app.command()
def edit(
    name: Name,
    new_name: Annotated[str | None, typer.Option("--name", help="A new name.")] = None,
    purpose: Purpose = None,
    ethics_number: Ethics = None,
    description: Description = None,
    profile: ProfileName = None,
    site_rules: deid_profiles.SiteRules = None,
    generate: Makes = None,
    destinations: Destinations = None,
    anywhere: Annotated[bool, typer.Option("--anywhere", help="It may send to all nodes.")] = False,
    newest_profile: Annotated[
        bool, typer.Option("--newest-profile", help="The newest version of its profile, with the words approved since.")
    ] = False,
    expires: Expires = None,
    as_json: AsJson = False,
) -> None:
    """Change a project; what is not given stays. Jobs keep the profile with which they were made."""
    if anywhere and destinations:
        raise Misused("Give --to, or --anywhere; not both.")
    if newest_profile and (profile or site_rules):
        raise Misused("Give --newest-profile, or a profile with its rules; not both.")
    with explained():
        found = find_project(name)
        frozen = _profile(found, profile, site_rules)
        nodes = [find_node(each) for each in destinations] if destinations else ([] if anywhere else None)
        values = _values(purpose, ethics_number, description, generate, expires)
        if new_name is not None:
            values["name"] = new_name
        if not values and frozen is None and nodes is None and not newest_profile:
            raise Misused("Say what to change: 'adit project edit --help' lists the options.")
        if newest_profile:
            found = changes.take_newest(found, by=me())
        if values or frozen is not None or nodes is not None:
            found = changes.edit(found, by=me(), profile=frozen, destinations=nodes, **values)
    _show(found, as_json=as_json)


@app.command(name="list")
def list_projects(as_json: AsJson = False) -> None:
    """List all projects."""
    found = [_described(each) for each in Project.objects.all()]
    if as_json:
        print_json(found)
        return
    columns = ("name", "purpose", "profile", "patients", "expires", "key")
    print_table(columns, ([each[column] for column in columns] for each in found))


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show one project. Its key and its pseudonyms are not shown."""
    with explained():
        found = find_project(name)
    _show(found, as_json=as_json)


@app.command()
def members(
    name: Name,
    user: Annotated[str | None, typer.Option(help="Let this user take part, or change what the member may.")] = None,
    send: Annotated[bool | None, typer.Option("--send/--no-send", help="The member may send.")] = None,
    link: Annotated[bool | None, typer.Option("--link/--no-link", help="The member may link.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Let the user be no member any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """List who takes part in a project, or change it."""
    if user is None and (remove or send is not None or link is not None):
        raise Misused("Say whom: --user NAME.")
    with explained():
        found = find_project(name)
        if user is not None:
            _change_member(found, user, send=send, link=link, remove=remove)
    rows = [
        {"user": each.user.get_username(), "may_send": each.may_send, "may_link": each.may_link}
        for each in found.members.select_related("user").order_by("user__username")
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(("user", "may send", "may link"), (list(row.values()) for row in rows))


@app.command(name="linking")
def list_links(
    name: Name,
    studies: Annotated[
        bool, typer.Option("--studies", help="Which study and series is which, of all its jobs.")
    ] = False,
    original: Annotated[
        list[str] | None,
        typer.Option(
            help="What this study, series or instance is called in the project; may be repeated.", metavar="UID"
        ),
    ] = None,
    to: tables.To = None,
    as_json: AsJson = False,
) -> None:
    """Say who is behind the pseudonyms of a project, for those who may link. Every look is recorded."""
    tables.check(to)
    if studies and original:
        raise Misused("Ask for --studies, or for --original; not both.")
    with explained():
        found = find_project(name)
        if original:
            uids = linking.uids_of(found, [uid_of("--original", each) for each in original], by=me())
            tables.give(linking.UidLink, uids, to=to, as_json=as_json)
        elif studies:
            tables.give(SeriesLink, series_of_project(found, by=me()), to=to, as_json=as_json)
        else:
            tables.give(linking.PatientLink, linking.patients_of(found, by=me()), to=to, as_json=as_json)


@app.command()
def words(
    name: Name,
    job: Annotated[int | None, typer.Option(help="Of this job alone.", metavar="N")] = None,
    to: tables.To = None,
    as_json: AsJson = False,
) -> None:
    """Say which words were cut out of descriptions, for those who may link: they may be names. Looks are recorded."""
    tables.check(to)
    with explained():
        found = find_project(name)
        if job is None:
            cuts = words_of_project(found, by=me())
        elif (wanted := found.jobs.filter(pk=job).first()) is not None:
            cuts = words_of_job(wanted, by=me())
        else:
            raise Failed(f"Project {found.name} has no job {job}.")
    give_cuts(cuts, to=to, as_json=as_json)


@app.command(name="import")
def import_list(
    name: Name,
    file: Annotated[Path, typer.Argument(help="A CSV table with the column Pseudonym, and PatientID where given.")],
    as_json: AsJson = False,
) -> None:
    """Take over a list of pseudonyms: of patients, or free ones that patients get in their order."""
    with explained():
        done = import_pseudonyms(find_project(name), content(file), by=me())
    if as_json:
        print_json({"given": done.given, "free": done.free})
    else:
        print(f"{done.given} pseudonyms of patients, {done.free} new free ones.")


def _values(
    purpose: str | None, ethics: str | None, description: str | None, generate: bool | None, expires: str | None
) -> dict[str, Any]:
    given: dict[str, Any] = {
        "purpose": purpose,
        "ethics_number": ethics,
        "description": description,
        "generates": generate,
    }
    values = {name: value for name, value in given.items() if value is not None}
    if expires is not None:
        values["expires_at"] = None if expires == "never" else _end_of(expires)
    return values


def _end_of(day: str) -> datetime:
    try:
        return end_of(date.fromisoformat(day))
    except ValueError as error:
        raise Misused(f"--expires: '{day}' is no date such as 2027-12-31.") from error


def _profile(found: Project, name: str | None, site_rules: Path | None) -> Profile | None:
    if name is None and site_rules is None:
        return None
    return deid_profiles.chosen(name or found.profile_name, site_rules)


def _change_member(found: Project, name: str, *, send: bool | None, link: bool | None, remove: bool) -> None:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise Failed(f"There is no user '{name}'.")
    if remove:
        changes.take_out(found, user, by=me())
        return
    now = Member.objects.filter(project=found, user=user).first()
    may_send = (now.may_send if now else True) if send is None else send
    may_link = (now.may_link if now else False) if link is None else link
    changes.let_take_part(found, user, by=me(), may_send=may_send, may_link=may_link)


def _described(found: Project) -> dict[str, Any]:
    last = last_day(found.expires_at)
    return {
        "name": found.name,
        "purpose": found.purpose,
        "ethics_number": found.ethics_number,
        "description": found.description,
        "profile": found.profile_name,
        "profile_version": found.profile.get("version"),
        "generates": found.generates,
        "destinations": [node.name for node in found.destinations.all()],
        "expires": f"{last:%Y-%m-%d}" if last else None,
        "patients": found.aliases.exclude(digest=None).count(),
        "free_pseudonyms": found.aliases.filter(digest=None).count(),
        "members": [member.user.get_username() for member in found.members.select_related("user")],
        "key": "destroyed" if found.key_destroyed_at else "there",
        "created": found.created.isoformat(),
    }


def _show(found: Project, *, as_json: bool) -> None:
    found.refresh_from_db()
    about = _described(found)
    if as_json:
        print_json(about)
        return
    for field, value in about.items():
        if value not in (None, "", []):
            print(f"{field.replace('_', ' '):<18}{', '.join(value) if isinstance(value, list) else value}")
