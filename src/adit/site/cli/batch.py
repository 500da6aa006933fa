"""`adit batch`: files with many patients or studies, checked, asked for and sent."""

from __future__ import annotations

import typer

from adit.site.cli import batch_check, batch_outcome, batch_query, batch_transfer

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
app.command()(batch_check.check)
app.command()(batch_query.query)
app.command()(batch_transfer.transfer)
app.command()(batch_outcome.send)
app.command()(batch_outcome.result)


@app.callback()
def batch() -> None:
    """Check a file with many patients or studies, find what it describes, or transfer what it names."""
