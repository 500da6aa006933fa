"""`adit transfer`: studies from a node to a node, as a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from adit.dicom.refs import uid
from adit.jobs.submit import submit
from adit.nodes.finding import find_node
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.looking_up import looked_up
from adit.site.cli.output import Misused
from adit.site.cli.pseudonymising import (
    Generate,
    ProfileOption,
    ProjectOption,
    Pseudonym,
    TrialId,
    TrialName,
    UncheckedPixels,
    trial_of,
    wanted,
)
from adit.site.cli.reading import first_line
from adit.site.cli.sending import ArchivePassword, AsJson, AsNifti, Destination, Source, Urgent, Wait
from adit.site.cli.waiting import follow
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan
from adit.transfer.planners import read_studies

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def transfer(
    source: Source,
    destination: Destination,
    study: Annotated[str | None, typer.Option(help="Study Instance UID.", metavar="UID")] = None,
    series: Annotated[
        list[str] | None, typer.Option(help="Only this series of the study; may be repeated.", metavar="UID")
    ] = None,
    studies: Annotated[
        Path | None, typer.Option(help="A file with a Study Instance UID a line.", metavar="FILE")
    ] = None,
    archive_password_file: ArchivePassword = None,
    nifti: AsNifti = False,
    urgent: Urgent = False,
    wait: Wait = False,
    project: ProjectOption = None,
    pseudonym: Pseudonym = None,
    generate: Generate = False,
    profile: ProfileOption = None,
    unchecked_pixels: UncheckedPixels = False,
    trial_protocol_id: TrialId = None,
    trial_protocol_name: TrialName = None,
    as_json: AsJson = False,
) -> None:
    """Transfer one study, some of its series, or all studies of a file. Each study is a task of the job."""
    pseudonymising = wanted(project, pseudonym, profile, generate=generate, unchecked_pixels=unchecked_pixels)
    trial = trial_of(trial_protocol_id, trial_protocol_name)
    password = "" if archive_password_file is None else first_line(archive_password_file, "password")
    with explained():
        items = _items(study, series or [], studies)
        if pseudonym is not None:
            items = tuple(replace(item, pseudonym=pseudonym) for item in items)
        items = looked_up(find_node(source), items, pseudonymising)
        plan = Plan(
            "selective",
            source,
            destination,
            items,
            urgent=urgent,
            nifti=nifti,
            archive_password=password,
            pseudonymising=pseudonymising,
            trial=trial,
        )
        job = submit(plan, by=me())
    follow(job, wait=wait, as_json=as_json)


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
