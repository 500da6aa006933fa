"""Batch queries of sources in memory, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from adit.accounts.models import User
from adit.dicom.protocols import Cancellation, Source
from adit.jobs.batch_queries import plan_of
from adit.jobs.models import Job, Line
from adit.jobs.process import Process
from adit.jobs.submit import submit
from adit.nodes.models import Node
from adit.transfer.batches.rows import QueryRow
from tests.jobs.fakes import QUICK, administrator
from tests.transfer.register import Register


class Registers:
    """Opens every node as one register (`adit.jobs.attempt.Opens`).

    Attributes:
        associations: For how many each opening asked.
    """

    def __init__(self, register: Register) -> None:
        self.register = register
        self.associations: list[int] = []

    @contextmanager
    def _source(self, cancel: Cancellation) -> Iterator[Source]:
        yield replace(self.register, cancel=cancel)

    def source(self, node: Node, *, cancel: Cancellation, associations: int) -> AbstractContextManager[Source]:
        self.associations.append(associations)
        return self._source(cancel)

    def process(self, *, places: int = 1, limits: object = QUICK) -> Process:
        return Process(places=places, opening=self, limits=limits)


def rows_of(*patients: str, **values: object) -> list[QueryRow]:
    """A row for each PatientID, in lines 2, 3, …"""
    return [QueryRow((line,), patient_id=patient, **values) for line, patient in enumerate(patients, 2)]


def asked(rows: list[QueryRow], *, by: User | None = None, **values: object) -> Job:
    """A submitted batch query of node A."""
    return submit(plan_of(rows, source="A", **values), by=by or administrator())


def outcomes(job: Job) -> dict[int, str]:
    return dict(Line.objects.filter(job=job).values_list("number", "outcome"))
