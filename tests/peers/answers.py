"""How the misbehaving PACS answers a C-FIND."""

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from io import BytesIO

import pydicom.uid
from pydicom import Dataset
from pydicom.filereader import read_dataset

from adit.site.demo.matching import answer, matches, values_of
from tests.peers.data import File
from tests.peers.scripts import Script
from tests.peers.wire import encode_data

_UNIQUE = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
_PIXEL_DATA = 0x7FE00010
_HEAD = 1 << 20  # bytes in which the pixel data begin


@lru_cache(maxsize=4096)
def attributes_of(file: File) -> Dataset:
    """The data set of an instance without its pixels."""
    encoded = file.encoded[:_HEAD]
    if file.transfer_syntax == pydicom.uid.DeflatedExplicitVRLittleEndian:
        encoded = zlib.decompressobj(-zlib.MAX_WBITS).decompress(encoded)
    return read_dataset(
        BytesIO(encoded),
        file.transfer_syntax == pydicom.uid.ImplicitVRLittleEndian,
        file.transfer_syntax != pydicom.uid.ExplicitVRBigEndian,
        stop_when=lambda tag, _vr, _length: tag >= _PIXEL_DATA,
    )


def named(files: Iterable[File], identifier: Dataset) -> list[File]:
    """The instances that the unique keys of a C-GET identifier name."""
    keys = {key: values_of(identifier[key]) for key in _UNIQUE.values() if identifier.get(key)}
    return [
        file
        for file in files
        if all(str(attributes_of(file).get(key, "")) in values for key, values in keys.items())
    ]  # fmt: skip


def found(files: Sequence[File], identifier: Dataset, script: Script) -> list[Dataset]:
    """The answers to a C-FIND identifier, with what *script* does wrong to their content."""
    level = str(identifier.get("QueryRetrieveLevel", ""))
    if level == "IMAGE" and script.image_level == "empty":
        return []
    groups: dict[str, list[File]] = {}
    for file in files:
        groups.setdefault(str(attributes_of(file)[_UNIQUE[level]].value), []).append(file)
    answers = []
    for group in groups.values():
        attributes = Dataset()
        attributes.update(attributes_of(group[0]))
        if level in ("PATIENT", "STUDY", "SERIES"):
            _count(attributes, level, group, script)
        if script.ignores_filters or matches(attributes, identifier):
            answers.append(answer(attributes, identifier))
    if script.leaves_out_counts:
        for each in answers:
            for element in [e for e in each if e.keyword.startswith("NumberOf") and "Related" in e.keyword]:
                del each[element.tag]
    return answers


def encoded(data: Dataset, syntax: str, script: Script) -> bytes:
    """An answer as it goes over the wire."""
    octets = encode_data(data, syntax)
    if script.no_character_set and "SpecificCharacterSet" in data:
        # It is the first element; the head of a CS is 8 bytes, with and without explicit VR.
        octets = octets[8 + int.from_bytes(octets[6:8] if octets[4:6] == b"CS" else octets[4:8], "little") :]
    return octets


def keys_of(identifier: Dataset) -> tuple[tuple[str, str], ...]:
    """The keys of an identifier as text, several values joined by backslash."""
    return tuple((e.keyword, "\\".join(values_of(e))) for e in identifier if e.VR != "SQ")


def _count(attributes: Dataset, level: str, group: Sequence[File], script: Script) -> None:
    off = script.counts_off_by
    name = level.title()
    setattr(attributes, f"NumberOf{name}RelatedInstances", max(0, len(group) + off))
    if level != "SERIES":
        setattr(attributes, f"NumberOf{name}RelatedSeries", max(0, len({file.series for file in group}) + off))
        attributes.ModalitiesInStudy = sorted({str(attributes_of(file).Modality) for file in group})
