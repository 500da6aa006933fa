"""What a server has, and rows that look for it: found, not found and ambiguous."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from adit.jobs.models import Job
from adit.transfer.batches.rows import QueryRow
from tests.jobs.asking import Registers, asked
from tests.jobs.fakes import two_servers
from tests.transfer.register import Register, series

HELD = (
    series("1.2.1", "P1", date="20260110"),
    series("1.2.2", "P1", date="20250110", modality="MR", StudyDescription="Head"),
    series("1.2.3", "0002", "Müller^Änne", "19540312", AccessionNumber="A3"),
    series("1.2.4", "P4", "Poe^Max"),
    series("1.2.5", "P5", "Poe^Max"),
)
ROWS = (
    QueryRow((2, 6), patient_id="P1", pseudonym="Anna"),
    QueryRow((3,), accession_number="A3", pseudonym="Berta"),
    QueryRow((4,), patient_id="P9", patient_name="Nobody^At All"),
    QueryRow((5,), patient_name="Poe^Max", birth_date=date(1960, 1, 2)),
)


def answered(rows: Sequence[QueryRow], held: Sequence[object]) -> Job:
    """A batch query for *rows* of a server that has *held*, at its end."""
    two_servers()
    job = asked(list(rows))
    Registers(Register(held)).process().work()
    return job
