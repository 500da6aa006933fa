"""Attempts at a transfer between two endpoints in memory, as a worker makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from adit.dicom.protocols import Cancellation, Sink, Source
from adit.dicom.refs import UID
from adit.endpoints.cancel import NEVER
from adit.endpoints.memory import Kept
from adit.transfer.events import Event
from adit.transfer.items import Layout, TransferStudy
from adit.transfer.ledger import Ledger, SeriesState, Tally
from adit.transfer.runners import transfer
from adit.transfer.treating import Treats
from tests.endpoints.conformance import kept
from tests.peers.data import Study


def held(*studies: Study) -> list[Kept]:
    return [kept(file) for study in studies for file in study.files]


def uids(study: Study, *numbers: int) -> frozenset[UID]:
    """SOP Instance UIDs of the instances with these numbers, from 0 on."""
    return frozenset(UID(study.files[number].uid) for number in numbers)


@dataclass
class Attempt:
    """One attempt: what happened, and the ledger it wrote.

    Attributes:
        on_event: Called with each event, before it is counted.
        treats: What is done to the study on its way.
    """

    source: Source
    sink: Sink
    ledger: Ledger = field(default_factory=Ledger)
    events: list[Event] = field(default_factory=list)
    layouts: list[Layout | None] = field(default_factory=list)
    on_event: Callable[[Event], None] = lambda event: None
    treats: Treats | None = None

    def run(
        self, study: str, *series: str, again: bool = False, cancel: Cancellation = NEVER, layout: Layout | None = None
    ) -> Attempt:
        return self.move(TransferStudy(UID(study), tuple(map(UID, series)), layout=layout), again=again, cancel=cancel)

    def move(self, item: TransferStudy, *, again: bool = False, cancel: Cancellation = NEVER) -> Attempt:
        def open_sink(layout: Layout | None) -> Sink:
            self.layouts.append(layout)
            return self.sink

        events = transfer(
            item,
            source=self.source,
            open_sink=open_sink,
            ledger=self.ledger,
            cancel=cancel,
            job_folder="job",
            again=again,
            treats=self.treats,
        )
        for event in events:
            self.on_event(event)
            self.events.append(event)
            self.ledger.apply(event)
        return self

    def of(self, kind: type[Event]) -> Sequence[Event]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def tally(self) -> Tally:
        """The numbers of the only series."""
        [tally] = self.ledger.series.values()
        return tally

    @property
    def verdict(self) -> str:
        return str(self.ledger.verdict().status)


def states(ledger: Ledger) -> list[SeriesState]:
    """What a ledger leaves to the next attempt."""
    return [
        SeriesState(tally.series, stored=frozenset(tally.kept), size=tally.size) for tally in ledger.series.values()
    ]
