"""`adit user`: accounts of people, the first administrator among them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from django.utils import timezone

from adit.accounts import changes
from adit.accounts.models import User
from adit.accounts.people import people
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.output import AsJson, Failed, Misused, print_json, print_table
from adit.site.cli.reading import first_line

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The user name.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="The password is its first line. Without it you are asked.", metavar="FILE")
]


@app.callback()
def user() -> None:
    """Make accounts for people, approve and deactivate them, set a password."""


@app.command(name="list")
def list_users(as_json: AsJson = False) -> None:
    """List the accounts of people."""
    rows = [
        {
            "name": each.username,
            "mail": each.email,
            "state": _state(each),
            "role": "superuser" if each.is_superuser else "administrator" if each.is_staff else "user",
            "groups": ", ".join(sorted(group.name for group in each.groups.all())),
        }
        for each in people().prefetch_related("groups").order_by("username")
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(("name", "mail", "state", "role", "groups"), (tuple(row.values()) for row in rows))


@app.command()
def add(
    name: Name,
    mail: Annotated[str, typer.Option(help="The mail address.")],
    staff: Annotated[bool, typer.Option("--staff", help="Administers ADIT.")] = False,
    superuser: Annotated[
        bool, typer.Option("--superuser", help="May do everything, and names administrators.")
    ] = False,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Make an account that can log in at once."""
    password = _password(password_file)
    with explained():
        changes.add(name, by=me(), email=mail, password=password, staff=staff, superuser=superuser)
    _say(name, f"{name} can log in now.", changed=True, as_json=as_json)


@app.command()
def approve(name: Name, as_json: AsJson = False) -> None:
    """Let somebody log in who registered, or whose account was deactivated."""
    with explained():
        changed = changes.approve(_find(name), by=me())
    sentence = f"{name} can log in now." if changed else f"{name} could log in already."
    _say(name, sentence, changed=changed, as_json=as_json)


@app.command()
def deactivate(name: Name, as_json: AsJson = False) -> None:
    """Let somebody log in no more; sessions end, jobs go on."""
    found = _find(name)
    before = found.is_active
    with explained():
        changes.deactivate(found, by=me(), now=timezone.now())
    _say(name, f"{name} cannot log in any more.", changed=before, as_json=as_json)


@app.command()
def password(name: Name, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Give an account a new password; its sessions end."""
    found = _find(name)
    chosen = _password(password_file)
    with explained():
        changes.set_password(found, by=me(), password=chosen)
    _say(name, f"{name} has a new password.", changed=True, as_json=as_json)


def _say(name: str, sentence: str, *, changed: bool, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "state": _state(_find(name)), "changed": changed})
    else:
        print(sentence)


def _find(name: str) -> User:
    found = people().filter(username=name).first()
    if found is None:
        raise Failed(f"There is no user '{name}'.")
    return found


def _password(file: Path | None) -> str:
    if file is not None:
        return first_line(file, "password")
    if not sys.stdin.isatty():
        raise Misused("--password-file is missing: without a terminal the password comes from a file.")
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked


def _state(user: User) -> str:
    if user.is_active:
        return "active"
    return "deactivated" if user.deactivated_at else "waiting"
