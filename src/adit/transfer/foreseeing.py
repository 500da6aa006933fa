"""What of a study will stay behind when it is pseudonymised, as far as a source can tell: said before it is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adit.deid.gate import Gate
from adit.dicom.match import Match
from adit.dicom.protocols import Source
from adit.dicom.refs import UID
from adit.transfer.items import TransferStudy
from adit.transfer.runners import list_series
from adit.transfer.treating import stays_behind


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Attributes:
    series: How many there are.
    behind: Why series stay behind → how many.
    """

    series: int
    behind: Mapping[str, int]

    def __str__(self) -> str:
        reasons = "; ".join(f"{reason} ({count})" for reason, count in self.behind.items())
        verb = "stays" if sum(self.behind.values()) == 1 else "stay"
        return f"{sum(self.behind.values())} of {self.series} series {verb} behind: {reasons}"


def foresee(source: Source, items: Iterable[TransferStudy], known: Mapping[UID, Match], gate: Gate) -> Foreseen:
    """Ask *source* for the series of *items*, and *gate* which of them go.

    Args:
        known: What the source said of the studies; others are passed over.

    Raises:
        DicomError: The source does not answer.
    """
    series = 0
    behind: Counter[str] = Counter()
    for item in items:
        study = known.get(item.study)
        if study is None:
            continue
        for match in list_series(source, item):
            series += 1
            if reason := stays_behind(gate, study, match):
                behind[reason] += 1
    return Foreseen(series, behind)
