"""`adit batch check`: hold a batch file against all rules, without a job and without a PACS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from adit.jobs.batch_transfers import Choices, check_sheet
from adit.site.cli import tables
from adit.site.cli.acting import me
from adit.site.cli.batch_faults import print_faults
from adit.site.cli.batch_file import Worksheet
from adit.site.cli.explaining import explained
from adit.site.cli.output import AsJson, Failed, Misused, print_json, print_table
from adit.site.cli.reading import content
from adit.transfer.batches.columns import NAME_OF, QUERY, TRANSFER
from adit.transfer.batches.headings import kind_of
from adit.transfer.batches.rows import TransferRow
from adit.transfer.batches.validating import (
    Checked,
    Pseudonyms,
    check_queries,
    check_transfers,
    errors_of,
    faults_json,
)
from adit.transfer.plan import Pseudonymising
from adit.transfer.sheets.reading import BadSheet, Sheet, read_sheet
from adit.transfer.sheets.returning import with_columns

app = typer.Typer(add_completion=False, rich_markup_mode=None)

ERRORS = "Errors"
"""The column that says what is wrong with a line."""

_KINDS = {"query": QUERY, "transfer": TRANSFER}


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A CSV or Excel file.", metavar="FILE")],
    kind: Annotated[
        str | None, typer.Option(help="query or transfer; without it, what names studies is a transfer.")
    ] = None,
    worksheet: Worksheet = "",
    pseudonyms_required: Annotated[
        bool, typer.Option("--pseudonyms-required", help="Every line of a transfer has to have one.")
    ] = False,
    project: Annotated[
        str | None,
        typer.Option(help="Say also which lines of a transfer this project refuses; needs --from.", metavar="NAME"),
    ] = None,
    source: Annotated[str | None, typer.Option("--from", help="Where a transfer comes from.", metavar="NODE")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the same file with a column Errors; only its owner can read it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with a batch file. Nothing is sent, and nothing is kept.

    The exit code is 1 where something is wrong.
    """
    if kind is not None and kind not in _KINDS:
        raise Misused(f"--kind: '{kind}' is neither query nor transfer.")
    if (project is None) != (source is None):
        raise Misused("--project and --from belong together: whose an id is depends on where it comes from.")
    written = content(file)
    try:
        sheet = read_sheet(written, file.name, worksheet=worksheet)
        meant = _KINDS[kind] if kind else kind_of(sheet.columns)
        if project is not None and source is not None and meant == TRANSFER:
            checked: Checked[Any] = _checked_for(sheet, project, source)
        else:
            checked = _checked(sheet, meant, required=pseudonyms_required)
        if out is not None:
            errors = {line: [" ".join(sentences)] for line, sentences in errors_of(checked).items()}
            tables.save(out, with_columns(written, file.name, sheet, [ERRORS], errors))
    except BadSheet as error:
        raise Failed(f"{file}: {error}") from error
    if as_json:
        print_json({"file": file.name, "read_as": sheet.how, "kind": meant, **faults_json(checked)})
    else:
        _show(file, sheet, meant, checked)
        if out is not None:
            print(f"The file with a column {ERRORS} is {out}.")
    if checked.faults:
        raise typer.Exit(1)


def _checked_for(sheet: Sheet, project: str, source: str) -> Checked[TransferRow]:
    with explained():
        return check_sheet(sheet, Choices(source, "", Pseudonymising(project)), by=me())


def _checked(sheet: Sheet, kind: str, *, required: bool) -> Checked[Any]:
    if kind == QUERY:
        return check_queries(sheet)
    return check_transfers(sheet, pseudonyms=Pseudonyms.REQUIRED if required else Pseudonyms.OPTIONAL)


def _show(file: Path, sheet: Sheet, kind: str, checked: Checked[Any]) -> None:
    print(f"{file}: {sheet.how}, read as a {NAME_OF[kind]}.")
    print_table(("column", "is taken for"), [(taken.written, taken.keyword or None) for taken in checked.columns])
    print_faults(checked)
    good = sum(len(row.lines) for row in checked.good)
    print(f"{good} of {len(checked.lines)} lines are right.")
