"""What a source has, and what of it is still to be retrieved (architecture section 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Self

from adit.dicom.errors import Canceled, DicomError
from adit.dicom.protocols import Source
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.transfer.ledger import Tally

Listing = dict[UID, frozenset[UID] | None]
"""Series → SOP Instance UIDs of it, or None where the source did not say."""


def list_instances(source: Source, study: UID, series: Iterable[UID], *, lean: bool) -> Listing:
    """Ask *source* for the SOP Instance UIDs of each series at image level.

    A series that the source does not answer for is None, whatever the reason: its counts
    then have to do.

    Args:
        lean: Ask for nothing else. Otherwise the source learns its SOP classes too, which it
            needs to retrieve what it did not bring by guessing them.

    Raises:
        Canceled: The source's cancel token was set.
    """
    return {each: _instances(source, study, each, lean=lean) for each in series}


def _instances(source: Source, study: UID, series: UID, *, lean: bool) -> frozenset[UID] | None:
    query = Query.of(Level.INSTANCE, StudyInstanceUID=study, SeriesInstanceUID=series, lean=lean)
    try:
        found = frozenset(uid for match in source.find(query) if (uid := match.uid("SOPInstanceUID")))
    except Canceled:
        raise
    except DicomError:
        return None
    # A PACS without image level answers success with nothing; but the series is there.
    return found or None


class Asking:
    """The question for instance UIDs, asked while the instances arrive. A context manager.

    Where the source allows one association only, it is asked when the answer is wanted.
    """

    def __init__(self, source: Source, study: UID, series: Sequence[UID]) -> None:
        self._ask: Callable[[], Listing] = partial(list_instances, source, study, tuple(series), lean=True)
        self._pool: ThreadPoolExecutor | None = None
        self._answer: Future[Listing] | None = None
        if series and source.capabilities.finds_while_retrieving:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="asking")
            self._answer = self._pool.submit(self._ask)

    def answer(self) -> Listing:
        """Wait for the answer, or ask now."""
        return self._ask() if self._answer is None else self._answer.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            # Not waited for: whoever closes the source ends a question that is still out.
            self._pool.shutdown(wait=False, cancel_futures=True)


def still_missing(study: UID, tallies: Iterable[Tally]) -> Iterator[Ref]:
    """What a further retrieve has to ask for: expected minus stored, in as few references as will do."""
    for tally in tallies:
        if tally.left_out:
            continue
        missing = tally.missing()
        if missing is None:
            # Only a number is known: the whole series comes again, and what is stored is left out.
            if tally.count is None or len(tally.stored) + len(tally.excluded) < tally.count:
                yield Ref(study, tally.series)
        elif missing and missing == tally.listed:
            yield Ref(study, tally.series)
        else:
            yield from (Ref(study, tally.series, instance) for instance in sorted(missing))
