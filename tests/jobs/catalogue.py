"""Archives of the tests that can be searched: a mass transfer finds its studies in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from adit.accounts.models import User
from adit.dicom.match import Match
from adit.dicom.protocols import Cancellation, Source
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level
from adit.jobs.mass import Order, plan_of
from adit.jobs.models import Job
from adit.jobs.submit import submit
from adit.nodes.models import Node
from adit.transfer.mass.criteria import Criteria, Filter
from adit.transfer.mass.partitions import Partition, Sweep
from tests.jobs.fakes import Archives, ArchiveSource, administrator, refs_of
from tests.transfer.strict import Strict, Study


class Catalogued(Archives):
    """Archives of which A holds *studies*, two instances each.

    Attributes:
        catalogue: How A answers queries that do not name one study.
    """

    def __init__(self, studies: Sequence[Study], **how: Any) -> None:
        super().__init__()
        self.catalogue = Strict(studies, **how)
        for study in studies:
            self["A"].held[study.uid] = refs_of(study.uid, series=len(study.series) or 1, instances=2)

    @contextmanager
    def _source(self, node: Node, cancel: Cancellation, associations: int) -> Iterator[Source]:
        with self[node.name].opened(associations):
            yield _Source(self, node.name, cancel)


class _Source(ArchiveSource):
    def __init__(self, archives: Catalogued, name: str, cancel: Cancellation) -> None:
        super().__init__(archives[name], cancel)
        self._catalogue = archives.catalogue

    def find(self, query: Query) -> Iterator[Match]:
        asked = UID(query.value("StudyInstanceUID"))
        described = [study for study in self._catalogue.studies if study.uid == asked and study.series]
        by_catalogue = described if query.level is Level.SERIES else asked not in self.archive.held
        for match in self._catalogue.find(query) if by_catalogue else super().find(query):
            self.cancel.check()
            yield match


def a_study(number: int, day: str = "20200106", *, patient: str = "", **values: Any) -> Study:
    return Study(UID(f"1.2.3.{number}"), day, patient_id=patient or f"P{number}", **values)


def a_sweep(
    *filters: Filter, first: date = date(2020, 1, 6), last: date = date(2020, 1, 12), by: Partition = Partition.WEEKLY
) -> Sweep:
    return Sweep(first, last, by, Criteria(filters))


def ordered(*filters: Filter, by: User | None = None, sweep: Sweep | None = None, **values: Any) -> Job:
    """A submitted mass transfer from A to B."""
    order = Order("A", "B", sweep or a_sweep(*filters), **values)
    return submit(plan_of(order), by=by or administrator())
