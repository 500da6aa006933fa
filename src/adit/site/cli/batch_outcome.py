"""`adit batch send` and `adit batch result`: send what a check found, and get files back with what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from django.db import transaction

from adit.jobs.batch_transfers import plan_of_check
from adit.jobs.once import SentAlready, require_new, sent_from
from adit.jobs.outcome_sheets import NoFile, outcome_sheet
from adit.jobs.submit import submit
from adit.site.cli import tables
from adit.site.cli.acting import me
from adit.site.cli.batch_file import see_it_is_new
from adit.site.cli.explaining import explained
from adit.site.cli.jobs import Number, find_job
from adit.site.cli.output import AsJson, Failed, print_json
from adit.site.cli.sending import ArchivePassword, Wait, password_in
from adit.site.cli.waiting import follow

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def send(
    number: Number,
    every: Annotated[bool, typer.Option("--every", help="All studies of the file, not only those found.")] = False,
    unchecked_pixels: Annotated[
        bool | None,
        typer.Option(
            "--unchecked-pixels/--checked-pixels",
            help="Other than when it was checked, send what may show text in its pixels, or leave it behind.",
        ),
    ] = None,
    archive_password_file: ArchivePassword = None,
    again: Annotated[bool, typer.Option("--again", help="Although it was sent already.")] = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Transfer what a check of a file (adit batch transfer --dry-run) has found, with the same options."""
    password, check = password_in(archive_password_file), find_job(number)
    last = sent_from(check).first() if again else None
    try:
        with explained(), transaction.atomic():
            plan = plan_of_check(check, every=every, unchecked_pixels=unchecked_pixels, archive_password=password)
            require_new(plan, known=last.pk if last else 0)
            job = submit(plan, by=me())
    except SentAlready as sent:
        raise Failed(f"{sent} Nothing was sent now; --again sends it once more.") from sent
    follow(job, wait=wait, as_json=as_json)


@app.command()
def result(
    number: Number,
    out: Annotated[Path, typer.Option(help="Into this file; only its owner can read it.", metavar="FILE")],
    failed_only: Annotated[bool, typer.Option("--failed-only", help="Only the lines that did not succeed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the file of a batch transfer, or of a check, with what became of every line by now."""
    see_it_is_new(out)
    try:
        given = outcome_sheet(find_job(number), by=me(), failed_only=failed_only)
    except NoFile as error:
        raise Failed(str(error)) from error
    tables.save(out, given.content)
    if as_json:
        print_json({"job": number, "out": str(out)})
    else:
        print(f"What became of the lines is in {out}.")
