"""Identifiers of C-FIND, C-GET and C-MOVE to and from bytes (PS3.4 C.1.4)."""

from __future__ import annotations

from io import BytesIO

from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from adit.dicom.contexts import IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.refs import UID

MOST_IDENTIFIER = 1 << 24
"""Bytes of an identifier that a peer may send."""


def encode_identifier(identifier: Dataset, transfer_syntax: UID) -> bytes:
    """Encode *identifier* in a little endian *transfer_syntax*.

    Raises:
        BadData: A value does not fit its attribute.
    """
    file = DicomBytesIO()
    file.is_little_endian = True
    file.is_implicit_VR = transfer_syntax == IMPLICIT
    try:
        write_dataset(file, identifier)
    except Exception as error:  # pydicom raises whatever its writers stumble on
        raise BadData(f"the identifier cannot be encoded: {type(error).__name__}") from error
    return file.getvalue()


def decode_identifier(encoded: bytes, transfer_syntax: UID) -> Dataset:
    """Decode what a peer sent. Values are parsed when they are asked for, and may be broken then.

    Raises:
        BadData: It is no data set.
    """
    try:
        return read_dataset(
            BytesIO(encoded),
            is_implicit_VR=transfer_syntax == IMPLICIT,
            is_little_endian=True,
        )
    except Exception as error:  # pydicom raises whatever its readers stumble on
        raise BadData(f"the peer's identifier cannot be parsed: {type(error).__name__}") from error
