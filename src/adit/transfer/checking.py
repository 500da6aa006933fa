"""The tripwire alone: do files still tell who is meant, whoever treated them?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from pydicom import Dataset

from adit.deid.known import Known
from adit.deid.tripwire import search
from adit.dicom.errors import BadData
from adit.dicom.instance import Instance
from adit.dicom.part10 import read_part10
from adit.dicom.reading import read
from adit.dicom.refs import UID, Ref
from adit.dicom.scan import DEFLATED_SYNTAXES
from adit.endpoints.files import FileBody, in_folder

NAME = "file name"
META = "file meta information"

_MOST = 1 << 29
"""Bytes of a file that is looked at behind its pixel data too."""


_NOBODY = Ref(UID("0"), UID("0"), UID("0"))


@dataclass(frozen=True, slots=True)
class Told:
    """An identifier that is left in a file, or why the file could not be looked at.

    Attributes:
        file: Below the folder that is checked.
        where: The path of an element, `file name` or `file meta information`; empty for a file that cannot be read.
        keyword: Of the element; empty where it has none.
        what: Which kind of identifier it is, or what is wrong with the file. Never the identifier itself.
    """

    file: PurePath
    where: str
    keyword: str
    what: str


def check(folder: Path, known: Known) -> Iterator[tuple[PurePath, list[Told]]]:
    """Look through every file below *folder* for something of *known*; yield each with what was found in it."""
    root = folder if folder.is_dir() else folder.parent
    for path in in_folder(folder) if folder.is_dir() else (folder,):
        file = path.relative_to(root)
        yield file, list(_told(path, file, known))


def _told(path: Path, file: PurePath, known: Known) -> Iterator[Told]:
    for part in file.parts:
        if kind := known.hit(part):
            yield Told(file, NAME, "", kind)
    try:
        start, dataset = _parsed(path)
    except BadData as error:
        yield Told(file, "", "", str(error))
        return
    except OSError as error:
        yield Told(file, "", "", f"it cannot be read: {error.strerror}")
        return
    if kind := known.hit_in("UN", start):
        yield Told(file, META, "", kind)
    try:
        for finding in search(dataset, known, made=lambda _tag, _text: False):
            yield Told(file, finding.path, finding.keyword, finding.kind)
    except Exception as error:  # noqa: BLE001  pydicom raises whatever its readers stumble on
        yield Told(file, "", "", f"it cannot be looked through to its end: {type(error).__name__}")


def _parsed(path: Path) -> tuple[bytes, Dataset]:
    """What stands before the data set of a file, and the data set; of huge ones without what is behind the pixels."""
    found = read_part10(path)
    with path.open("rb") as file:
        start = file.read(found.offset)
        if found.transfer_syntax not in DEFLATED_SYNTAXES and path.stat().st_size <= _MOST:
            return start, read(file.read(), found.transfer_syntax)
    body = FileBody(path, found.offset)
    with Instance(_NOBODY, found.sop_class, found.transfer_syntax, body) as instance:
        return start, instance.head()
