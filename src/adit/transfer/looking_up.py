"""What would become of studies, if they were sent: found out by queries only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from adit.deid.gate import Gate
from adit.dicom.errors import NotFound
from adit.dicom.match import Match
from adit.dicom.protocols import Source
from adit.dicom.refs import UID
from adit.transfer.items import TransferStudy
from adit.transfer.planners import resolve
from adit.transfer.runners import list_series
from adit.transfer.treating import Treats, Unfit, WrongPatient, stays_behind

FOUND, AMBIGUOUS, NOT_FOUND, NOT_PERMITTED, ALREADY_THERE = (
    "found",
    "ambiguous",
    "not found",
    "not permitted",
    "already there",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a source said of one study.

    Attributes:
        outcome: One of the words above.
        reason: For a person; empty where the outcome says all.
        study: None where it is unknown.
        going: The series that would go.
        behind: Why others would stay behind → how many.
        risks: What may be wrong with some that go → how many.
        unchecked: Series whose pixels nobody checked: they go by leave only, whether it was given here or not.
    """

    item: TransferStudy
    outcome: str
    reason: str = ""
    study: Match | None = None
    going: tuple[Match, ...] = ()
    behind: Mapping[str, int] = field(default_factory=dict)
    risks: Mapping[str, int] = field(default_factory=dict)
    unchecked: tuple[Match, ...] = ()

    @property
    def series_count(self) -> int:
        return len(self.going) + sum(self.behind.values())

    @property
    def instances(self) -> int | None:
        """How many would go; None where the source does not count those of one series."""
        return instances_of(self.going)


def instances_of(series: Sequence[Match]) -> int | None:
    """How many *series* have together; None where the source does not count those of one of them."""
    counts = [match.instances for match in series]
    return None if None in counts else sum(filter(None, counts))


def look_up_all(
    items: Sequence[TransferStudy], source: Source, *, treats_of: Callable[[TransferStudy], Treats]
) -> Iterator[Seen]:
    """Ask *source* for *items*: many studies in a query, then the series of each that may go.

    Args:
        treats_of: What would be done to a study on its way.

    Raises:
        DicomError: The source does not answer.
    """
    known = resolve(source, items).known
    for item in items:
        study = known.get(item.study)
        if study is None:
            yield Seen(item, NOT_FOUND, "the source does not have the study")
        else:
            yield _seen(item, study, source, treats_of(item))


def _seen(item: TransferStudy, study: Match, source: Source, treats: Treats) -> Seen:
    try:
        note = treats.whose(item, study)
        series = list_series(source, item)
    except WrongPatient as wrong:
        return Seen(item, AMBIGUOUS, str(wrong), study)
    except Unfit as unfit:
        return Seen(item, NOT_PERMITTED, str(unfit), study)
    except NotFound as missing:
        return Seen(item, NOT_FOUND, str(missing), study)
    behind, risks, going, unchecked = Counter[str](), Counter[str](), list[Match](), list[Match]()
    for match in series:
        reason, risk = treats.stays_behind(study, match), stays_behind(_STRICT, study, match)
        if risk and reason in ("", risk) and not stays_behind(_LENIENT, study, match):
            unchecked.append(match)
        if reason:
            behind[reason] += 1
            continue
        going.append(match)
        if risk:
            risks[risk] += 1
    said = [note, "" if going else "all of it would stay behind"]
    return Seen(item, FOUND, "; ".join(filter(None, said)), study, tuple(going), behind, risks, tuple(unchecked))


_STRICT = Gate()
"""Lets nothing pass that may show names in its pixels."""

_LENIENT = Gate(unchecked_pixels=True)
"""Lets pass what a person may let pass."""


def held_there(
    seen: Sequence[Seen], destination: Source, *, new_uid: Callable[[TransferStudy, UID], UID]
) -> dict[UID, int]:
    """Study → how many of its instances that would go *destination* has already, under the UIDs they have there.

    By counts only: a study that is whole there is not looked into. Studies that it does not have are left out.

    Raises:
        DicomError: The destination does not answer.
    """
    asked = {new_uid(each.item, each.item.study): each for each in seen if each.going}
    if not asked:
        return {}
    there = resolve(destination, [TransferStudy(study) for study in asked]).known
    held: dict[UID, int] = {}
    for study in there:
        each = asked[study]
        try:
            series = list_series(destination, TransferStudy(study))
        except NotFound:
            continue
        counts = {match.ref.series: match.instances or 0 for match in series if match.ref}
        held[each.item.study] = sum(
            min(counts.get(new_uid(each.item, match.ref.series), 0), match.instances or 0)
            for match in each.going
            if match.ref and match.ref.series
        )
    return held
