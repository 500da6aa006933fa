"""`adit audit`: the audit trail as a file, and what becomes of old events."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from django.db import transaction

from adit.audit.record import record
from adit.audit.retention import TooYoung, prune
from adit.audit.searching import Wanted
from adit.site.cli.acting import me
from adit.site.cli.output import AsJson, Misused, counted, print_json
from adit.web.audit.files import FORMS, pieces

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Who did what to whom, and for how long."
)


@app.command("export")
def export_events(
    form: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
    since: Annotated[str, typer.Option(metavar="DATE", help="From this day (UTC) on.")] = "",
    until: Annotated[str, typer.Option(metavar="DATE", help="Before this day (UTC).")] = "",
    patient: Annotated[str, typer.Option(help="Only what was done with this PatientID.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Write the audit trail to standard output. That is an event, too."""
    if form not in FORMS:
        raise Misused(f"--format: '{form}' is neither csv nor json.")
    form = "json" if as_json else form
    wanted = Wanted(
        since=_day("--since", since) if since else None,
        until=_day("--until", until) if until else None,
        patient=patient,
    )
    details = {name: value for name, value in (("since", since), ("until", until), ("file", form)) if value}
    record("audit.exported", by=me(), patient_id=patient, details=details)
    for piece in pieces(wanted, form, patients=True):
        sys.stdout.write(piece)


@app.command("prune")
def prune_events(
    before: Annotated[str, typer.Option(metavar="DATE", help="Remove what happened before this day (UTC).")],
    as_json: AsJson = False,
) -> None:
    """Remove old events for good; what is younger than 30 days stays. That they were removed is an event itself."""
    earliest = _day("--before", before)
    try:
        with transaction.atomic():
            gone = prune(earliest, by=me(), now=datetime.now(UTC))
    except TooYoung as young:
        raise Misused(f"--before: {young}") from young
    if as_json:
        print_json({"removed": gone, "before": earliest})
    else:
        print(f"Removed: {counted(gone, 'event')} from before {earliest:%Y-%m-%d}.")


def _day(option: str, text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Misused(f"{option} wants a day, such as 2025-12-31.") from None
