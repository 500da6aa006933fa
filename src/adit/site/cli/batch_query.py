"""`adit batch query`: ask a node for what the lines of a file describe, and write what it has into another file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from django.db import transaction

from adit.jobs.batch_queries import plan_of
from adit.jobs.files import keep_file, read_file
from adit.jobs.kinds.query import BATCH_QUERY
from adit.jobs.models import Job, Line
from adit.jobs.outcome_sheets import faulty_lines
from adit.jobs.results import counts_of, export
from adit.jobs.states import JobStatus
from adit.jobs.submit import submit
from adit.site.cli import tables
from adit.site.cli.acting import me
from adit.site.cli.batch_faults import print_faults, refuse
from adit.site.cli.explaining import explained
from adit.site.cli.output import Failed, Misused, print_json
from adit.site.cli.reading import content
from adit.site.cli.waiting import until_ended
from adit.transfer.batches.faults import Checked
from adit.transfer.batches.rows import QueryRow
from adit.transfer.batches.validating import check_queries
from adit.transfer.sheets.reading import BadSheet

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def query(
    file: Annotated[Path, typer.Argument(help="A CSV or Excel file with a line for each patient or examination.")],
    source: Annotated[str, typer.Option("--from", help="The node to ask.", metavar="NODE")],
    out: Annotated[
        Path, typer.Option(help="Write what was found into this .csv or .xlsx; only its owner can read it.")
    ],
    worksheet: Annotated[str, typer.Option(help="Of an Excel file with several.", metavar="NAME")] = "",
    project: Annotated[str, typer.Option(help="What it is asked for.", metavar="NAME")] = "",
    description: Annotated[str, typer.Option(help="What it is for.", metavar="TEXT")] = "",
    ethics_number: Annotated[str, typer.Option(help="Of the ethics committee.", metavar="TEXT")] = "",
    urgent: Annotated[bool, typer.Option("--urgent", help="Before what is not urgent.")] = False,
    good_rows_only: Annotated[
        Path | None,
        typer.Option(help="Ask for the lines without a fault, and write the others into this file.", metavar="REST"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask a node for every line of a file. Waits until it has answered.

    Where a line has a fault nothing is asked: all faults are said, and the exit code is 2. It is 1 where a line could
    not be answered.
    """
    form = _form(out)
    written, by = content(file), me()
    with explained(), transaction.atomic():
        try:
            kept = keep_file(
                written, file.name, kind=BATCH_QUERY.key, worksheet=worksheet, by=by, group=by.active_group
            )
            checked = check_queries(read_file(kept))
        except BadSheet as error:
            raise Failed(f"{file}: {error}") from error
        if checked.faults and (good_rows_only is None or not checked.good):
            refuse(file, checked, as_json=as_json)
        plan = plan_of(
            checked.good,
            source=source,
            file=kept,
            urgent=urgent,
            project=project,
            description=description,
            ethics_number=ethics_number,
        )
        job = submit(plan, by=by)
        rest = faulty_lines(kept, checked).content if checked.faults else None
    if good_rows_only is not None and rest is not None:
        tables.save(good_rows_only, rest)
    if not as_json:
        _say(file, checked, job, good_rows_only)
    until_ended(job)
    if job.status == JobStatus.UNVERIFIED:
        raise Failed(f"Job {job.pk} has to be verified by somebody before it starts; nothing was asked yet.")
    tables.save(out, export(job, by=by, form=form).content)
    _report(job, out, as_json=as_json)
    if job.status != JobStatus.SUCCESS:
        print(f"adit: job {job.pk} ended as {job.status}: {job.message}", file=sys.stderr)
        raise typer.Exit(1)


def _form(out: Path) -> Literal["csv", "xlsx"]:
    tables.check(out)
    if out.exists():
        raise Misused(f"{out} is there already, and is not replaced.")
    return "csv" if out.suffix.lower() == ".csv" else "xlsx"


def _say(file: Path, checked: Checked[QueryRow], job: Job, rest: Path | None) -> None:
    if checked.faults:
        print_faults(checked)
        print(f"The lines of {file} that have a fault are in {rest}.")
    else:
        for notice in checked.notices:
            print(f"Notice: {notice}")
    print(f"Job {job.pk}: {Line.objects.filter(job=job).count()} lines to ask for.", flush=True)


def _report(job: Job, out: Path, *, as_json: bool) -> None:
    if as_json:
        told: dict[str, Any] = {
            "job": job.pk,
            "status": job.status,
            "message": job.message,
            "lines": counts_of(job),
            "out": str(out),
            "seconds": (job.ended_at - job.started_at).total_seconds() if job.ended_at and job.started_at else None,
        }
        print_json(told)
    else:
        print(f"{job.message}. What was found is in {out}.")
