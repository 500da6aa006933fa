"""The options with which studies are sent: those of `adit transfer` and `adit batch transfer`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Source = Annotated[str, typer.Option("--from", help="The node to take from.", metavar="NODE")]
Destination = Annotated[str, typer.Option("--to", help="The node to send to.", metavar="NODE")]
ArchivePassword = Annotated[
    Path | None,
    typer.Option(help="Into one archive that opens with the password in this file.", metavar="FILE"),
]
AsNifti = Annotated[bool, typer.Option("--nifti", help="As NIfTI volumes.")]
Urgent = Annotated[bool, typer.Option("--urgent", help="Before what is not urgent.")]
Wait = Annotated[bool, typer.Option("--wait", help="Until it has ended; then print its ledger.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
