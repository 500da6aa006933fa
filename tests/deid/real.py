"""Real objects: what pydicom, pydicom-data and pynetdicom are shipped with."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tests.dicom.files import File, opened, readable_files

_UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")

BROKEN = frozenset(("MR_truncated.dcm", "rtplan_truncated.dcm"))
"""Cut off on purpose."""


@cache
def real_objects() -> tuple[File, ...]:
    """Every composite object there is, whole or broken."""
    more = (opened(path) for package in ("data_store", "pynetdicom") for path in sorted(_of(package).rglob("*.dcm")))
    found = (*readable_files(), *(file for file in more if file))
    return tuple(file for file in found if all(file.dataset.get(keyword) for keyword in _UIDS))


@cache
def one_of_each() -> tuple[File, ...]:
    """One whole object for each SOP class, transfer syntax and manufacturer."""
    kinds = {}
    for file in real_objects():
        kind = (file.dataset.SOPClassUID, file.transfer_syntax, str(file.dataset.get("Manufacturer")))
        if file.name not in BROKEN:
            kinds.setdefault(kind, file)
    return tuple(kinds.values())


def _of(package: str) -> Path:
    found = find_spec(package)
    assert found is not None
    assert found.origin is not None, f"{package} is not installed"
    return Path(found.origin).parent
