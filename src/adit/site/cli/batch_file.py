"""The file of a batch at the command line: kept, checked, and what of it may go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from adit.accounts.models import User
from adit.jobs.batchmodels import BatchFile
from adit.jobs.files import keep_file
from adit.jobs.outcome_sheets import faulty_lines
from adit.site.cli import tables
from adit.site.cli.batch_faults import refuse
from adit.site.cli.output import Failed, Misused
from adit.transfer.batches.faults import Checked, HasLines
from adit.transfer.sheets.reading import BadSheet

Row = TypeVar("Row", bound=HasLines)

Worksheet = Annotated[str, typer.Option(help="Of an Excel file with several.", metavar="NAME")]


def keep_and_check(
    file: Path,
    content: bytes,
    check: Callable[[BatchFile], Checked[Row]],
    *,
    kind: str,
    worksheet: str,
    by: User,
    good_rows_only: bool,
    as_json: bool,
) -> tuple[BatchFile, Checked[Row]]:
    """Keep *content* of *file* for a job of *kind*, and hold it against all rules.

    Raises:
        Failed: It cannot be read.
        typer.Exit: A line has a fault, and no other goes on without it. All faults have been said.
    """
    try:
        kept = keep_file(content, file.name, kind=kind, worksheet=worksheet, by=by, group=by.active_group)
        checked = check(kept)
    except BadSheet as error:
        raise Failed(f"{file}: {error}") from error
    if checked.faults and not (good_rows_only and checked.good):
        refuse(file, checked, as_json=as_json)
    return kept, checked


def rest_of(kept: BatchFile, checked: Checked[Any]) -> bytes | None:
    """The lines that have a fault, as a file of the same form; None where there are none."""
    return faulty_lines(kept, checked).content if checked.faults else None


def save_rest(into: Path | None, rest: bytes | None) -> None:
    if into is not None and rest is not None:
        tables.save(into, rest)


def see_it_is_new(*files: Path | None) -> None:
    """See that nothing is replaced.

    Raises:
        Misused: One of *files* is there already.
    """
    for file in files:
        if file is not None and file.exists():
            raise Misused(f"{file} is there already, and is not replaced.")
