"""`adit batch query`: ask a node for what the lines of a file describe, and write what it has into another file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from django.db import transaction

from adit.jobs.batch_queries import plan_of
from adit.jobs.files import read_file
from adit.jobs.kinds.query import BATCH_QUERY
from adit.jobs.line_counts import counts_of
from adit.jobs.models import Job, Line
from adit.jobs.results import export
from adit.jobs.states import JobStatus
from adit.jobs.submit import submit
from adit.site.cli import tables
from adit.site.cli.acting import me
from adit.site.cli.batch_faults import print_faults
from adit.site.cli.batch_file import Worksheet, keep_and_check, rest_of, save_rest, see_it_is_new
from adit.site.cli.explaining import explained
from adit.site.cli.option_groups import with_groups
from adit.site.cli.output import AsJson, Failed, counted, print_json
from adit.site.cli.reading import content
from adit.site.cli.sending import Reason, Urgent
from adit.site.cli.waiting import until_ended
from adit.transfer.batches.faults import Checked
from adit.transfer.batches.rows import QueryRow
from adit.transfer.batches.validating import check_queries

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
@with_groups
def query(
    *,
    file: Annotated[Path, typer.Argument(help="A CSV or Excel file with a line for each patient or examination.")],
    source: Annotated[str, typer.Option("--from", help="The node to ask.", metavar="NODE")],
    out: Annotated[
        Path, typer.Option(help="Write what was found into this .csv or .xlsx; only its owner can read it.")
    ],
    worksheet: Worksheet = "",
    project: Annotated[str, typer.Option(help="What it is asked for.", metavar="NAME")] = "",
    reason: Reason,
    urgent: Urgent = False,
    good_rows_only: Annotated[
        Path | None,
        typer.Option(help="Ask for the lines without a fault, and write the others into this file.", metavar="REST"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a node for every line of a file. Waits until it has answered.

    Where a line has a fault nothing is asked: all faults are said, and the exit code is 2. It is 1 where a line could
    not be answered.
    """
    form = _form(out)
    written, by = content(file), me()
    with explained(), transaction.atomic():
        kept, checked = keep_and_check(
            file,
            written,
            lambda kept: check_queries(read_file(kept)),
            kind=BATCH_QUERY.key,
            worksheet=worksheet,
            by=by,
            good_rows_only=good_rows_only is not None,
            as_json=as_json,
        )
        plan = plan_of(
            checked.good,
            source=source,
            file=kept,
            urgent=urgent,
            project=project,
            description=reason.description,
            ethics_number=reason.ethics_number,
        )
        job = submit(plan, by=by)
        rest = rest_of(kept, checked)
    save_rest(good_rows_only, rest)
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
    see_it_is_new(out)
    return "csv" if out.suffix.lower() == ".csv" else "xlsx"


def _say(file: Path, checked: Checked[QueryRow], job: Job, rest: Path | None) -> None:
    if checked.faults:
        print_faults(checked)
        print(f"The lines of {file} that have a fault are in {rest}.")
    else:
        for notice in checked.notices:
            print(f"Notice: {notice}")
    print(f"Job {job.pk}: {counted(Line.objects.filter(job=job).count(), 'line')} to ask for.", flush=True)


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
