"""How large instances usually are: for estimates before anything is retrieved, and for nothing else."""

from __future__ import annotations

from collections.abc import Collection

from adit.dicom.match import Match

_MB = 1e6

# Uncompressed, from what these machines usually write: rows × columns × bytes of an image, with its frames.
_USUAL = {
    "CT": 0.53 * _MB,
    "MR": 0.3 * _MB,
    "PT": 0.05 * _MB,
    "NM": 1 * _MB,
    "CR": 9 * _MB,
    "DX": 15 * _MB,
    "MG": 25 * _MB,
    "US": 3 * _MB,
    "XA": 20 * _MB,
    "RF": 8 * _MB,
    "SC": 1 * _MB,
    "OT": 1 * _MB,
    "SEG": 2 * _MB,
    "RTDOSE": 5 * _MB,
    "SR": 0.02 * _MB,
    "PR": 0.01 * _MB,
    "KO": 0.005 * _MB,
}

_OTHER = 1 * _MB

_FEW = frozenset(("SR", "PR", "KO"))
"""A study of which these are a part has hardly any instances of them."""


def usual_size(modalities: Collection[str]) -> float:
    """Bytes of one instance of a study or series that has *modalities*: the mean of theirs."""
    images = [modality for modality in modalities if modality not in _FEW] or list(modalities)
    sizes = [_USUAL.get(modality, _OTHER) for modality in images]
    return sum(sizes) / len(sizes) if sizes else _OTHER


def usual_bytes(match: Match) -> float | None:
    """Bytes of a study or series; None where its source does not say how many instances it has."""
    return None if match.instances is None else match.instances * usual_size(match.modalities)
