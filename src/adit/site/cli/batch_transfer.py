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
from adit.jobs.check_totals import check_totals
from adit.jobs.files import keep_file
from adit.jobs.kinds.batch import BATCH_TRANSFER
from adit.jobs.models import Job
from adit.jobs.outcome_sheets import faulty_lines, outcome_sheet
from adit.jobs.states import JobStatus
from adit.jobs.submit import submit
from adit.site.cli import tables
from adit.site.cli.acting import me
from adit.site.cli.batch_faults import print_faults, refuse
from adit.site.cli.explaining import explained
from adit.site.cli.output import Failed, Misused, print_json, print_table
from adit.site.cli.pseudonymising import (
    Generate,
    ProfileOption,
    ProjectOption,
    TrialId,
    TrialName,
    UncheckedPixels,
    trial_of,
    wanted,
)
from adit.site.cli.reading import content, first_line
from adit.site.cli.sending import ArchivePassword, AsJson, AsNifti, Destination, Source, Urgent, Wait
from adit.site.cli.waiting import follow, until_ended, wait_for
from adit.transfer.batches.faults import Checked, of_lines
from adit.transfer.batches.rows import TransferRow
from adit.transfer.plan import Pseudonymising
from adit.transfer.sheets.reading import BadSheet

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def transfer(
    file: Annotated[Path, typer.Argument(help="A CSV or Excel file with a line for each study or series.")],
    source: Source,
    destination: Destination,
    worksheet: Annotated[str, typer.Option(help="Of an Excel file with several.", metavar="NAME")] = "",
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
    project: ProjectOption = None,
    generate: Generate = False,
    profile: ProfileOption = None,
    unchecked_pixels: UncheckedPixels = False,
    pseudonyms: Annotated[
        bool, typer.Option("--pseudonyms", help="Pseudonymise by those in the file, without a project.")
    ] = False,
    trial_protocol_id: TrialId = None,
    trial_protocol_name: TrialName = None,
    archive_password_file: ArchivePassword = None,
    nifti: AsNifti = False,
    urgent: Urgent = False,
    description: Annotated[str, typer.Option(help="What it is for.", metavar="TEXT")] = "",
    ethics_number: Annotated[str, typer.Option(help="Of the ethics committee.", metavar="TEXT")] = "",
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Transfer the studies of a file. The lines of one study are one task of the job.

    Where a line has a fault nothing is sent: all faults are said, and the exit code is 2.
    """
    for given in (good_rows_only, out):
        if given is not None and given.exists():
            raise Misused(f"{given} is there already, and is not replaced.")
    choices = Choices(
        source,
        destination,
        _pseudonymising(project, profile, generate=generate, unchecked_pixels=unchecked_pixels, brought=pseudonyms),
        trial_of(trial_protocol_id, trial_protocol_name),
        nifti=nifti,
        archive_password="" if archive_password_file is None else first_line(archive_password_file, "password"),
        urgent=urgent,
        description=description,
        ethics_number=ethics_number,
    )
    written, by = content(file), me()
    with explained(), transaction.atomic():
        try:
            kept = keep_file(
                written, file.name, kind=BATCH_TRANSFER.key, worksheet=worksheet, by=by, group=by.active_group
            )
            checked = check_file(kept, choices, by=by)
        except BadSheet as error:
            raise Failed(f"{file}: {error}") from error
        if checked.faults and (good_rows_only is None or not checked.good):
            refuse(file, checked, as_json=as_json)
        planned = plan_of(checked.good, choices, file=kept)
        job = submit_check(planned.plan, by=by) if dry_run else submit(planned.plan, by=by)
        rest = faulty_lines(kept, checked).content if checked.faults else None
    if good_rows_only is not None and rest is not None:
        tables.save(good_rows_only, rest)
    if not as_json:
        _say(checked, planned, good_rows_only)
    _follow(job, out, wait=wait, as_json=as_json)


def _pseudonymising(
    project: str | None, profile: str | None, *, generate: bool, unchecked_pixels: bool, brought: bool
) -> Pseudonymising | None:
    if brought and project is None and not generate:
        return Pseudonymising("", profile or "", unchecked_pixels=unchecked_pixels)
    return wanted(project, None, profile, generate=generate, unchecked_pixels=unchecked_pixels)


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
        {"lines": [line.number, *line.also], "outcome": line.outcome, "reason": line.reason, **line.details}
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
    print(f"Found: {totals.series} series, {totals.instances} instances, about {totals.size / 1e9:.3f} GB; {time}.")
    for reason, count in totals.behind.items():
        print(f"{count} series would stay behind: {reason}.")
    for reason, count in totals.risks.items():
        print(f"{count} series may show names: {reason}.")
    print("Nothing was sent.")
