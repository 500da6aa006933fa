"""The one place where pydicom reads an encoded data set."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from pydicom import Dataset, config
from pydicom.datadict import dictionary_VR
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from adit.dicom.contexts import EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.flat import read_flat
from adit.dicom.refs import UID
from adit.dicom.values import LATIN_1, charset_terms, decode_text

# For the whole process: what pydicom finds wrong in a value it would log, with the value.
config.settings.reading_validation_mode = config.IGNORE

MOST_FLAT = 1 << 14
"""Bytes of a data set that may have no sequences, as answers to queries have none."""

AFFECTED = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
"""VRs that SpecificCharacterSet affects (PS3.5 6.1.2.3)."""


def read(
    encoded: bytes | memoryview,
    transfer_syntax: UID,
    stop_when: Callable[[BaseTag, str | None, int], bool] | None = None,
) -> Dataset:
    """Parse *encoded*, which is not deflated. Values are converted when they are asked for.

    Private and unknown transfer syntaxes are taken for Explicit VR Little Endian.

    Args:
        stop_when: Told tag, VR and length of each element; true ends the reading before it.

    Raises:
        BadData: pydicom cannot make sense of it.
    """
    implicit, little = transfer_syntax == IMPLICIT, transfer_syntax != EXPLICIT_BIG_ENDIAN
    try:
        if stop_when is None and little and len(encoded) <= MOST_FLAT:
            flat = read_flat(bytes(encoded), implicit=implicit)
            if flat is not None:
                return flat
        return read_dataset(
            BytesIO(encoded),
            is_implicit_VR=implicit,
            is_little_endian=little,
            stop_when=stop_when,
        )
    except Exception as error:  # pydicom raises whatever its readers stumble on
        raise BadData(f"the data set cannot be parsed: {type(error).__name__}") from error


def charset_of(dataset: Dataset, outer: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The character sets of *dataset*; those of the data set around it where it names none (PS3.5 7.5.3)."""
    if "SpecificCharacterSet" not in dataset:
        return outer
    return charset_terms(dataset.get_item("SpecificCharacterSet").value)


def written_text(dataset: Dataset, tag: int, charset: tuple[str, ...], fallback: str = LATIN_1) -> str | None:
    """The text of an element that is still encoded; None where it is not, or no text by its VR."""
    element = dataset.get_item(tag)
    if element is None or not isinstance(element.value, bytes) or vr_of(tag, element.VR) not in AFFECTED:
        return None
    return decode_text(element.value, charset, fallback=fallback).rstrip("\0 ")


def vr_of(tag: int, written: str | None) -> str:
    """The VR of an element: as written, or as the dictionary has it; empty where neither knows."""
    if written:
        return written
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""
