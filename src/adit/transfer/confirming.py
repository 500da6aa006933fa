"""Asking the destination, after all has gone, for what it holds and what it takes responsibility for."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from adit.dicom.errors import Canceled, DicomError
from adit.dicom.protocols import Cancellation, Commitment, Sink
from adit.dicom.refs import UID, Ref
from adit.transfer.events import Confirmed, Denied, Event, Noted, Unanswered
from adit.transfer.ledger import Ledger

CONFIRM_WAITS = (0.2, 1.0, 3.0)
"""Seconds between questions to a destination that does not list everything yet."""


def confirm(
    study: UID, sink: Sink, ledger: Ledger, cancel: Cancellation, new_uid: Callable[[UID], UID]
) -> Iterator[Event]:
    """Have the destination confirm what was stored: by commitment where it gives that, the rest by what it lists.

    A commitment that is denied counts, whatever is listed; one that does not come counts for nothing.

    Args:
        new_uid: What a study or an instance is called at the destination.

    Raises:
        Canceled: A cancel token was set.
        DicomError: The destination did not answer.
    """
    stored = frozenset(map(new_uid, ledger.stored_instances))
    promised = sink.capabilities.commits(stored) if sink.capabilities.commits else Commitment()
    denied = dict(promised.denied)
    for note in promised.notes:
        yield Noted(note)
    for tally in list(ledger.series.values()):
        for instance in sorted(tally.stored):
            if new_uid(instance) in denied:
                yield Denied(Ref(study, tally.series, instance), denied[new_uid(instance)])
    unsaid = stored - promised.committed - denied.keys()
    held: frozenset[UID] | None = None
    if unsaid or not stored:
        held = yield from _held(new_uid(study), unsaid, sink, cancel)
    known = (promised.committed | (held or frozenset())) - denied.keys()
    for tally in list(ledger.series.values()):
        instances = {instance: new_uid(instance) for instance in tally.stored}
        if held is not None or (instances and unsaid.isdisjoint(instances.values())):
            yield Confirmed(tally.series, frozenset(old for old, new in instances.items() if new in known))


def _held(
    study: UID, wanted: frozenset[UID], sink: Sink, cancel: Cancellation
) -> Generator[Event, None, frozenset[UID] | None]:
    """What the destination lists; asked more than once where it is slow to list what it took."""
    try:
        held = sink.holds(study)
        for seconds in CONFIRM_WAITS:
            if held is None or wanted <= held:
                break
            cancel.wait(seconds)
            held = sink.holds(study)
    except Canceled:
        raise
    except DicomError as error:
        yield Unanswered(str(error))
        raise
    return held
