"""The audit trail as a file, written while it is read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from adit.audit.models import Event
from adit.audit.searching import Wanted, everything
from adit.transfer.sheets.cells import not_a_formula
from adit.web.audit.trail import details_of

FORMS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}

COLUMNS = (
    "id", "time", "actor", "group", "action", "outcome", "patient_id", "study_uid", "nodes", "job", "address", "details"
)  # fmt: skip


def streamed(wanted: Wanted, form: str, *, patients: bool) -> StreamingHttpResponse:
    """All of *wanted* as a download.

    Args:
        form: One of `FORMS`.
        patients: Who reads it may know which patients it is about.
    """
    response = StreamingHttpResponse(_off_loop(pieces(wanted, form, patients=patients)), content_type=FORMS[form])
    response["Content-Disposition"] = f'attachment; filename="adit-audit.{form}"'
    return response


def pieces(wanted: Wanted, form: str, *, patients: bool) -> Iterator[str]:
    """The file in pieces: CSV with `COLUMNS`, or JSON, an array of objects with these."""
    rows = ([_row(event, patients=patients) for event in events] for events in everything(wanted))
    return _as_csv(rows) if form == "csv" else _as_json(rows)


def _row(event: Event, *, patients: bool) -> dict[str, Any]:
    return {
        "id": event.pk,
        "time": event.time.isoformat(),
        "actor": event.actor,
        "group": event.group,
        "action": event.action,
        "outcome": event.outcome,
        "patient_id": event.patient_id if patients else "",
        "study_uid": event.study_uid if patients else "",
        "nodes": event.nodes,
        "job": event.job,
        "address": event.address,
        "details": details_of(event, patients=patients),
    }


def _as_csv(rows: Iterator[list[dict[str, Any]]]) -> Iterator[str]:
    yield "\ufeff" + ",".join(COLUMNS) + "\r\n"
    for some in rows:
        written = io.StringIO()
        table = csv.writer(written, lineterminator="\r\n")
        for row in some:
            flat = row | {
                "nodes": "; ".join(row["nodes"]),
                "details": json.dumps(row["details"], ensure_ascii=False) if row["details"] else "",
            }
            table.writerow(not_a_formula(flat[column]) for column in COLUMNS)
        yield written.getvalue()


def _as_json(rows: Iterator[list[dict[str, Any]]]) -> Iterator[str]:
    between = "["
    for some in rows:
        for row in some:
            yield f"{between}\n{json.dumps(row, ensure_ascii=False)}"
            between = ","
    yield "[]\n" if between == "[" else "\n]\n"


async def _off_loop(some: Iterator[str]) -> AsyncIterator[str]:
    """*some*, each piece made on the thread that may use the database."""

    def following() -> str | None:
        return next(some, None)

    while (piece := await sync_to_async(following)()) is not None:
        yield piece
