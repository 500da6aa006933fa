"""`adit project key`: back the key of a project up, bring it back, destroy it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from adit.jobs.forgetting import destroy_key
from adit.projects import keeping
from adit.projects.finding import find_project
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.output import AsJson, Misused, counted, print_json
from adit.site.cli.reading import content, first_line
from adit.site.cli.tables import save

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def key() -> None:
    """Back the key of a project up, bring it back, destroy it."""


Name = Annotated[str, typer.Argument(help="The project's name.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(help="A file with the passphrase in its first line; without it you are asked.", metavar="FILE"),
]


@app.command()
def backup(
    name: Name,
    to: Annotated[Path, typer.Option("--to", help="The file for the backup; only its owner can read it.")],
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Write the key into a file, encrypted with a passphrase. Keep both, apart from one another and from ADIT."""
    with explained():
        found = find_project(name)
        text = keeping.backup(found, _passphrase(passphrase_file, twice=True), by=me())
    save(to, text.encode())
    _say({"project": found.name, "backup": str(to)}, f"The key of {found.name} is in {to}.", as_json=as_json)


@app.command()
def restore(
    name: Name,
    source: Annotated[Path, typer.Option("--from", help="The file with the backup.")],
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Give a project its key back: when it cannot be read any more, or into a project that was not used yet."""
    with explained():
        found = find_project(name)
        text = content(source).decode(errors="replace")
        keeping.restore(found, text, _passphrase(passphrase_file, twice=False), by=me())
    _say({"project": found.name, "restored": True}, f"Project {found.name} has its key again.", as_json=as_json)


@app.command()
def destroy(
    name: Name,
    confirm: Annotated[
        str | None, typer.Option(help="The project's name again; without it you are asked.", metavar="NAME")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Destroy the key for good: nobody can tell who is behind the pseudonyms then, and nothing can be sent any more."""
    with explained():
        found = find_project(name)
        if confirm is None:
            if not sys.stdin.isatty():
                raise Misused("This cannot be taken back: repeat the project's name with --confirm NAME.")
            confirm = typer.prompt(f"This cannot be taken back. Type the project's name ({found.name}) to go on")
        if confirm.strip() != found.name:
            raise Misused(f"'{confirm}' is not the project's name; nothing was destroyed.")
        forgotten = destroy_key(found, by=me())
    said = {"project": found.name, "destroyed": True, "patients": forgotten}
    _say(said, f"The key of {found.name} is destroyed; forgotten: {counted(forgotten, 'patient')}.", as_json=as_json)


def _passphrase(file: Path | None, *, twice: bool) -> str:
    if file is not None:
        return first_line(file, "passphrase")
    if not sys.stdin.isatty():
        raise Misused("Give the passphrase in a file: --passphrase-file FILE.")
    return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=twice))


def _say(told: dict[str, object], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        print(sentence)
