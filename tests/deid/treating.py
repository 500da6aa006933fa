"""Instances for the treatment, and what comes out of it, read by pydicom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pydicom import Dataset

from adit.deid.gate import Gate
from adit.deid.profile import PROFILES, Profile, WithoutPatientID
from adit.deid.treatment import Order, Treatment
from adit.dicom.contexts import EXPLICIT
from adit.dicom.instance import InMemory, Instance
from adit.dicom.reading import read
from adit.dicom.refs import UID, Ref
from tests.dicom.files import File, encoded
from tests.peers.data import CT_IMAGE

KEY = bytes(range(32))
PSEUDONYM = "PSEUDONYM-1"


def profile(name: str = "research", **changes: object) -> Profile:
    """A shipped profile that also takes objects without PatientID."""
    return replace(PROFILES[name], without_patient_id=WithoutPatientID.BY_STUDY, **changes)  # type: ignore[arg-type]


def order(name: str = "research", **changes: object) -> Order:
    """An order for anybody's instances, whatever their pixels show."""
    made = Order(profile(name), KEY, PSEUDONYM, Gate(unchecked_pixels=True))
    return replace(made, **changes)  # type: ignore[arg-type]


def ct(**attributes: object) -> Dataset:
    """A small data set with the UIDs of a CT image, and *attributes* by keyword."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = CT_IMAGE
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.1", "1.2.3.2", "1.2.3.3"
    dataset.PatientID, dataset.PatientName = "12345678", "Mustermann^Erika"
    dataset.PatientBirthDate, dataset.StudyDate, dataset.StudyTime = "19700615", "20200310", "101112"
    dataset.Modality = "CT"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def instance(dataset: Dataset, transfer_syntax: UID = EXPLICIT) -> Instance:
    """*dataset*, encoded in an uncompressed transfer syntax."""
    return instance_of(encoded(dataset, transfer_syntax), dataset, transfer_syntax)


def instance_of(content: bytes, dataset: Dataset, transfer_syntax: UID) -> Instance:
    """*content* as an instance with the UIDs of *dataset*."""
    ref = Ref(UID(dataset.StudyInstanceUID), UID(dataset.SeriesInstanceUID), UID(dataset.SOPInstanceUID))
    return Instance(ref, UID(dataset.SOPClassUID), transfer_syntax, InMemory(content))


def from_file(file: File) -> Instance:
    return instance_of(file.encoded, file.dataset, file.transfer_syntax)


def content(instance: Instance) -> bytes:
    """All bytes of its data set."""
    return b"".join(bytes(chunk) for chunk in instance.body.chunks())


def treated(dataset: Dataset, name: str = "research", **changes: object) -> Dataset:
    """*dataset* as a shipped profile leaves it."""
    return read(content(Treatment(order(name, **changes)).apply(instance(dataset))), EXPLICIT)


class Dripping:
    """A body that arrives in pieces of *size* bytes, and may break off."""

    def __init__(self, content: bytes, size: int, *, complete: bool = True) -> None:
        self._content = content
        self._size = size
        self._complete = complete
        self.closed = False

    @property
    def size(self) -> int | None:
        return len(self._content) if self._complete else None

    def chunks(self, start: int = 0) -> Iterator[memoryview]:
        for at in range(start, len(self._content), self._size):
            yield memoryview(self._content)[at : at + self._size]

    def close(self) -> None:
        self.closed = True
