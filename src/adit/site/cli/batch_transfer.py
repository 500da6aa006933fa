"""`adit batch transfer`: the studies of a file, from a node to a node, as a job; or only what would become of them."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from django.db import transaction

from adit.jobs.batch_transfers import Choices, Planned, check_file, plan_of, submit_check
from adit.jobs.batchmodels import Line, Outcome
from adit.jobs.check_totals import check_totals, series_going
from adit.jobs.kinds.batch import BATCH_TRANSFER
from adit.jobs.models import Job
from adit.jobs.options import Options
from adit.jobs.outcome_sheets import outcome_sheet
from adit.jobs.states import JobStatus
from adit.jobs.submit import submit
from adit.site.cli import tables
from adit.site.cli.acting import me
from adit.site.cli.batch_faults import print_faults
from adit.site.cli.batch_file import Worksheet, keep_and_check, rest_of, save_rest, see_it_is_new
from adit.site.cli.explaining import explained
from adit.site.cli.option_groups import with_groups
from adit.site.cli.output import AsJson, Misused, counted, print_json, print_table
from adit.site.cli.pseudonymising import Generate, Treated
from adit.site.cli.reading import content
from adit.site.cli.sending import Destination, Reason, Sent, Source, Wait
from adit.site.cli.waiting import follow, until_ended, wait_for
from adit.transfer.batches.faults import Checked, of_lines
from adit.transfer.batches.rows import TransferRow
from adit.transfer.plan import Pseudonymising, Trial

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
@with_groups
def transfer(
    *,
    file: Annotated[Path, typer.Argument(help="A CSV or Excel file with a line for each study or series.")],
    source: Source,
    destination: Destination,
    worksheet: Worksheet = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only ask the node what would become of each line. Nothing is sent.")
    ] = False,
    good_rows_only: Annotated[
        Path | None,
        typer.Option(help="Send the lines without a fault, and write the others into this file.", metavar="REST"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Wait, then write the same file with what became of each line.", metavar="RESULT"),
    ] = None,
    generate: Generate = False,
    pseudonyms: Annotated[
        bool, typer.Option("--pseudonyms", help="Pseudonymise by those in the file, without a project.")
    ] = False,
    treated: Treated,
    sent: Sent,
    reason: Reason,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Transfer the studies of a file. The lines of one study are one task of the job.

    Where a line has a fault nothing is sent: all faults are said, and the exit code is 2.
    """
    see_it_is_new(good_rows_only, out)
    pseudonymising = _pseudonymising(treated, generate=generate, brought=pseudonyms)
    choices = _choices(source, destination, pseudonymising, treated.trial(), sent, reason)
    written, by = content(file), me()
    with explained(), transaction.atomic():
        kept, checked = keep_and_check(
            file,
            written,
            lambda kept: check_file(kept, choices, by=by),
            kind=BATCH_TRANSFER.key,
            worksheet=worksheet,
            by=by,
            good_rows_only=good_rows_only is not None,
            as_json=as_json,
        )
        if pseudonymising is None and any(row.pseudonym for row in checked.good):
            raise Misused(
                "The file has pseudonyms, but nothing says that they are to be used: give --project NAME, or without a"
                " project --pseudonyms; or leave the column out. Nothing was sent."
            )
        planned = plan_of(checked.good, choices, file=kept)
        job = submit_check(planned.plan, by=by) if dry_run else submit(planned.plan, by=by)
        rest = rest_of(kept, checked)
    save_rest(good_rows_only, rest)
    if not as_json:
        _say(checked, planned, good_rows_only)
    _follow(job, out, wait=wait, as_json=as_json)


def _pseudonymising(treated: Treated, *, generate: bool, brought: bool) -> Pseudonymising | None:
    if brought and treated.project is None and not generate:
        return Pseudonymising("", treated.profile or "", unchecked_pixels=treated.unchecked_pixels)
    return treated.pseudonymising(generate=generate, ways="--project, --pseudonyms or --generate")


def _choices(
    source: str, destination: str, pseudonymising: Pseudonymising | None, trial: Trial, sent: Sent, reason: Reason
) -> Choices:
    return Choices(
        source,
        destination,
        pseudonymising,
        trial,
        nifti=sent.nifti,
        archive_password=sent.password(),
        urgent=sent.urgent,
        description=reason.description,
        ethics_number=reason.ethics_number,
    )


def _say(checked: Checked[TransferRow], planned: Planned, rest: Path | None) -> None:
    print_faults(checked)
    if checked.faults:
        print(f"The lines that have a fault are in {rest}.")
    for notice in planned.notices:
        print(f"Notice: {notice}")


def _follow(job: Job, out: Path | None, *, wait: bool, as_json: bool) -> None:
    """Wait where that was asked for, and give back what became of the lines."""
    check = not job.tasks.filter(destination__isnull=False).exists()
    if not (wait or out or check):
        follow(job, wait=False, as_json=as_json)
        return
    if check and not as_json:
        print(f"Job {job.pk}: {counted(Line.objects.filter(job=job).count(), 'line')} to ask for.", flush=True)
    until_ended(job)
    if out is not None:
        tables.save(out, outcome_sheet(job, by=job.owner).content)
    if not check:
        wait_for(job, as_json=as_json)
    elif as_json:
        print_json({"job": job.pk, "status": job.status, **asdict(check_totals(job)), "lines": _lines(job)})
    else:
        _print_check(job)
    lacking = Line.objects.filter(job=job).exclude(outcome__in=(Outcome.FOUND, Outcome.ALREADY_THERE))
    if check and (lacking.exists() or job.status != JobStatus.SUCCESS):
        print(f"adit: {job.message}", file=sys.stderr)
        raise typer.Exit(1)


def _lines(job: Job) -> list[dict[str, Any]]:
    return [
        {
            "lines": [line.number, *line.also],
            "outcome": line.outcome,
            "reason": line.reason,
            **line.details,
            "series": series_going(line.details),
        }
        for line in Line.objects.filter(job=job)
    ]


def _print_check(job: Job) -> None:
    told = [
        (of_lines([line.number, *line.also]).removeprefix("line").removeprefix("s").strip(), line.outcome, line.reason)
        for line in Line.objects.filter(job=job).exclude(outcome=Outcome.FOUND)
    ]
    if told:
        print_table(("lines", "outcome", "reason"), told)
    totals = check_totals(job)
    print(f"{job.message}.")
    time = "how long is not known" if totals.seconds is None else f"about {totals.seconds:.0f} s, one after the other"
    size = f"{totals.instances} instances, about {totals.size / 1e9:.3f} GB; {time}"
    print(f"Would go: {totals.series} series, {size}.")
    for reason, count in totals.behind.items():
        print(f"{count} series would stay behind: {reason}.")
    for reason, count in totals.risks.items():
        print(f"{count} series may show names: {reason}.")
    some, treating = totals.unchecked, Options.of(job).treating
    if some.series and treating is not None and not treating.unchecked_pixels:
        print(f"adit batch send {job.pk} --unchecked-pixels would send {some.series} of them, too.")
    print(f"Nothing was sent{f'; adit batch send {job.pk} sends what was found' if totals.series else ''}.")
