"""How much a study weighs and how long it takes, told from counts before anything of it is moved.

The rule: instances of a series times the bytes that an instance of its modality has, as ADIT has seen it at the same
source, else as the table here says; bytes over the speed between the two nodes, as ADIT has measured it, else unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from adit.dicom.match import Match

_KB, _MB = 1000, 1_000_000

TYPICAL: Mapping[str, float] = {
    "CT": 530 * _KB, "MR": 300 * _KB, "PT": 80 * _KB, "NM": 500 * _KB,
    "CR": 10 * _MB, "DX": 15 * _MB, "MG": 30 * _MB, "RF": 5 * _MB, "XA": 15 * _MB, "US": 2 * _MB, "OT": 1 * _MB,
    "SC": 1 * _MB, "DOC": 1 * _MB, "SEG": 1 * _MB, "SM": 50 * _MB,
    "SR": 50 * _KB, "PR": 20 * _KB, "KO": 10 * _KB, "REG": 100 * _KB,
    "RTSTRUCT": 1 * _MB, "RTDOSE": 5 * _MB, "RTPLAN": 100 * _KB, "RTIMAGE": 2 * _MB,
}  # fmt: skip
"""Bytes of an instance as most devices make it, uncompressed."""

BESIDE = frozenset(("SR", "PR", "KO", "SC", "OT", "DOC", "REG", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE"))
"""Of these a study has hardly any beside its images."""

OTHER = 500.0 * _KB
"""Of a modality that the table does not have."""


@dataclass(frozen=True, slots=True)
class Experience:
    """What was measured.

    Attributes:
        weights: Modality → bytes of an instance.
        speed: Bytes a second of one task; None where nothing was measured.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    speed: float | None = None

    def weight(self, series: Iterable[Match]) -> int | None:
        """Bytes of *series*; None where the source does not count the instances of one."""
        total = 0.0
        for match in series:
            if match.instances is None:
                return None
            total += match.instances * self._of_instance(match.text("Modality").upper())
        return round(total)

    def of_study(self, study: Match) -> int | None:
        """Bytes of a study of which the series are not known: its instances are taken for those of its images."""
        if study.instances is None:
            return None
        images = [modality for modality in study.modalities if modality not in BESIDE] or study.modalities or ("",)
        return round(study.instances * sum(map(self._of_instance, images)) / len(images))

    def seconds(self, weight: int | None) -> float | None:
        """How long one task takes for so many bytes."""
        return None if weight is None or not self.speed else round(weight / self.speed, 1)

    def _of_instance(self, modality: str) -> float:
        return self.weights.get(modality) or TYPICAL.get(modality, OTHER)
