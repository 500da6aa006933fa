"""Tables that a command gives: on the terminal, as JSON, or into a file that only its owner can read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from adit.projects.tables import as_csv, as_excel
from adit.site.cli.output import Failed, Misused, counted, print_json, print_table

To = Annotated[
    Path | None,
    typer.Option("--to", help="Into this file: .csv or .xlsx. Only its owner can read it.", metavar="FILE"),
]

_FORMS = {".csv": as_csv, ".xlsx": as_excel}


def check(to: Path | None) -> None:
    """See that *to* can be written in one of the forms, before anything is looked up.

    Raises:
        Misused: It ends otherwise.
    """
    if to is not None and to.suffix.lower() not in _FORMS:
        raise Misused(f"{to} is neither .csv nor .xlsx.")


def give(kind: type[Any], rows: Sequence[Any], *, to: Path | None, as_json: bool) -> None:
    """Print *rows*, dataclasses of *kind*, or write them to a file."""
    if to is not None:
        save(to, _FORMS[to.suffix.lower()](kind, rows))
        if not as_json:
            print(f"{counted(len(rows), 'line')} in {to}.")
    if as_json:
        print_json([asdict(row) for row in rows])
    elif to is None:
        print_table([field.name for field in fields(kind)], map(astuple, rows))


def save(file: Path, content: bytes) -> None:
    """Write *file*, with mode 0600; one that is there is not replaced.

    Raises:
        Failed: It cannot be written.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
    except OSError as error:
        raise Failed(f"{file} cannot be written: {error.strerror}.") from error
