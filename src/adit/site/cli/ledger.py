"""A job's report as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adit.jobs.receipts import Receipt
from adit.site.cli.output import print_table

MOST_TASKS = 40
"""Tasks of one job that are shown in full."""

COLUMNS = ("study", "series", "expected", "received", "stored", "confirmed", "excluded", "failed", "MB")

SAID = ("study", "pseudonym", "status", "expected", "stored", "confirmed", "excluded", "failed")


def print_report(report: Mapping[str, Any]) -> None:
    """Print the job's state, its ledger, and what failed."""
    tasks = report["tasks"]
    seconds = "" if report["seconds"] is None else f" in {report['seconds']:.1f} s"
    nodes = " → ".join(filter(None, (report["source"], report["destination"])))
    print(f"Job {report['id']}, {nodes}: {report['status']}{seconds}")
    if report["message"]:
        print(report["message"])
    if report["profile"]:
        project = f" for project {report['project']}" if report["project"] else ""
        print(f"Pseudonymised{project} by profile {report['profile']}.")
    shown = tasks[:MOST_TASKS]
    if any(task["entries"] for task in shown):
        print_table(COLUMNS, (row for task in shown for row in _rows(task)))
    for task in shown:
        _print_task(task)
    if len(tasks) > MOST_TASKS:
        print(f"… and {len(tasks) - MOST_TASKS} more tasks; --json prints all of them.")


def _rows(task: Mapping[str, Any]) -> Iterator[list[object]]:
    for entry in task["entries"]:
        counts = [entry[column] for column in COLUMNS[2:-1]]
        yield [_short(entry["study"]), _short(entry["series"]), *counts, round(entry["bytes"] / 1e6, 1)]


def _short(uid: str) -> str:
    """The end of a UID tells it from its neighbours."""
    return uid if len(uid) <= 24 else f"…{uid[-22:]}"


def _print_task(task: Mapping[str, Any]) -> None:
    seconds = "" if task["seconds"] is None else f" in {task['seconds']:.2f} s"
    attempts = f", attempt {task['attempts']}" if task["attempts"] > 1 else ""
    what = f"Study {task['study']}" if task["study"] else task["part"].capitalize() if task["part"] else "Archive"
    name = f" as {task['pseudonym']}" if task["pseudonym"] else ""
    print(f"{what}{name}: {task['status']}{seconds}{attempts}. {task['message'] or task['waiting_for'] or ''}")
    for note in task["notes"]:
        print(f"  {note}")
    for entry in task["entries"]:
        for reason, number in entry["reasons"].items():
            print(f"  series {_short(entry['series'])}: {number} × {reason}")


def print_receipt(receipt: Receipt) -> None:
    """Print a receipt, with the number and the code that prove it."""
    said, sums = receipt.content, receipt.content["totals"]
    print(f"Receipt {receipt.number} ({said['form']}) of job {said['job']}: {said['status']}")
    print(f"Code {receipt.code}")
    print(
        f"{sums['expected']} instances expected, {sums['stored']} stored, {sums['confirmed']} confirmed,"
        f" {sums['excluded']} excluded, {sums['failed']} failed"
    )
    for name in ("excluded", "failed"):
        for reason, number in said[name]:
            print(f"  {name}: {number} × {reason}")
    for reason, number in said["not_sent"]:
        print(f"  {number} × {reason}")
    for reason, number in said["studies_failed"]:
        print(f"  {'1 study' if number == 1 else f'{number} studies'} failed: {reason}")
    for reason, number in said["doubts"]:
        print(f"  {'1 study' if number == 1 else f'{number} studies'}: {reason}")
    for each in said["accepted"]:
        why = f": {each['reason']}" if "reason" in each else ""
        print(f"  {each['studies']} incomplete accepted as complete{why}")
    print_table(SAID, ([study[column] for column in SAID] for study in said["studies"]))
    if said["more"]:
        print(f"… and {said['more']} more, which are in the sums.")
