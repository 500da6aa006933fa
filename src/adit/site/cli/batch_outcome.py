"""`adit batch send` and `adit batch result`: send what a check found, and get files back with what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adit.jobs.batch_transfers import plan_of_check
from adit.jobs.outcome_sheets import NoFile, outcome_sheet
from adit.jobs.submit import submit
from adit.site.cli import tables
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.jobs import Number, find_job
from adit.site.cli.output import Failed, Misused
from adit.site.cli.reading import first_line
from adit.site.cli.sending import ArchivePassword, AsJson, Wait
from adit.site.cli.waiting import follow

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def send(
    number: Number,
    every: Annotated[bool, typer.Option("--every", help="All studies of the file, not only those found.")] = False,
    archive_password_file: ArchivePassword = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Transfer what a check of a file (adit batch transfer --dry-run) has found, with the same options."""
    password = "" if archive_password_file is None else first_line(archive_password_file, "password")
    with explained():
        job = submit(plan_of_check(find_job(number), every=every, archive_password=password), by=me())
    follow(job, wait=wait, as_json=as_json)


@app.command()
def result(
    number: Number,
    out: Annotated[Path, typer.Option(help="Into this file; only its owner can read it.", metavar="FILE")],
    failed_only: Annotated[bool, typer.Option("--failed-only", help="Only the lines that did not succeed.")] = False,
) -> None:
    """Write the file of a batch transfer, or of a check, with what became of every line by now."""
    if out.exists():
        raise Misused(f"{out} is there already, and is not replaced.")
    try:
        given = outcome_sheet(find_job(number), by=me(), failed_only=failed_only)
    except NoFile as error:
        raise Failed(str(error)) from error
    tables.save(out, given.content)
