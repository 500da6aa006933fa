"""The values of a data set that say who is meant."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from pydicom import Dataset

from adit.dicom.reading import charset_of, vr_of
from adit.dicom.values import decode_text, text


class Kind(StrEnum):
    """What somebody is known by, as people read it. The earlier counts where a value is two of them."""

    NAME = "the patient's name"
    ID = "the patient's id"
    BIRTH = "the birth date"
    ACCESSION = "the accession number"
    ORDER = "the number of an order or a stay"
    ADDRESS = "the patient's address"
    PHONE = "a phone number"
    PERSON = "a person's name"


Carried = tuple[Kind, str]
"""One value, with what it is."""

CARRIERS: dict[int, Kind] = {
    0x00080050: Kind.ACCESSION,
    0x00080094: Kind.PHONE,  # ReferringPhysicianTelephoneNumbers
    0x00100010: Kind.NAME,
    0x00100020: Kind.ID,
    0x00100030: Kind.BIRTH,
    0x00101000: Kind.ID,  # OtherPatientIDs
    0x00101001: Kind.NAME,  # OtherPatientNames
    0x00101005: Kind.NAME,  # PatientBirthName
    0x00101040: Kind.ADDRESS,
    0x00101060: Kind.NAME,  # PatientMotherBirthName
    0x00101090: Kind.ID,  # MedicalRecordLocator
    0x00102154: Kind.PHONE,  # PatientTelephoneNumbers
    0x00102297: Kind.NAME,  # ResponsiblePerson
    0x00120040: Kind.ID,  # ClinicalTrialSubjectID
    0x00200010: Kind.ORDER,  # StudyID
    0x00380010: Kind.ORDER,  # AdmissionID
    0x00380060: Kind.ORDER,  # ServiceEpisodeID
    0x00401001: Kind.ORDER,  # RequestedProcedureID
    0x00402016: Kind.ORDER,  # PlacerOrderNumberImagingServiceRequest
    0x00402017: Kind.ORDER,  # FillerOrderNumberImagingServiceRequest
}
"""Attributes that say who is meant, by tag; besides these every PN is a `PERSON`."""


def kind_of(tag: int, vr: str) -> Kind | None:
    """What the value of an element says of somebody, at any depth; None where it says nothing."""
    return CARRIERS.get(tag) or (Kind.PERSON if vr == "PN" else None)


def carried_by(dataset: Dataset, charset: tuple[str, ...] = ()) -> Iterator[Carried]:
    """Every value in *dataset*, at every depth, that says who is meant."""
    charset = charset_of(dataset, charset)
    for tag in dataset.keys():  # noqa: SIM118  a data set's iterator yields elements
        element = dataset.get_item(tag)
        vr = vr_of(tag, element.VR)
        if vr == "SQ":
            for item in dataset[tag].value or ():
                yield from carried_by(item, charset)
        elif kind := kind_of(tag, vr):
            value = element.value
            yield kind, decode_text(value, charset).strip("\0 ") if isinstance(value, bytes) else text(value)
