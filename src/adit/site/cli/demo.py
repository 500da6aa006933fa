"""`adit demo`: everything at once, with demo PACS, and a study that moves before one's eyes."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from adit.site.background import Background
from adit.site.cli.output import print_json
from adit.site.cli.running import connect
from adit.site.demo.processes import DEMO_PACS, HOST, DemoPacs, chosen_ports, process_of, receiver_port
from adit.site.env import config
from adit.site.supervise import Supervisor
from adit.site.wiring import configure_logging

if TYPE_CHECKING:
    from adit.jobs.models import Job

app = typer.Typer(add_completion=False, rich_markup_mode=None)

SOURCE, DESTINATION, LIAR = DEMO_PACS

EXCLUDED = ("PR", "SR")
"""Modalities that the demo leaves behind when it pseudonymises."""


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the first transfer.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: print the job as JSON.")] = False,
) -> None:
    """Start ADIT with demo PACS, transfer a study between them, print the ledger, and keep running."""
    # For its processes, too, and for the settings of this one.
    os.environ["ADIT_DEMO"] = "true"
    config.cache_clear()
    configure_logging(config())
    began = time.monotonic()
    ports = chosen_ports()
    receiver = (HOST, receiver_port(config().receiver_port))
    extra = [process_of(pacs, ports, config().home, receiver={config().ae_title: receiver[1]}) for pacs in DEMO_PACS]
    shown = replace(config(), excluded_modalities=config().excluded_modalities or EXCLUDED)
    with Background(Supervisor(shown, extra=extra, any_port=True, receiver=receiver)) as running:
        connect(running.supervisor.database_url)
        complete = _show_first(ports, running.supervisor.web_url, began, as_json=as_json and once)
        if once:
            raise typer.Exit(0 if complete else 1)
        from adit.site.cli.acting import me  # noqa: PLC0415
        from adit.site.demo.history import finish_history, make_history  # noqa: PLC0415

        jobs = make_history(by=me())
        if jobs:
            print(f"\n{len(jobs)} more jobs of the demo's people run meanwhile.", flush=True)
        _show_liar()
        finish_history()
        print("\nEverything keeps running until Ctrl-C.", flush=True)
        running.wait()


def _show_first(ports: dict[str, int], web_url: str, began: float, *, as_json: bool) -> bool:
    from adit.jobs.reports import job_report  # noqa: PLC0415  needs Django, which needs the database
    from adit.site.cli.ledger import print_report  # noqa: PLC0415
    from adit.site.demo.patients import studies  # noqa: PLC0415

    _tell("ADIT and its demo PACS run; a CT of 300 slices goes on its way.", quiet=as_json)
    _configure(ports)
    job = _transferred(SOURCE, studies()[0].uid)
    report = job_report(job)
    if as_json:
        print_json(report)
    else:
        print_report(report)
        print(f"From nothing to here: {time.monotonic() - began:.1f} s.")
        print(f"The web application: {web_url}", flush=True)
    entries = [entry for task in report["tasks"] for entry in task["entries"]]
    return report["status"] == "success" and bool(entries) and all(e["stored"] == e["expected"] for e in entries)


def _show_liar() -> None:
    from adit.jobs.reports import job_report  # noqa: PLC0415
    from adit.site.cli.ledger import print_report  # noqa: PLC0415
    from adit.site.demo.patients import miscounted_study  # noqa: PLC0415

    print(f"\n{LIAR.name} sends 409 of 412 instances and says that it sent all. ADIT asks twice (10 s) …", flush=True)
    print_report(job_report(_transferred(LIAR, miscounted_study().uid)))


def _configure(ports: dict[str, int]) -> None:
    """Make the nodes of the demo PACS, or tell them where the PACS listen today."""
    from adit.nodes import changes  # noqa: PLC0415
    from adit.nodes.models import Ability, Kind, Node  # noqa: PLC0415
    from adit.site.cli.acting import me  # noqa: PLC0415
    from adit.site.demo.folder import make_folder  # noqa: PLC0415
    from adit.site.demo.people import let_them_work  # noqa: PLC0415

    by = me()
    can = frozenset((Ability.FIND_STUDY, Ability.FIND_PATIENT, Ability.GET_STUDY, Ability.MOVE_STUDY, Ability.STORE))
    for pacs in DEMO_PACS:
        where = {"host": "127.0.0.1", "port": ports[pacs.name], "abilities": can}
        found = Node.objects.filter(name=pacs.name).first()
        if found is not None:
            changes.edit(found, by=by, **where)
            continue
        node = Node(name=pacs.name, kind=Kind.SERVER, ae_title=pacs.ae_title, host="127.0.0.1", port=ports[pacs.name])
        node.abilities = can
        changes.add(node, by=by)
    make_folder(config(), by=by)
    let_them_work(by=by)


def _transferred(source: DemoPacs, study: str) -> Job:
    """A job that has ended."""
    from adit.dicom.refs import uid  # noqa: PLC0415
    from adit.jobs.states import JOB_ENDED  # noqa: PLC0415
    from adit.jobs.submit import submit  # noqa: PLC0415
    from adit.site.cli.acting import me  # noqa: PLC0415
    from adit.transfer.items import TransferStudy  # noqa: PLC0415
    from adit.transfer.plan import Plan  # noqa: PLC0415

    job = submit(Plan("selective", source.name, DESTINATION.name, (TransferStudy(uid(study)),)), by=me())
    while job.status not in JOB_ENDED:
        time.sleep(0.1)
        job.refresh_from_db()
    return job


def _tell(sentence: str, *, quiet: bool) -> None:
    print(sentence, file=sys.stderr if quiet else sys.stdout, flush=True)
