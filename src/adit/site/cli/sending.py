"""The options of commands that make jobs: from where, to where, in what form, and what for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from adit.site.cli.reading import first_line

Source = Annotated[str, typer.Option("--from", help="The node to take from.", metavar="NODE")]
Destination = Annotated[str, typer.Option("--to", help="The node to send to.", metavar="NODE")]
ArchivePassword = Annotated[
    Path | None,
    typer.Option(help="Into one archive that opens with the password in this file.", metavar="FILE"),
]
OnlySeries = Annotated[
    list[str] | None, typer.Option(help="Only this series of the study; may be repeated.", metavar="UID")
]
Urgent = Annotated[bool, typer.Option("--urgent", help="Before what is not urgent.")]
Wait = Annotated[bool, typer.Option("--wait", help="Until it has ended; then print its ledger.")]


@dataclass(frozen=True, slots=True)
class Sent:
    """In what form studies are sent, and how soon."""

    archive_password_file: ArchivePassword = None
    nifti: Annotated[bool, typer.Option("--nifti", help="As NIfTI volumes.")] = False
    urgent: Urgent = False

    def password(self) -> str:
        return password_in(self.archive_password_file)


@dataclass(frozen=True, slots=True)
class Reason:
    """What a job is for."""

    description: Annotated[str, typer.Option(help="What it is for.", metavar="TEXT")] = ""
    ethics_number: Annotated[str, typer.Option(help="Of the ethics committee.", metavar="TEXT")] = ""


def password_in(file: Path | None) -> str:
    """The password of an archive; empty where there is none to be made."""
    return "" if file is None else first_line(file, "password")
