"""Encoding (PS3.5, Explicit VR Little Endian): whole data sets, and templates for many that differ in little."""

import struct
from collections.abc import Mapping
from io import BytesIO

import pydicom.uid
from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info

from adit.dicom.refs import UID
from adit.site.demo.description import uid_of

EXPLICIT_LITTLE = UID("1.2.840.10008.1.2.1")


def encode(data: Dataset) -> bytes:
    """The encoded data set, by its own Specific Character Set."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    write_dataset(buffer, data)
    return bytes(buffer.getvalue())


def pixel_data(content: bytes, *, bits_allocated: int = 16) -> bytes:
    """The element Pixel Data (7FE0,0010), native."""
    content += b"\0" * (len(content) % 2)
    return struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW" if bits_allocated > 8 else b"OB", 0, len(content)) + content


def part10(sop_class: UID, uid: UID, encoded: bytes) -> bytes:
    """A Part 10 file (PS3.10 chapter 7) around an encoded data set."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = pydicom.uid.UID(sop_class)
    meta.MediaStorageSOPInstanceUID = pydicom.uid.UID(uid)
    meta.TransferSyntaxUID = pydicom.uid.UID(EXPLICIT_LITTLE)
    meta.ImplementationClassUID = pydicom.uid.UID(uid_of("implementation"))
    meta.ImplementationVersionName = "ADIT_DEMO"
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta, enforce_standard=True)
    out = BytesIO()
    out.write(b"\0" * 128 + b"DICM" + buffer.getvalue() + encoded)
    return out.getvalue()


class Template:
    """An encoded data set in which a few elements, of fixed length and short form, can be replaced.

    A series of 300 images is encoded once instead of 300 times.
    """

    def __init__(self, data: Dataset, first: Mapping[str, str]) -> None:
        """Encode *data* with the values in *first*, by keyword; those can be replaced later."""
        for keyword, value in first.items():
            setattr(data, keyword, value.split("\\") if "\\" in value else value)
        encoded = encode(data)
        self._pieces: list[bytes] = []
        self._lengths = {keyword: len(value) for keyword, value in first.items()}
        for keyword, value in sorted(first.items(), key=lambda each: tag_for_keyword(each[0]) or 0):
            before, found, encoded = encoded.partition(_element(keyword, value))
            assert found, f"{keyword} is not where it should be"
            self._pieces.append(before)
        self._pieces.append(encoded)
        self._keywords = sorted(first, key=lambda each: tag_for_keyword(each) or 0)

    def fill(self, values: Mapping[str, str]) -> bytes:
        """The encoded data set with these values, each as long as the first one was."""
        assert all(len(values[keyword]) == length for keyword, length in self._lengths.items())
        parts = [self._pieces[0]]
        for keyword, after in zip(self._keywords, self._pieces[1:], strict=True):
            parts += [_element(keyword, values[keyword]), after]
        return b"".join(parts)


def _element(keyword: str, value: str) -> bytes:
    tag = tag_for_keyword(keyword) or 0
    vr = dictionary_VR(tag)
    text = value.encode("ascii")
    text += (b"\0" if vr == "UI" else b" ") * (len(text) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode("ascii"), len(text)) + text
