"""`adit mass`: everything of a range of dates that meets criteria, from a node to a node, as a job."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from adit.jobs.mass import ESTIMATE_SECONDS, Order, estimated, may_estimate, plan_of
from adit.jobs.reports import job_report
from adit.jobs.submit import submit
from adit.nodes.finding import find_node
from adit.site.cli.acting import me
from adit.site.cli.criteria_options import with_sweep
from adit.site.cli.explaining import explained
from adit.site.cli.option_groups import with_groups
from adit.site.cli.output import AsJson, Misused, counted, print_json, print_table
from adit.site.cli.progress import Progress
from adit.site.cli.pseudonymising import Treated
from adit.site.cli.searching import searching
from adit.site.cli.sending import Destination, Reason, Source, Wait
from adit.site.cli.waiting import wait_for
from adit.transfer.estimating import SAMPLE, Estimate
from adit.transfer.mass.partitions import Sweep

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def mass() -> None:
    """Find, and transfer, everything of a range of dates that meets criteria."""


Seconds = Annotated[float, typer.Option(help="How long the node is asked at most.", min=1)]
Sample = Annotated[int, typer.Option(help="Ask at most so many partitions, spread over the dates.", min=1)]


@app.command()
@with_sweep
def plan(
    *,
    source: Source,
    seconds: Seconds = ESTIMATE_SECONDS,
    sample: Sample = SAMPLE,
    as_json: AsJson = False,
    sweep: Sweep,
) -> None:
    """Say how much a mass transfer would move, and how it would be ordered again. By queries only: nothing is sent."""
    found = _estimate(source, sweep, seconds=seconds, sample=sample)
    if as_json:
        print_json({"sweep": sweep.to_json(), "estimate": _told(found)})
        return
    _print(found)
    print(json.dumps(sweep.to_json(), ensure_ascii=False))


@app.command()
@with_groups
@with_sweep
def transfer(
    *,
    source: Source,
    destination: Destination,
    treated: Treated,
    reason: Reason,
    estimate: Annotated[bool, typer.Option("--estimate", help="Say first how much it would move.")] = False,
    urgent: Annotated[bool, typer.Option("--urgent", help="Refused: a mass transfer is never urgent.")] = False,
    wait: Wait = False,
    as_json: AsJson = False,
    sweep: Sweep,
) -> None:
    """Transfer everything that is found. Each partition, and each study that it has, is a task of the job.

    With --project every patient gets the pseudonym of the project; without, the studies go as they are.
    """
    if urgent:
        raise Misused("A mass transfer is never urgent; nothing was done.")
    treated.pseudonymising(ways="--project")
    order = Order(
        source,
        destination,
        sweep,
        treated.project or "",
        treated.profile or "",
        treated.unchecked_pixels,
        treated.trial(),
        reason.description,
        reason.ethics_number,
    )
    found = _estimate(source, sweep, seconds=ESTIMATE_SECONDS, sample=SAMPLE) if estimate else None
    with explained():
        job = submit(plan_of(order), by=me())
    if found is not None and not as_json:
        _print(found)
    if wait:
        wait_for(job, as_json=as_json)
    elif as_json:
        print_json({**job_report(job, by=job.owner), **({"estimate": _told(found)} if found else {})})
    else:
        print(f"Job {job.pk}: {counted(len(sweep.spans()), 'partition')}, {job.status}.")


def _estimate(source: str, sweep: Sweep, *, seconds: float, sample: int) -> Estimate:
    by = me()
    with explained():
        node = find_node(source)
        may_estimate(node, user=by, group=by.active_group).require()
        with searching(node, by=by) as opened, Progress("partitions asked") as progress:
            return estimated(
                sweep, node, opened, by=by, seconds=seconds, sample=sample, asked=lambda *_: progress.step()
            )


def _print(found: Estimate) -> None:
    title = "Exactly" if found.exact else "About"
    size = "unknown" if found.size is None else f"{found.size / 1e9:.1f}"
    print_table(
        ("studies", "series", "instances", "GB"),
        [[found.studies, _said(found.series), _said(found.instances), size]],
    )
    print(f"{title}: {found}.")
    if found.untold:
        print(f"The source tells of no study: {', '.join(found.untold).lower()}; that filter cannot be decided.")


def _said(number: int | None) -> object:
    return "unknown" if number is None else number


def _told(found: Estimate) -> dict[str, Any]:
    names = ("studies", "series", "instances", "size", "partitions", "asked", "days", "days_asked", "exact")
    return {**{name: getattr(found, name) for name in names}, "untold": list(found.untold), "how": str(found)}
