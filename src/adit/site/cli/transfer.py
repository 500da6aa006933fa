"""`adit transfer`: studies from a node to a node, as a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from adit.jobs.submit import submit
from adit.nodes.finding import find_node
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.looking_up import looked_up
from adit.site.cli.option_groups import with_groups
from adit.site.cli.output import AsJson, Misused
from adit.site.cli.pseudonymising import Generate, Pseudonym, Treated
from adit.site.cli.reading import text, uid_of
from adit.site.cli.sending import Destination, OnlySeries, Sent, Source, Wait
from adit.site.cli.waiting import follow
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan
from adit.transfer.planners import read_studies

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
@with_groups
def transfer(
    *,
    source: Source,
    destination: Destination,
    study: Annotated[str | None, typer.Option(help="Study Instance UID.", metavar="UID")] = None,
    series: OnlySeries = None,
    studies: Annotated[
        Path | None, typer.Option(help="A file with a Study Instance UID a line.", metavar="FILE")
    ] = None,
    sent: Sent,
    wait: Wait = False,
    pseudonym: Pseudonym = None,
    generate: Generate = False,
    treated: Treated,
    as_json: AsJson = False,
) -> None:
    """Transfer one study, some of its series, or all studies of a file. Each study is a task of the job."""
    pseudonymising = treated.pseudonymising(pseudonym, generate=generate)
    trial, password = treated.trial(), sent.password()
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
            urgent=sent.urgent,
            nifti=sent.nifti,
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
        only = tuple(dict.fromkeys(uid_of("--series", each) for each in series))
        return (TransferStudy(uid_of("--study", study), only),)
    if series:
        raise Misused("--series goes with --study.")
    assert file is not None
    return tuple(TransferStudy(each) for each in read_studies(text(file).splitlines()))
