"""Runs items of work: the item in, events out. Knows the two protocols and nothing else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

from adit.deid import errors as deid
from adit.dicom.errors import BadData, Canceled, DicomError, Full, NotFound
from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.protocols import Cancellation, Outcome, Receipt, Sink, Source
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.transfer.completeness import Asking, Listing, list_instances, still_missing
from adit.transfer.confirming import confirm
from adit.transfer.events import (
    Committed,
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
)
from adit.transfer.items import Layout, TransferStudy
from adit.transfer.layout import layout_of
from adit.transfer.ledger import Ledger, Tally
from adit.transfer.treating import Treats, Unchanged

ROUNDS = 4
"""How often one attempt retrieves at most: all, then what is missing, while that helps."""


def transfer(
    item: TransferStudy,
    *,
    source: Source,
    open_sink: Callable[[Layout | None], Sink],
    ledger: Ledger,
    cancel: Cancellation,
    job_folder: str,
    again: bool,
    treats: Treats | None = None,
) -> Iterator[Event]:
    """Move a study, or some series of it.

    The caller applies every event to *ledger* before it asks for the next one. Events name originals.

    Args:
        open_sink: Opens the destination once it is known where the study will lie.
        job_folder: First part of the path below a folder node.
        again: An earlier attempt may have stored something: ask before sending.
        treats: What is done to the study on its way; None leaves it as it is.

    Raises:
        NotFound: The source does not know the study, or one of its wanted series.
        WrongPatient: The study is that of somebody else, and may not go for that reason.
        Canceled: The cancel token was set.
        Full: The destination has no room for more.
        DicomError: Nothing more could be moved; `transient` says whether trying again may help.
    """
    treats = treats or Unchanged()
    study = look_up(source, item.study)
    if note := treats.whose(item, study):
        yield Noted(note)
    series = list_series(source, item)
    behind = {match.ref: reason for match in series if match.ref and (reason := treats.stays_behind(study, match))}
    going = [match for match in series if match.ref not in behind]
    layout = item.layout or layout_of(treats.placed(study), going, job_folder)
    yield Placed(study.patient_id, study.accession_number, layout)
    for match in series:
        assert match.ref is not None
        assert match.ref.series is not None
        yield Expected(match.ref.series, match.instances)
        if match.ref in behind:
            yield Excluded(match.ref, behind[match.ref])
    if not going:
        yield Committed()
        return

    sink = open_sink(layout)
    refs = [Ref(item.study)]
    if item.series or behind:
        refs = [match.ref for match in going if match.ref]
    if again:
        yield from _expected(ledger, list_instances(source, item.study, _going(ledger), lean=False))
        yield from _held(item.study, sink, ledger, treats)
        refs = list(still_missing(item.study, ledger.series.values()))
    with sink:
        yield from _rounds(item.study, refs, source, sink, ledger, treats=treats)
    for note in treats.notes():
        yield Noted(note)
    yield Committed()
    yield from confirm(item.study, sink, ledger, cancel, treats.new_uid)


def look_up(source: Source, study: UID) -> Match:
    """Find the study.

    Raises:
        NotFound: The source does not know it.
    """
    query = Query(Level.STUDY, (("StudyInstanceUID", study),), wanted=("SOPClassesInStudy", "IssuerOfPatientID"))
    # Read to the end: leaving a query early costs its association.
    found = [match for match in source.find(query) if match.uid("StudyInstanceUID") == study]
    if found:
        return found[0]
    raise NotFound(f"study {study} is unknown there")


def list_series(source: Source, item: TransferStudy) -> list[Match]:
    """The series that *item* is about.

    Raises:
        NotFound: The source does not know one of them, or has none of the study.
    """
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


def _going(ledger: Ledger) -> list[UID]:
    """The series that do not stay behind."""
    return [tally.series for tally in ledger.series.values() if not tally.left_out]


def _held(study: UID, sink: Sink, ledger: Ledger, treats: Treats) -> Iterator[Event]:
    """What need not be sent again: what the destination holds, else what the ledger shows as stored."""
    held = sink.holds(treats.new_uid(study))
    if held is not None:
        for tally in list(ledger.series.values()):
            known = tally.stored | (tally.listed or frozenset())
            yield Held(tally.series, frozenset(uid for uid in known if treats.new_uid(uid) in held))


def _rounds(
    study: UID, refs: list[Ref], source: Source, sink: Sink, ledger: Ledger, *, treats: Treats
) -> Iterator[Event]:
    """Retrieve and store *refs*, then what is still missing, as long as that brings something."""
    for number in range(ROUNDS):
        if not refs:
            return
        if number:
            series = dict.fromkeys(ref.series for ref in refs if ref.series)
            yield from _expected(ledger, list_instances(source, study, series, lean=False))
            refs = list(still_missing(study, ledger.series.values()))
        before = len(ledger.stored_instances)
        unlisted = [series for series in _going(ledger) if _to_be_asked(ledger.series[series])]
        broken: DicomError | None = None
        with Asking(source, study, unlisted) as asking:
            try:
                yield from _pass(refs, source, sink, ledger, treats)
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


def _to_be_asked(tally: Tally) -> bool:
    # Where count and list disagree, instances may have been added meanwhile.
    return tally.listed is None or (tally.count is not None and tally.count != len(tally.listed))


def _pass(refs: Sequence[Ref], source: Source, sink: Sink, ledger: Ledger, treats: Treats) -> Iterator[Event]:
    """One retrieve of *refs*, treated and stored while it arrives."""
    arrived: deque[Event] = deque()
    asked_for = frozenset(refs)
    seen = set(ledger.stored_instances)
    originals: dict[Ref, Ref] = {}

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
                    treated = _treated(instance, treats)
                    if isinstance(treated, Instance):
                        originals[treated.ref] = ref
                        yield treated
                    else:
                        arrived.append(treated)

    for series in {ref.series for ref in refs if ref.series} or set(_going(ledger)):
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
            yield _event(receipt, originals.pop(receipt.ref, receipt.ref))


def _treated(instance: Instance, treats: Treats) -> Instance | Excluded | Failed:
    """The instance that goes; or why it does not."""
    ref = instance.ref
    try:
        return treats.apply(instance)
    except deid.Excluded as excluded:
        instance.close()
        return Excluded(ref, str(excluded))
    except (deid.Stopped, BadData) as stopped:
        instance.close()
        return Failed(ref, str(stopped))
    except BaseException:
        instance.close()
        raise


def _drained(events: deque[Event]) -> Iterator[Event]:
    while events:
        yield events.popleft()


def _event(receipt: Receipt, ref: Ref) -> Event:
    if receipt.outcome is Outcome.REFUSED:
        return Failed(ref, receipt.reason, receipt.transient)
    if receipt.outcome is Outcome.EXCLUDED:
        return Excluded(ref, receipt.reason)
    return Stored(ref, receipt.size, receipt.reason)
