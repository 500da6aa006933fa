"""What happens while an item of work runs, in the order in which it happens."""

from __future__ import annotations

from dataclasses import dataclass

from adit.dicom.refs import UID, Ref
from adit.transfer.items import Layout, TransferStudy


@dataclass(frozen=True, slots=True)
class Placed:
    """The study was looked at, and this is where it will lie. Comes before anything is stored.

    Attributes:
        patient_id, accession_number: As the source says them; empty where it does not.
    """

    patient_id: str
    accession_number: str
    layout: Layout | None


@dataclass(frozen=True, slots=True)
class Expected:
    """What the source has of a series. Comes again when more is known; the last word counts.

    Attributes:
        count: Instances, or None when the source cannot say.
        instances: Their SOP Instance UIDs, or None while only the count is known.
    """

    series: UID
    count: int | None
    instances: frozenset[UID] | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The destination was asked before sending, and holds these instances of a series already.

    What an earlier attempt believed to be stored and is not among them counts as not stored.
    """

    series: UID
    instances: frozenset[UID]


@dataclass(frozen=True, slots=True)
class Leaving:
    """The first instance of a series is about to be stored. Written down before it goes."""

    series: UID


@dataclass(frozen=True, slots=True)
class Received:
    """An instance is complete in our hands."""

    ref: Ref
    size: int


@dataclass(frozen=True, slots=True)
class Excluded:
    """An instance, or a whole series, stays behind by a rule that is named."""

    ref: Ref
    reason: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The destination answered success, or a warning, which is then in *note*."""

    ref: Ref
    size: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """An instance should have gone and did not, this time."""

    ref: Ref
    reason: str
    transient: bool = False


@dataclass(frozen=True, slots=True)
class Committed:
    """All that goes has gone, durably. What follows is asking the destination."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The destination was asked and lists these, and only these, instances of a series."""

    series: UID
    instances: frozenset[UID]


@dataclass(frozen=True, slots=True)
class Denied:
    """The destination answered success for an instance, and does not take responsibility for it."""

    ref: Ref
    reason: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The destination can be asked what it holds, but did not answer."""

    reason: str


@dataclass(frozen=True, slots=True)
class Doubted:
    """The destination may hold, under the UIDs that go, what was sent before, and keep that."""

    reason: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something a person should know that changes no number."""

    text: str
    series: UID | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A study was found that is to be moved: more work of the same job."""

    item: TransferStudy


@dataclass(frozen=True, slots=True)
class Swept:
    """A span of time was searched to its end.

    Attributes:
        found: Studies of the span.
        planned: Those that are to be moved.
        left_out: Why the others are not → how many.
        untold: What the source says of none of them, although it decides: nothing was decided by it.
        missing: Why the source may have more than were found, for a person; empty when it has no more.
        slight: It could only be what has no PatientID, or is no more than a suspicion.
        queries: How many it was asked.
        smallest: What may be missing is of single modalities of single days: no filter makes a smaller question.
    """

    found: int
    planned: int
    left_out: tuple[tuple[str, int], ...] = ()
    untold: tuple[str, ...] = ()
    missing: str = ""
    slight: bool = False
    queries: int = 0
    smallest: bool = False


Event = (
    Placed
    | Expected
    | Held
    | Leaving
    | Received
    | Excluded
    | Stored
    | Failed
    | Committed
    | Confirmed
    | Denied
    | Unanswered
    | Doubted
    | Noted
    | Planned
    | Swept
)
