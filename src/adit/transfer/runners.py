"""Runs items of work: the item in, events out. Knows the two protocols and nothing else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

from adit.dicom.errors import Canceled, DicomError, Full, NotFound
from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.protocols import Cancellation, Outcome, Receipt, Sink, Source
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.transfer.completeness import Asking, Listing, list_instances, still_missing
from adit.transfer.events import (
    Committed,
    Confirmed,
    Event,
    Excluded,
    Expected,
    Failed,
    Held,
    Leaving,
    Noted,
    Placed,
    Received,
    Stored,
    Unanswered,
)
from adit.transfer.layout import layout_of
from adit.transfer.ledger import Ledger
from adit.transfer.plan import Layout, TransferStudy

ROUNDS = 4
"""How often one attempt retrieves at most: all, then what is missing, while that helps."""

CONFIRM_WAITS = (0.2, 1.0, 3.0)
"""Seconds between questions to a destination that does not list everything yet."""


def transfer(
    item: TransferStudy,
    *,
    source: Source,
    open_sink: Callable[[Layout | None], Sink],
    ledger: Ledger,
    cancel: Cancellation,
    job_folder: str,
    again: bool,
) -> Iterator[Event]:
    """Move a study, or some series of it.

    The caller applies every event to *ledger* before it asks for the next one.

    Args:
        open_sink: Opens the destination once it is known where the study will lie.
        job_folder: First part of the path below a folder node.
        again: An earlier attempt may have stored something: ask before sending.

    Raises:
        NotFound: The source does not know the study, or one of its wanted series.
        Canceled: The cancel token was set.
        Full: The destination has no room for more.
        DicomError: Nothing more could be moved; `transient` says whether trying again may help.
    """
    study = look_up(source, item.study)
    series = _series(source, item)
    layout = item.layout or layout_of(study, series, job_folder)
    yield Placed(study.patient_id, layout)
    for match in series:
        assert match.ref is not None
        assert match.ref.series is not None
        yield Expected(match.ref.series, match.instances)

    sink = open_sink(layout)
    refs: list[Ref] = [Ref(item.study, each) for each in item.series] or [Ref(item.study)]
    if again:
        yield from _expected(ledger, list_instances(source, item.study, list(ledger.series), lean=False))
        yield from _held(ledger, sink.holds(item.study))
        refs = list(still_missing(item.study, ledger.series.values()))
    with sink:
        yield from _rounds(item.study, refs, source, sink, ledger)
    yield Committed()
    yield from _confirm(item.study, sink, ledger, cancel)


def look_up(source: Source, study: UID) -> Match:
    """Find the study.

    Raises:
        NotFound: The source does not know it.
    """
    query = Query(Level.STUDY, (("StudyInstanceUID", study),), wanted=("SOPClassesInStudy",))
    # Read to the end: leaving a query early costs its association.
    found = [match for match in source.find(query) if match.uid("StudyInstanceUID") == study]
    if found:
        return found[0]
    raise NotFound(f"study {study} is unknown there")


def _series(source: Source, item: TransferStudy) -> list[Match]:
    query = Query.of(Level.SERIES, StudyInstanceUID=item.study)
    found = {match.ref.series: match for match in source.find(query) if match.ref and match.ref.study == item.study}
    unknown = [series for series in item.series if series not in found]
    if unknown:
        raise NotFound(f"series {', '.join(unknown)} of study {item.study} is unknown there")
    if not found:
        raise NotFound(f"study {item.study} has no series there")
    return [found[series] for series in item.series] or list(found.values())


def _expected(ledger: Ledger, listing: Listing) -> Iterator[Event]:
    for series, instances in listing.items():
        if instances is not None:
            yield Expected(series, ledger.series[series].count, instances)


def _held(ledger: Ledger, held: frozenset[UID] | None) -> Iterator[Event]:
    """What need not be sent again: what the destination holds, else what the ledger shows as stored."""
    if held is not None:
        for tally in list(ledger.series.values()):
            yield Held(tally.series, held)


def _rounds(study: UID, refs: list[Ref], source: Source, sink: Sink, ledger: Ledger) -> Iterator[Event]:
    """Retrieve and store *refs*, then what is still missing, as long as that brings something."""
    for number in range(ROUNDS):
        if not refs:
            return
        if number:
            series = dict.fromkeys(ref.series for ref in refs if ref.series)
            yield from _expected(ledger, list_instances(source, study, series, lean=False))
            refs = list(still_missing(study, ledger.series.values()))
        before = len(ledger.stored_instances)
        unlisted = [tally.series for tally in ledger.series.values() if _to_be_asked(tally.count, tally.listed)]
        broken: DicomError | None = None
        with Asking(source, study, unlisted) as asking:
            try:
                yield from _pass(refs, source, sink, ledger)
            except (Canceled, Full):
                raise
            except DicomError as error:
                broken = error
            yield from _expected(ledger, asking.answer())
        refs = list(still_missing(study, ledger.series.values()))
        helped = len(ledger.stored_instances) > before
        if refs and broken and not (broken.transient and helped):
            raise broken
        if number and not helped:
            return
        if refs and broken:
            yield Noted(f"went on after: {broken}")


def _to_be_asked(count: int | None, listed: frozenset[UID] | None) -> bool:
    # Where count and list disagree, instances may have been added meanwhile.
    return listed is None or (count is not None and count != len(listed))


def _pass(refs: Sequence[Ref], source: Source, sink: Sink, ledger: Ledger) -> Iterator[Event]:
    """One retrieve of *refs*, stored while it arrives."""
    arrived: deque[Event] = deque()
    asked_for = frozenset(refs)
    seen = set(ledger.stored_instances)

    def watched() -> Generator[Instance, None, None]:
        with closing(source.retrieve(refs)) as retrieved:
            for instance in retrieved:
                ref = instance.ref
                if asked_for.isdisjoint((ref, Ref(ref.study, ref.series), Ref(ref.study))):
                    arrived.append(Noted("the source sent instances that were not asked for; they were left out"))
                    instance.close()
                elif instance.uid in seen:
                    instance.close()
                else:
                    seen.add(instance.uid)
                    if (size := instance.body.size) is not None:
                        arrived.append(Received(ref, size))
                    yield instance

    for series in {ref.series for ref in refs if ref.series} or set(ledger.series):
        yield Leaving(series)
    # The retrieval ends here whatever happens: an error may be held on to for long, with all its frames.
    with closing(watched()) as instances, closing(sink.store(instances)) as receipts:
        while True:
            try:
                receipt = next(receipts, None)
            except DicomError:
                yield from _drained(arrived)
                raise
            yield from _drained(arrived)
            if receipt is None:
                return
            yield _event(receipt)


def _drained(events: deque[Event]) -> Iterator[Event]:
    while events:
        yield events.popleft()


def _event(receipt: Receipt) -> Event:
    if receipt.outcome is Outcome.REFUSED:
        return Failed(receipt.ref, receipt.reason, receipt.transient)
    if receipt.outcome is Outcome.EXCLUDED:
        return Excluded(receipt.ref, receipt.reason)
    return Stored(receipt.ref, receipt.size, receipt.reason)


def _confirm(study: UID, sink: Sink, ledger: Ledger, cancel: Cancellation) -> Iterator[Event]:
    """Ask the destination what it holds; more than once where it is slow to list what it took."""
    stored = ledger.stored_instances
    try:
        held = sink.holds(study)
        for seconds in CONFIRM_WAITS:
            if held is None or stored <= held:
                break
            cancel.wait(seconds)
            held = sink.holds(study)
    except Canceled:
        raise
    except DicomError as error:
        yield Unanswered(str(error))
        raise
    if held is not None:
        for tally in list(ledger.series.values()):
            yield Confirmed(tally.series, held & frozenset(tally.stored))
