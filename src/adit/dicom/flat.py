"""Data sets without sequences, read without pydicom's parser: answers to queries come by the thousands."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import cast

from pydicom import DataElement, Dataset
from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import RawDataElement, empty_value_for_VR
from pydicom.tag import BaseTag
from pydicom.values import convert_string

from adit.dicom.scan import DELIMITING, UNDEFINED, VRS, reader

_CHARSET = BaseTag(0x00080005)

_tag = lru_cache(maxsize=1024)(BaseTag)
_VR_NAMES = {vr: vr.decode("ascii") for vr in VRS if vr != b"SQ"} | {b"": None}


def read_flat(encoded: bytes, *, implicit: bool) -> Dataset | None:
    """The data set that pydicom would read from *encoded*, in little endian, values not converted yet.

    Returns:
        None where it has sequences, or anything that is not as PS3.5 7.1 wants it: pydicom knows what to do then.
    """
    found: dict[BaseTag, DataElement | RawDataElement] = {}
    read = reader(implicit=implicit, order="<")
    at, end = 0, len(encoded)
    try:
        while at < end:
            number, written, length, start = read(encoded, at)
            at = start + length
            if length == UNDEFINED or at > end or number >> 16 == DELIMITING:
                return None
            tag, vr = _tag(number), _VR_NAMES[written]
            # Nothing in it, as pydicom tells that: empty bytes where they are text.
            value = encoded[start:at] if length else cast("bytes | None", empty_value_for_VR(vr, raw=True))
            found[tag] = RawDataElement(tag, vr, length, value, start, implicit, True)
    except (struct.error, KeyError):
        return None
    if implicit and encoded[4:6] in VRS:
        return None
    charset = found.get(_CHARSET)
    try:
        encoding = list(_encoding_of(charset.value)) if charset else default_encoding
    except Exception:  # noqa: BLE001  pydicom raises whatever it stumbles on, and shall say what that means
        return None
    dataset = Dataset(found)
    dataset.set_original_encoding(implicit, True, encoding)
    return dataset


@lru_cache(maxsize=64)
def _encoding_of(written: bytes | None) -> tuple[str, ...]:
    return tuple(convert_encodings(convert_string(written or b"", True)))
