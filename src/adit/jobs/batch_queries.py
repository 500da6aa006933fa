"""From the rows of a file to a batch query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adit.jobs.kinds.query import BATCH_QUERY
from adit.jobs.models import BatchFile
from adit.transfer.batches.rows import QueryRow
from adit.transfer.items import FindStudies
from adit.transfer.plan import Plan

ROWS_AT_ONCE = 25
"""Of a file, in one task: one association serves them all."""


def items_of(rows: Iterable[QueryRow]) -> tuple[FindStudies, ...]:
    """*rows* in blocks, in the order of the file; those of one patient stand together, however far apart they were."""
    by_patient: dict[object, list[QueryRow]] = {}
    for row in rows:
        by_patient.setdefault(_patient(row), []).append(row)
    blocks: list[list[QueryRow]] = []
    for together in by_patient.values():
        if not blocks or len(blocks[-1]) + min(len(together), ROWS_AT_ONCE) > ROWS_AT_ONCE:
            blocks.append([])
        for row in together:
            if len(blocks[-1]) == ROWS_AT_ONCE:
                blocks.append([])
            blocks[-1].append(row)
    return tuple(FindStudies(tuple(block)) for block in blocks)


def plan_of(
    rows: Sequence[QueryRow],
    *,
    source: str,
    file: BatchFile | None = None,
    urgent: bool = False,
    mail: bool | None = None,
    project: str = "",
    description: str = "",
    ethics_number: str = "",
) -> Plan:
    """The batch query of *rows*, which are checked: all of a file, or its good ones.

    Args:
        source: Name of the node that is asked.
        file: From which they are.
        mail: Its owner gets a mail when it has ended; None for as the owner usually wants it.
        project: Name of the one that it is made for.
    """
    return Plan(
        BATCH_QUERY.key,
        source,
        "",
        items_of(rows),
        urgent=urgent,
        mail=mail,
        project=project,
        description=description,
        ethics_number=ethics_number,
        file=file.pk if file else None,
    )


def _patient(row: QueryRow) -> object:
    """What rows of one patient have in common."""
    if row.patient_id:
        return row.patient_id
    if row.patient_name and row.birth_date:
        return row.patient_name.casefold(), row.birth_date
    # Nobody else's.
    return row.lines
