"""`adit transfer`: studies from a node to a node, as a job."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from adit.dicom.errors import DicomError
from adit.dicom.refs import UID, uid
from adit.jobs.models import Job
from adit.jobs.reports import job_report
from adit.jobs.states import JOB_ENDED, JobStatus
from adit.jobs.submit import submit
from adit.nodes.finding import find_node
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.ledger import print_report
from adit.site.cli.output import Failed, Misused, print_json
from adit.site.cli.searching import searching
from adit.transfer.plan import Plan, TransferStudy
from adit.transfer.planners import read_studies, resolve

app = typer.Typer(add_completion=False, rich_markup_mode=None)

POLL = 0.1
"""Seconds between two looks at a job that is waited for."""

LATER = "is part of a later release; nothing was sent"


@app.command()
def transfer(
    source: Annotated[str, typer.Option("--from", help="The node to take from.", metavar="NODE")],
    destination: Annotated[str, typer.Option("--to", help="The node to send to.", metavar="NODE")],
    study: Annotated[str | None, typer.Option(help="Study Instance UID.", metavar="UID")] = None,
    series: Annotated[
        list[str] | None, typer.Option(help="Only this series of the study; may be repeated.", metavar="UID")
    ] = None,
    studies: Annotated[
        Path | None, typer.Option(help="A file with a Study Instance UID a line.", metavar="FILE")
    ] = None,
    archive_password_file: Annotated[
        Path | None,
        typer.Option(help="Into one archive that opens with the password in this file.", metavar="FILE"),
    ] = None,
    nifti: Annotated[bool, typer.Option("--nifti", help="As NIfTI volumes.")] = False,
    urgent: Annotated[bool, typer.Option("--urgent", help="Before what is not urgent.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended; then print its ledger.")] = False,
    pseudonym: Annotated[str | None, typer.Option(help=f"Pseudonymising {LATER}.")] = None,
    project: Annotated[str | None, typer.Option(help=f"Pseudonymising {LATER}.")] = None,
    profile: Annotated[str | None, typer.Option(help=f"Pseudonymising {LATER}.")] = None,
    trial_protocol_id: Annotated[str | None, typer.Option(help=f"Pseudonymising {LATER}.")] = None,
    trial_protocol_name: Annotated[str | None, typer.Option(help=f"Pseudonymising {LATER}.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Transfer one study, some of its series, or all studies of a file. Each study is a task of the job."""
    treatment = {
        "--pseudonym": pseudonym,
        "--project": project,
        "--profile": profile,
        "--trial-protocol-id": trial_protocol_id,
        "--trial-protocol-name": trial_protocol_name,
    }
    for option, value in treatment.items():
        if value is not None:
            raise Misused(f"{option} {LATER}.")
    password = "" if archive_password_file is None else _password(archive_password_file)
    with explained():
        items = _items(study, series or [], studies)
        items = _looked_up(source, items)
        plan = Plan("selective", source, destination, items, urgent=urgent, nifti=nifti, archive_password=password)
        job = submit(plan, by=me())
    if wait:
        _wait(job, as_json=as_json)
    elif as_json:
        print_json(job_report(job))
    else:
        print(f"Job {job.pk}: {len(items)} {'study' if len(items) == 1 else 'studies'}, {job.status}.")


def _items(study: str | None, series: Sequence[str], file: Path | None) -> tuple[TransferStudy, ...]:
    if (study is None) == (file is None):
        raise Misused("Name what to transfer: --study UID, or --studies FILE.")
    if study is not None:
        return (TransferStudy(uid(study), tuple(dict.fromkeys(map(uid, series)))),)
    if series:
        raise Misused("--series goes with --study.")
    assert file is not None
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.") from error
    return tuple(TransferStudy(each) for each in read_studies(text.splitlines()))


def _password(file: Path) -> str:
    """The first line of *file*, without its end."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            password = opened.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.") from error
    if not password:
        raise Misused(f"{file} holds no password: it has to be its first line.")
    return password


def _looked_up(source: str, items: tuple[TransferStudy, ...]) -> tuple[TransferStudy, ...]:
    """*items* as the source knows them. A source that does not answer now is asked again by the worker.

    Raises:
        Failed: The source answers, and has none of the studies.
    """
    node = find_node(source)
    try:
        with searching(node, by=me()) as found:
            resolved = resolve(found, items)
    except DicomError as error:
        print(f"adit: {error}; the job will try", file=sys.stderr)
        return items
    if len(resolved.unknown) == len(items):
        raise Failed(f"{node.name} does not have {_named(resolved.unknown)}; nothing was sent.")
    if resolved.unknown:
        print(f"adit: {node.name} does not have {_named(resolved.unknown)}", file=sys.stderr)
    return resolved.items


def _named(studies: Sequence[UID]) -> str:
    shown = ", ".join(studies[:3])
    if len(studies) == 1:
        return f"study {shown}"
    return f"{len(studies)} of the studies: {shown}{', …' if len(studies) > 3 else ''}"


def _wait(job: Job, *, as_json: bool) -> None:
    while job.status not in JOB_ENDED and job.status != JobStatus.UNVERIFIED:
        time.sleep(POLL)
        job.refresh_from_db()
    report = job_report(job)
    if as_json:
        print_json(report)
    else:
        print_report(report)
    if job.status != JobStatus.SUCCESS:
        print(f"adit: job {job.pk} ended as {job.status}: {job.message}", file=sys.stderr)
        raise typer.Exit(1)
