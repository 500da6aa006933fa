"""What is wrong with a batch file, for a person at the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import typer

from adit.site.cli.output import print_json, print_table
from adit.transfer.batches.faults import Checked, enumerated, faults_json, grouped


def refuse(file: Path, checked: Checked[Any], *, as_json: bool) -> NoReturn:
    """Say all faults of *file*, and leave with the exit code 2."""
    good = sum(len(row.lines) for row in checked.good)
    advice = "mend the others, or go on with the good ones alone by --good-rows-only REST" if good else "mend them"
    sentence = f"{good} of {len(checked.lines)} lines of {file} are right: {advice}. Nothing was done."
    if as_json:
        print_json({"error": sentence, "file": file.name, **faults_json(checked)})
    else:
        print_faults(checked)
    print(f"adit: {sentence}", file=sys.stderr)
    raise typer.Exit(2)


def print_faults(checked: Checked[Any]) -> None:
    """Say what is wrong, grouped, and what a person may not expect."""
    for notice in checked.notices:
        print(f"Notice: {notice}")
    if checked.faults:
        print_table(
            ("column", "what is wrong", "times", "lines", "such as"),
            [
                (group.column, group.reason, group.count, enumerated(group.lines), enumerated(group.values))
                for group in grouped(checked)
            ],
        )
