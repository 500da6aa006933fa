"""`adit job`: look at jobs, and act on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from adit.jobs.actions import perform
from adit.jobs.cutwords import words_of_job
from adit.jobs.linking import SeriesLink, series_of_job
from adit.jobs.models import Job
from adit.jobs.receipts import Form, issue
from adit.jobs.releasing import release as letting_pass
from adit.jobs.reports import job_list, job_report
from adit.jobs.states import Action
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.ledger import print_receipt, print_report
from adit.site.cli.output import AsJson, Failed, print_json, print_table
from adit.site.cli.tables import To, check, give
from adit.site.cli.words import give_cuts

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def job() -> None:
    """List, show, cancel, resume, retry, restart, release and link jobs."""


Number = Annotated[int, typer.Argument(help="The job's number.")]


@app.command(name="list")
def list_jobs(
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50, as_json: AsJson = False
) -> None:
    """List jobs, the newest first."""
    jobs = job_list(Job.objects.newest_first()[:limit])
    if as_json:
        print_json(jobs)
        return
    columns = ("id", "kind", "status", "source", "destination", "message")
    rows = ([*(each[column] for column in columns), _counted(each["tasks"])] for each in jobs)
    print_table((*columns, "tasks"), rows)


@app.command()
def show(number: Number, as_json: AsJson = False) -> None:
    """Show a job with its tasks and ledger."""
    _show(find_job(number), as_json=as_json)


@app.command()
def cancel(number: Number, as_json: AsJson = False) -> None:
    """Stop a job: what is stored stays, what is not is not sent."""
    _act(Action.CANCEL, number, as_json=as_json)


@app.command()
def resume(number: Number, as_json: AsJson = False) -> None:
    """Go on with a canceled job."""
    _act(Action.RESUME, number, as_json=as_json)


@app.command()
def retry(number: Number, as_json: AsJson = False) -> None:
    """Run the failed tasks of a job again; only what is missing is sent."""
    _act(Action.RETRY, number, as_json=as_json)


@app.command()
def restart(number: Number, as_json: AsJson = False) -> None:
    """Run all tasks of a job again from scratch."""
    _act(Action.RESTART, number, as_json=as_json)


@app.command()
def accept(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why it is complete although the ledger does not say so.")],
    as_json: AsJson = False,
) -> None:
    """Accept what is incomplete as complete, for a reason that stands in the audit trail and on the receipt."""
    with explained():
        _show(perform(Action.ACCEPT, find_job(number), by=me(), reason=reason), as_json=as_json)


@app.command()
def receipt(
    number: Number,
    for_recipient: Annotated[
        bool, typer.Option("--for-recipient", help="Without the original ids, and without who sent it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give out a signed receipt: what was expected, stored, confirmed, excluded and why, and what failed."""
    with explained():
        given = issue(find_job(number), Form.RECIPIENT if for_recipient else Form.INTERNAL, by=me())
    if as_json:
        print_json({"number": given.number, "code": given.code, **given.content})
    else:
        print_receipt(given)


@app.command()
def release(
    number: Number,
    attribute: Annotated[
        str, typer.Option(help="As the ledger names it, e.g. (0008,103E); or its keyword.", metavar="PATH")
    ],
    as_json: AsJson = False,
) -> None:
    """Let an attribute pass in which an identifier was found. What was stopped by it goes when the job is retried."""
    with explained():
        _show(letting_pass(find_job(number), attribute, by=me()), as_json=as_json)


@app.command()
def linking(number: Number, to: To = None, as_json: AsJson = False) -> None:
    """Say which study and series is which at the destination, for those who may link. Every look is recorded."""
    check(to)
    with explained():
        rows = series_of_job(find_job(number), by=me())
    give(SeriesLink, rows, to=to, as_json=as_json)


@app.command()
def words(number: Number, to: To = None, as_json: AsJson = False) -> None:
    """Say which words were cut out of descriptions, for those who may link: they may be names. Looks are recorded."""
    check(to)
    with explained():
        cuts = words_of_job(find_job(number), by=me())
    give_cuts(cuts, to=to, as_json=as_json)


def _counted(tasks: Mapping[str, int]) -> str:
    """How many tasks have which status, such as "3 success, 1 warning"."""
    return ", ".join(f"{number} {status}" for status, number in tasks.items())


def _act(action: Action, number: int, *, as_json: bool) -> None:
    with explained():
        _show(perform(action, find_job(number), by=me()), as_json=as_json)


def find_job(number: int) -> Job:
    """The job that has this number.

    Raises:
        Failed: There is none.
    """
    found = Job.objects.filter(pk=number).first()
    if found is None:
        raise Failed(f"There is no job {number}.")
    return found


def _show(found: Job, *, as_json: bool) -> None:
    report = job_report(found, by=me())
    if as_json:
        print_json(report)
    else:
        print_report(report)
