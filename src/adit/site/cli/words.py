"""`adit word`: which words of descriptions the site knows to be harmless."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from adit.jobs.cutwords import MOST, Cut, Cuts
from adit.projects.approving import approve as let_pass
from adit.projects.approving import withdraw as let_be_cut
from adit.projects.models import ApprovedWord
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.output import AsJson, counted, print_json, print_table
from adit.site.cli.tables import give

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def word() -> None:
    """Approve words of descriptions, list them, withdraw them. 'adit project words' says which were cut."""


Words = Annotated[list[str], typer.Argument(help="Words, in any case.", metavar="WORD…")]


@app.command()
def approve(words: Words, as_json: AsJson = False) -> None:
    """Let words pass in every profile that is frozen from now on. Jobs and projects keep the version they have."""
    with explained():
        done = let_pass(words, by=me())
    _say("approved", done, as_json=as_json)


@app.command()
def withdraw(words: Words, as_json: AsJson = False) -> None:
    """Let words be cut again in every profile that is frozen from now on."""
    with explained():
        done = let_be_cut(words, by=me())
    _say("withdrawn", done, as_json=as_json)


@app.command(name="list")
def list_words(as_json: AsJson = False) -> None:
    """List the words that are approved, with who approved them."""
    rows = [
        {"word": each.word, "by": each.approved_by, "when": each.approved_at.isoformat(timespec="seconds")}
        for each in ApprovedWord.objects.in_effect()
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(("word", "by", "when"), (list(row.values()) for row in rows))


def give_cuts(cuts: Cuts, *, to: Path | None, as_json: bool) -> None:
    """Print the words that were cut, or write them to a file."""
    give(Cut, cuts.lines, to=to, as_json=as_json)
    if cuts.full:
        print(f"adit: of one job only the first {MOST} different words are kept; there may be more", file=sys.stderr)


def _say(what: str, words: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({what: words})
    else:
        print(f"{counted(len(words), 'word')} {what}.")
