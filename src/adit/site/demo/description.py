"""Descriptions: who was examined, and what series of how many instances there are. Cheap; no pixels."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from adit.dicom.refs import UID

_DIGITS = 34

CT_IMAGE = UID("1.2.840.10008.5.1.4.1.1.2")
MR_IMAGE = UID("1.2.840.10008.5.1.4.1.1.4")
CR_IMAGE = UID("1.2.840.10008.5.1.4.1.1.1")
US_IMAGE = UID("1.2.840.10008.5.1.4.1.1.6.1")
SECONDARY_CAPTURE = UID("1.2.840.10008.5.1.4.1.1.7")
DOSE_REPORT = UID("1.2.840.10008.5.1.4.1.1.88.67")
STRUCTURE_SET = UID("1.2.840.10008.5.1.4.1.1.481.3")
SEGMENTATION = UID("1.2.840.10008.5.1.4.1.1.66.4")


def uid_of(name: str) -> UID:
    """The UID that belongs to *name* (PS3.5 B.2): always the same, always 40 characters."""
    number = int.from_bytes(hashlib.sha256(f"adit demo {name}".encode()).digest(), "big")
    return UID(f"2.25.{10**_DIGITS + number % (9 * 10**_DIGITS)}")


class Kind(StrEnum):
    """What a series shows, and so how it is computed."""

    CT_THORAX = "ct thorax"
    CT_HEAD = "ct head"
    MR_T1 = "mr t1"
    MR_T2 = "mr t2"
    CHEST_RADIOGRAPH = "chest radiograph"
    ULTRASOUND = "ultrasound"
    DOSE_SHEET = "dose sheet"
    DOSE_REPORT = "dose report"
    STRUCTURES = "structures"
    SEGMENTATION = "segmentation"


MODALITY = {
    Kind.CT_THORAX: ("CT", CT_IMAGE),
    Kind.CT_HEAD: ("CT", CT_IMAGE),
    Kind.MR_T1: ("MR", MR_IMAGE),
    Kind.MR_T2: ("MR", MR_IMAGE),
    Kind.CHEST_RADIOGRAPH: ("CR", CR_IMAGE),
    Kind.ULTRASOUND: ("US", US_IMAGE),
    Kind.DOSE_SHEET: ("CT", SECONDARY_CAPTURE),
    Kind.DOSE_REPORT: ("SR", DOSE_REPORT),
    Kind.STRUCTURES: ("RTSTRUCT", STRUCTURE_SET),
    Kind.SEGMENTATION: ("SEG", SEGMENTATION),
}
"""Modality (0008,0060) and SOP Class UID of each kind."""


@dataclass(frozen=True, slots=True)
class DemoPatient:
    """Somebody who does not exist.

    Attributes:
        name: As in PatientName: family^given, ideographic and phonetic groups after `=`.
        character_set: Specific Character Set (0008,0005), values joined by backslash.
        birth_date: YYYYMMDD.
        sex: M, F or O.
    """

    id: str
    name: str
    birth_date: str
    sex: str
    character_set: str = "ISO_IR 100"


@dataclass(frozen=True, slots=True)
class DemoSeries:
    """One series.

    Attributes:
        key: Unique among all series; its UIDs derive from it.
        count: Instances.
        edge: Rows and columns of its (square) images; 0 where it holds none.
        private_name: The patient's name is hidden in a private element.
        of: The key of the CT series that an RTSTRUCT or a SEG points at, and its number of instances.
    """

    key: str
    kind: Kind
    number: int
    description: str
    body_part: str
    count: int
    edge: int = 0
    private_name: bool = False
    of: tuple[str, int] = ("", 0)

    @property
    def uid(self) -> UID:
        return uid_of(f"series {self.key}")

    @property
    def modality(self) -> str:
        return MODALITY[self.kind][0]

    @property
    def sop_class(self) -> UID:
        return MODALITY[self.kind][1]

    def instance(self, number: int) -> UID:
        """SOP Instance UID of the instance with this Instance Number, 1 to `count`."""
        return instance_of(self.key, number)


def instance_of(series_key: str, number: int) -> UID:
    """SOP Instance UID of an instance of the series with this key."""
    return uid_of(f"instance {series_key} {number}")


@dataclass(frozen=True, slots=True)
class DemoStudy:
    """One study.

    Attributes:
        date: YYYYMMDD.
        time: HHMMSS.
    """

    key: str
    patient: DemoPatient
    date: str
    time: str
    description: str
    accession_number: str
    series: tuple[DemoSeries, ...]

    @property
    def uid(self) -> UID:
        return uid_of(f"study {self.key}")

    @property
    def frame_of_reference(self) -> UID:
        return uid_of(f"frame {self.key}")

    @property
    def instances(self) -> int:
        """How many instances it has."""
        return sum(each.count for each in self.series)

    def uids(self) -> Iterator[tuple[DemoSeries, int, UID]]:
        """Every instance: its series, Instance Number and SOP Instance UID."""
        for series in self.series:
            for number in range(1, series.count + 1):
                yield series, number, series.instance(number)
