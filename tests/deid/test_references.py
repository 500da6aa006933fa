"""Objects that point at one another still do: treated together or apart, in one job or in two."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydicom import Dataset

from adit.deid.treatment import Treatment
from adit.dicom.contexts import EXPLICIT
from adit.dicom.reading import read
from adit.site.demo.description import CT_IMAGE
from tests.deid.treating import content, ct, instance, order

STUDY, CT_SERIES, FRAME = "1.2.3.2", "1.2.3.3", "1.2.3.4"
"""UIDs of the study, of its CT series, and of the space in which the slices lie."""

SLICES = [f"1.2.3.10.{number}" for number in range(1, 4)]

_ROOT = "1.2.840.10008.5.1.4.1.1."


def reference(uid: str, sop_class: str = CT_IMAGE) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    return item


def in_series(keyword: str) -> Dataset:
    """The slices, under their series."""
    item = Dataset()
    item.SeriesInstanceUID = CT_SERIES
    setattr(item, keyword, [reference(uid) for uid in SLICES])
    return item


def made(sop_class: str, modality: str, number: int, **attributes: object) -> Dataset:
    return ct(
        SOPClassUID=_ROOT + sop_class,
        Modality=modality,
        SOPInstanceUID=f"1.2.3.2{number}.1",
        SeriesInstanceUID=f"1.2.3.2{number}",
        StudyInstanceUID=STUDY,
        **attributes,
    )


def slices() -> list[Dataset]:
    return [
        ct(SOPInstanceUID=uid, SeriesInstanceUID=CT_SERIES, StudyInstanceUID=STUDY, FrameOfReferenceUID=FRAME)
        for uid in SLICES
    ]


def seg() -> Dataset:
    frame = Dataset()
    derivation = Dataset()
    derivation.SourceImageSequence = [reference(SLICES[0])]
    frame.DerivationImageSequence = [derivation]
    return made(
        "66.4",
        "SEG",
        1,
        FrameOfReferenceUID=FRAME,
        ReferencedSeriesSequence=[in_series("ReferencedInstanceSequence")],
        PerFrameFunctionalGroupsSequence=[frame],
    )


def rtstruct() -> Dataset:
    study, frame, contours, contour = Dataset(), Dataset(), Dataset(), Dataset()
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", STUDY
    study.RTReferencedSeriesSequence = [in_series("ContourImageSequence")]
    frame.FrameOfReferenceUID = FRAME
    frame.RTReferencedStudySequence = [study]
    contour.ContourImageSequence = [reference(SLICES[1])]
    contours.ContourSequence = [contour]
    return made("481.3", "RTSTRUCT", 2, ReferencedFrameOfReferenceSequence=[frame], ROIContourSequence=[contours])


def evidence() -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = STUDY
    item.ReferencedSeriesSequence = [in_series("ReferencedSOPSequence")]
    return item


def content_item(value_type: str, code: tuple[str, str], **attributes: object) -> Dataset:
    name, item = Dataset(), Dataset()
    name.CodeValue, name.CodingSchemeDesignator = code
    name.CodeMeaning = "Concept"
    item.RelationshipType, item.ValueType = "CONTAINS", value_type
    item.ConceptNameCodeSequence = [name]
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def sr() -> Dataset:
    image = content_item("IMAGE", ("121112", "DCM"), ReferencedSOPSequence=[reference(SLICES[2])])
    region = content_item("UIDREF", ("112040", "DCM"), UID=f"{CT_SERIES}.77")
    return made(
        "88.33",
        "SR",
        3,
        ValueType="CONTAINER",
        CurrentRequestedProcedureEvidenceSequence=[evidence()],
        ContentSequence=[image, region],
    )


def ko() -> Dataset:
    image = content_item("IMAGE", ("113000", "DCM"), ReferencedSOPSequence=[reference(SLICES[0])])
    return made(
        "88.59",
        "KO",
        4,
        ValueType="CONTAINER",
        CurrentRequestedProcedureEvidenceSequence=[evidence()],
        ContentSequence=[image],
    )


def pr() -> Dataset:
    return made("11.1", "PR", 5, ReferencedSeriesSequence=[in_series("ReferencedImageSequence")])


POINTING = {"SEG": seg, "RTSTRUCT": rtstruct, "SR": sr, "KO": ko, "PR": pr}


def apply(treatment: Treatment, dataset: Dataset) -> Dataset:
    return read(content(treatment.apply(instance(dataset))), EXPLICIT)


def uids(dataset: Dataset, *keywords: str) -> Iterator[str]:
    """Every value of *keywords*, at every depth."""
    for element in dataset.iterall():
        if element.keyword in keywords:
            yield str(element.value)


@pytest.mark.parametrize("name", ["research", "longitudinal", "trial"])
@pytest.mark.parametrize("kind", POINTING)
class TestAnObjectThatPoints:
    @pytest.mark.parametrize("together", [True, False])
    def test_points_at_the_treated_ones(self, kind: str, name: str, together: bool) -> None:
        one = Treatment(order(name))
        images = [apply(one, each) for each in slices()]

        pointing = apply(one if together else Treatment(order(name)), POINTING[kind]())

        known = {image.SOPInstanceUID for image in images}
        pointed_at = set(uids(pointing, "ReferencedSOPInstanceUID")) - {images[0].StudyInstanceUID}
        assert len(list(uids(POINTING[kind](), "ReferencedSOPInstanceUID"))) == len(
            list(uids(pointing, "ReferencedSOPInstanceUID"))
        )
        assert pointed_at
        assert pointed_at <= known
        if kind != "SR":
            series = set(uids(pointing, "SeriesInstanceUID")) - {pointing.SeriesInstanceUID}
            assert series == {images[0].SeriesInstanceUID}
        assert set(uids(pointing, "StudyInstanceUID")) == {images[0].StudyInstanceUID}
        assert set(uids(pointing, "FrameOfReferenceUID")) <= {images[0].FrameOfReferenceUID}

    def test_names_classes_as_before(self, kind: str, name: str) -> None:
        before = POINTING[kind]()

        after = apply(Treatment(order(name)), before)

        assert sorted(uids(after, "ReferencedSOPClassUID")) == sorted(uids(before, "ReferencedSOPClassUID"))


def test_a_structure_set_points_at_its_study_by_the_same_uid() -> None:
    treatment = Treatment(order())

    pointing = apply(treatment, rtstruct())

    (frame,) = pointing.ReferencedFrameOfReferenceSequence
    assert frame.RTReferencedStudySequence[0].ReferencedSOPInstanceUID == pointing.StudyInstanceUID


def test_other_projects_make_other_uids() -> None:
    one, other = Treatment(order()), Treatment(order(key=bytes(32)))

    assert set(uids(apply(one, seg()), "ReferencedSOPInstanceUID")).isdisjoint(
        uids(apply(other, seg()), "ReferencedSOPInstanceUID")
    )
