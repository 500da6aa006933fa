"""pydicom's own test files, taken apart without the code under test."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.filewriter import write_dataset

from adit.dicom.contexts import EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.refs import UID

_FOLDER = Path(pydicom.__file__).parent / "data"


@dataclass(frozen=True)
class File:
    path: Path
    dataset: Dataset
    transfer_syntax: UID
    encoded: bytes

    @property
    def name(self) -> str:
        return self.path.name


@cache
def readable_files() -> tuple[File, ...]:
    """Every file that pydicom finds a SOP Instance or Study Instance UID in."""
    found = (opened(path) for path in sorted(_FOLDER.rglob("*")) if path.is_file())
    return tuple(file for file in found if file is not None)


def file(name: str) -> File:
    return next(file for file in readable_files() if file.name == name)


def opened(path: Path) -> File | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path, force=True)
            if not (dataset.get("SOPInstanceUID") or dataset.get("StudyInstanceUID")):
                return None
        except Exception:  # noqa: BLE001  what pydicom cannot read is no oracle
            return None
    content = path.read_bytes()
    stream = BytesIO(content)
    read_preamble(stream, force=True)
    _read_file_meta_info(stream)
    implicit, little = dataset.original_encoding
    native = IMPLICIT if implicit else EXPLICIT if little else EXPLICIT_BIG_ENDIAN
    syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID", native)))
    return File(path, dataset, syntax, content[stream.tell() :])


def encoded(dataset: Dataset, transfer_syntax: UID = EXPLICIT) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = transfer_syntax == IMPLICIT
    buffer.is_little_endian = transfer_syntax != EXPLICIT_BIG_ENDIAN
    write_dataset(buffer, dataset)
    return buffer.getvalue()
