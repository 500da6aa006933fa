"""`adit batch check`: hold a batch file against all rules, without a job and without a PACS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from adit.site.cli import tables
from adit.site.cli.batch_faults import print_faults
from adit.site.cli.output import Failed, Misused, print_json, print_table
from adit.site.cli.reading import content
from adit.transfer.batches.columns import NAME_OF, QUERY, TRANSFER
from adit.transfer.batches.headings import kind_of
from adit.transfer.batches.validating import (
    Checked,
    Pseudonyms,
    check_queries,
    check_transfers,
    errors_of,
    faults_json,
)
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
    worksheet: Annotated[str, typer.Option(help="Of an Excel file with several.", metavar="NAME")] = "",
    pseudonyms_required: Annotated[
        bool, typer.Option("--pseudonyms-required", help="Every line of a transfer has to have one.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write the same file with a column Errors; only its owner can read it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say everything that is wrong with a batch file. Nothing is sent, and nothing is kept.

    The exit code is 1 where something is wrong.
    """
    if kind is not None and kind not in _KINDS:
        raise Misused("--kind is query or transfer.")
    written = content(file)
    try:
        sheet = read_sheet(written, file.name, worksheet=worksheet)
        meant = _KINDS[kind] if kind else kind_of(sheet.columns)
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
