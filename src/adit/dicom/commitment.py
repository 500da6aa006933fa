"""Storage commitment: what is asked for, and what is reported (PS3.4 J.3.2, J.3.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydicom import Dataset, Sequence

from adit.dicom.errors import BadData
from adit.dicom.refs import UID, BadUID, uid
from adit.dicom.values import read_whole, text

PUSH_MODEL_INSTANCE = UID("1.2.840.10008.1.20.1.1")
"""The well-known instance of the class, on which every action is done."""

REQUEST = 1
"""Action Type ID of the request."""

EVENTS = (1, 2)
"""Event Type IDs of the report: all is committed; some of it is not."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an SCP reports on one request.

    Attributes:
        transaction: Transaction UID of the request.
        committed: SOP Instance UIDs that it keeps safely.
        failed: SOP Instance UIDs that it does not, each with the Failure Reason (0008,1197), or None
            where that is missing. None of them is in *committed*.
    """

    transaction: UID
    committed: frozenset[UID] = frozenset()
    failed: tuple[tuple[UID, int | None], ...] = ()


def commitment_request(transaction: UID, instances: Mapping[UID, UID]) -> Dataset:
    """The Action Information of a request (PS3.4 table J.3-1).

    Args:
        instances: SOP Instance UID → SOP Class UID, at least one.
    """
    dataset = Dataset()
    dataset.TransactionUID = transaction
    dataset.ReferencedSOPSequence = Sequence(_item(*pair) for pair in instances.items())
    return dataset


def _item(instance: UID, sop_class: UID) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = instance
    return item


def read_report(dataset: Dataset) -> Report:
    """Read the Event Information of a report (PS3.4 table J.3-2).

    Its sequences decide, not its event type: some call a partial failure a success. An instance
    that stands in both has failed; one that is named by no UID is passed over.

    Raises:
        BadData: It names no transaction, or cannot be understood.
    """
    try:
        transaction = uid(text(dataset.get("TransactionUID")))
        failed = {one: read_whole(item.get("FailureReason")) for one, item in _items(dataset, "FailedSOPSequence")}
        committed = frozenset(one for one, _ in _items(dataset, "ReferencedSOPSequence"))
    except BadUID as bad:
        raise BadData("a report on storage commitment names no transaction") from bad
    except Exception as error:  # pydicom raises whatever its values stumble on
        raise BadData(f"a report on storage commitment cannot be parsed: {type(error).__name__}") from error
    return Report(transaction, committed - failed.keys(), tuple(failed.items()))


def _items(dataset: Dataset, keyword: str) -> Iterator[tuple[UID, Dataset]]:
    for item in dataset.get(keyword) or ():
        try:
            yield uid(text(item.get("ReferencedSOPInstanceUID"))), item
        except BadUID:
            continue
