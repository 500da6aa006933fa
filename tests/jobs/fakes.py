"""Endpoints in memory, and jobs between them, for tests of the queue."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from django.contrib.auth.models import Permission
from pydicom import Dataset

from adit.accounts.models import User, local_administrator
from adit.dicom.errors import NotFound
from adit.dicom.instance import InMemory, Instance
from adit.dicom.match import Match
from adit.dicom.protocols import Cancellation, Capabilities, Outcome, Receipt, Sink, Source
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.jobs.models import Job
from adit.jobs.process import Limits, Process
from adit.jobs.submit import submit
from adit.nodes.models import Access, Node
from adit.transfer.items import Layout, TransferStudy
from adit.transfer.plan import Plan
from tests.nodes.making import folder, server

CT = UID("1.2.840.10008.5.1.4.1.1.2")
EXPLICIT = UID("1.2.840.10008.1.2.1")
QUICK = Limits(lease=45, heartbeat=10, no_progress=600, waits=(0.0, 0.0, 0.0))


def study_uid(number: int) -> UID:
    return UID(f"1.2.3.{number}")


def refs_of(study: UID, *, series: int = 1, instances: int = 3) -> list[Ref]:
    return [
        Ref(study, UID(f"{study}.{s}"), UID(f"{study}.{s}.{i}"))
        for s in range(1, series + 1)
        for i in range(1, instances + 1)
    ]


@dataclass
class Archive:
    """What a node of the tests holds, and what it is told to do wrong.

    Attributes:
        before: Called before each instance that is sent, with its number from 1 on.
        taking: Called before each instance that is stored, with its number; may return a receipt.
        most: The largest number of endpoints that were open at the same time.
    """

    held: dict[UID, list[Ref]] = field(default_factory=lambda: defaultdict(list))
    before: Callable[[int, Cancellation], None] = lambda number, cancel: None
    taking: Callable[[int, Ref], Receipt | None] = lambda number, ref: None
    verifiable: bool = True
    sent: int = 0
    stored: list[Ref] = field(default_factory=list)
    open: int = 0
    most: int = 0
    associations: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def opened(self, associations: int) -> Iterator[None]:
        with self.lock:
            self.associations.append(associations)
            self.open += 1
            self.most = max(self.most, self.open)
        try:
            yield
        finally:
            with self.lock:
                self.open -= 1


class ArchiveSource:
    capabilities = Capabilities()

    def __init__(self, archive: Archive, cancel: Cancellation) -> None:
        self.archive, self.cancel = archive, cancel

    def find(self, query: Query) -> Iterator[Match]:
        self.cancel.check()
        refs = self.archive.held.get(UID(query.value("StudyInstanceUID")), [])
        series = query.value("SeriesInstanceUID")
        seen = set()
        for ref in refs:
            shown = {Level.STUDY: Ref(ref.study), Level.SERIES: Ref(ref.study, ref.series)}.get(query.level, ref)
            if shown in seen or (series and ref.series != series):
                continue
            seen.add(shown)
            answer = Dataset()
            answer.PatientID = "P1"
            answer.StudyInstanceUID = shown.study
            answer.SeriesInstanceUID = shown.series or ""
            answer.SOPInstanceUID = shown.instance or ""
            answer.NumberOfSeriesRelatedInstances = sum(each in shown for each in refs)
            yield Match(query.level, answer)

    def retrieve(self, refs: Sequence[Ref]) -> Iterator[Instance]:
        wanted = [ref for ref in self.archive.held.get(refs[0].study, []) if any(ref in each for each in refs)]
        if not wanted:
            raise NotFound
        for ref in wanted:
            self.cancel.check()
            self.archive.sent += 1
            self.archive.before(self.archive.sent, self.cancel)
            yield Instance(ref, CT, EXPLICIT, InMemory(b"\0" * 100))


class ArchiveSink:
    def __init__(self, archive: Archive, cancel: Cancellation) -> None:
        self.archive, self.cancel = archive, cancel
        self.capabilities = Capabilities(verifiable=archive.verifiable)

    def __enter__(self) -> ArchiveSink:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def store(self, instances: Iterable[Instance]) -> Iterator[Receipt]:
        for instance in instances:
            with instance:
                self.cancel.check()
                self.archive.stored.append(instance.ref)
                receipt = self.archive.taking(len(self.archive.stored), instance.ref)
                if receipt is None or receipt.outcome is not Outcome.REFUSED:
                    held = self.archive.held[instance.ref.study]
                    if instance.ref not in held:
                        held.append(instance.ref)
                yield receipt or Receipt(instance.ref, Outcome.STORED, instance.body.size or 0)

    def holds(self, study: UID) -> frozenset[UID] | None:
        if not self.archive.verifiable:
            return None
        return frozenset(ref.instance for ref in self.archive.held.get(study, []) if ref.instance)


class Archives:
    """Opens nodes of the tests by their name (`adit.jobs.worker.Opens`)."""

    def __init__(self) -> None:
        self.by_name: dict[str, Archive] = defaultdict(Archive)

    def __getitem__(self, name: str) -> Archive:
        return self.by_name[name]

    @contextmanager
    def _source(self, node: Node, cancel: Cancellation, associations: int) -> Iterator[Source]:
        with self[node.name].opened(associations):
            yield ArchiveSource(self[node.name], cancel)

    @contextmanager
    def _sink(self, node: Node, cancel: Cancellation, associations: int) -> Iterator[Sink]:
        with self[node.name].opened(associations):
            yield ArchiveSink(self[node.name], cancel)

    def source(self, node: Node, *, cancel: Cancellation, associations: int) -> AbstractContextManager[Source]:
        return self._source(node, cancel, associations)

    def sink(
        self,
        node: Node,
        *,
        cancel: Cancellation,
        associations: int,
        layout: Layout | None,
        form: object = None,
    ) -> AbstractContextManager[Sink]:
        return self._sink(node, cancel, associations)


def administrator() -> User:
    return local_administrator("tester")


def permit(user: User, *codenames: str) -> User:
    """*user*, who has these permissions from now on."""
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return user


def a_user(name: str = "ann") -> User:
    """Somebody who may use all nodes there are, and send selected studies as they are."""
    made = User.objects.create(username=name)
    for node in Node.objects.all():
        Access.objects.create(node=node, user=made, source=True, destination=True)
    return permit(made, "can_transfer_selectively", "can_transfer_unpseudonymized")


def plan(studies: int | Sequence[UID] = 1, *, source: str = "A", destination: str = "B", **values: object) -> Plan:
    uids = [study_uid(number) for number in range(1, studies + 1)] if isinstance(studies, int) else studies
    items = tuple(TransferStudy(uid) for uid in uids)
    return Plan(kind="selective", source=source, destination=destination, items=items, **values)


def two_servers(**values: object) -> tuple[Node, Node]:
    return server("A", **values), server("B", **values)


def a_folder() -> Node:
    return folder("B", "/data")


def submitted(studies: int | Sequence[UID] = 1, *, by: User | None = None, **values: object) -> Job:
    return submit(plan(studies, **values), by=by or administrator())


def process(archives: Archives, *, places: int = 2, limits: Limits = QUICK) -> Process:
    return Process(places=places, opening=archives, limits=limits)
