"""Objects that hold no picture of their own: dose report, structure set, segmentation (PS3.3 A.35.8, A.19, A.51)."""

import math

import numpy as np
from pydicom import Dataset

from adit.site.demo.description import CT_IMAGE, DemoSeries, DemoStudy, instance_of, uid_of
from adit.site.demo.heads import image_size
from adit.site.demo.phantoms import WIDTH, thorax
from adit.site.demo.slices import height_of

_LUNGS = (("Left lung", "Lung, left", 70), ("Right lung", "Lung, right", -70))


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence (PS3.3 table 8.8-1)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def dose_report(data: Dataset, study: DemoStudy) -> None:
    """Complete *data* to an X-Ray Radiation Dose SR after TID 10011 (PS3.16), with one acquisition."""
    data.InstanceNumber = 1
    data.CompletionFlag, data.VerificationFlag = "COMPLETE", "UNVERIFIED"
    data.ReferencedPerformedProcedureStepSequence = []
    data.PerformedProcedureCodeSequence = []
    data.ValueType, data.ContinuityOfContent = "CONTAINER", "SEPARATE"
    data.ConceptNameCodeSequence = [code("113701", "DCM", "X-Ray Radiation Dose Report")]
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "10011"
    data.ContentTemplateSequence = [template]
    total = _number("113813", "CT Dose Length Product Total", "277.8", "mGy.cm")
    acquisition = [
        _number("113830", "Mean CTDIvol", "7.48", "mGy"),
        _number("113838", "DLP", "271.6", "mGy.cm"),
    ]
    data.ContentSequence = [
        _coded("HAS CONCEPT MOD", ("121058", "DCM", "Procedure reported"), ("77477000", "SCT", "CT of chest")),
        _coded("HAS OBS CONTEXT", ("121005", "DCM", "Observer Type"), ("121007", "DCM", "Device")),
        _text("HAS OBS CONTEXT", ("121013", "DCM", "Device Observer Name"), "CT01"),
        _text("CONTAINS", ("121106", "DCM", "Comment"), f"Dose of {study.patient.name.split('=')[0]}"),
        _container("113811", "CT Accumulated Dose Data", [total]),
        _container("113819", "CT Acquisition", acquisition),
    ]  # fmt: skip


def _item(relation: str, kind: str, name: tuple[str, str, str]) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, kind
    item.ConceptNameCodeSequence = [code(*name)]
    return item


def _coded(relation: str, name: tuple[str, str, str], value: tuple[str, str, str]) -> Dataset:
    item = _item(relation, "CODE", name)
    item.ConceptCodeSequence = [code(*value)]
    return item


def _text(relation: str, name: tuple[str, str, str], value: str) -> Dataset:
    item = _item(relation, "TEXT", name)
    item.TextValue = value
    return item


def _number(value: str, meaning: str, amount: str, unit: str) -> Dataset:
    item = _item("CONTAINS", "NUM", (value, "DCM", meaning))
    measured = Dataset()
    measured.NumericValue = amount
    measured.MeasurementUnitsCodeSequence = [code(unit, "UCUM", unit)]
    item.MeasuredValueSequence = [measured]
    return item


def _container(value: str, meaning: str, content: list[Dataset]) -> Dataset:
    item = _item("CONTAINS", "CONTAINER", (value, "DCM", meaning))
    item.ContinuityOfContent = "SEPARATE"
    item.ContentSequence = content
    return item


def _reference(key: str, number: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = CT_IMAGE
    item.ReferencedSOPInstanceUID = instance_of(key, number)
    return item


def structure_set(data: Dataset, study: DemoStudy, series: DemoSeries) -> None:
    """Complete *data* to an RT Structure Set: both lungs outlined on every fourth slice of its CT."""
    key, count = series.of
    data.InstanceNumber = 1
    data.FrameOfReferenceUID = study.frame_of_reference
    data.PositionReferenceIndicator = ""
    data.StructureSetLabel = "Lungs"
    data.StructureSetDate, data.StructureSetTime = study.date, study.time
    data.OperatorsName = ""
    data.ApprovalStatus = "UNAPPROVED"
    of_series, of_study, frame = Dataset(), Dataset(), Dataset()
    of_series.SeriesInstanceUID = uid_of(f"series {key}")
    of_series.ContourImageSequence = [_reference(key, number) for number in range(1, count + 1)]
    of_study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    of_study.ReferencedSOPInstanceUID = study.uid
    of_study.RTReferencedSeriesSequence = [of_series]
    frame.FrameOfReferenceUID = study.frame_of_reference
    frame.RTReferencedStudySequence = [of_study]
    data.ReferencedFrameOfReferenceSequence = [frame]
    regions, contours, observations = [], [], []
    for number, (name, _, centre) in enumerate(_LUNGS, 1):
        region, outline, observation = Dataset(), Dataset(), Dataset()
        region.ROINumber, region.ROIName = number, name
        region.ReferencedFrameOfReferenceUID = study.frame_of_reference
        region.ROIGenerationAlgorithm = "AUTOMATIC"
        outline.ReferencedROINumber = number
        outline.ROIDisplayColor = ["0", "128", "255"] if number == 1 else ["255", "128", "0"]
        outline.ContourSequence = [_contour(key, count, slice_, centre) for slice_ in range(4, count, 4)]
        observation.ObservationNumber = observation.ReferencedROINumber = number
        observation.RTROIInterpretedType, observation.ROIInterpreter = "ORGAN", ""
        regions.append(region)
        contours.append(outline)
        observations.append(observation)
    data.StructureSetROISequence, data.ROIContourSequence = regions, contours
    data.RTROIObservationsSequence = observations


def _contour(key: str, count: int, number: int, centre: float) -> Dataset:
    z = height_of(number, count, 300.0)
    points = [(centre + 55 * math.cos(t * math.tau / 32), 8 + 80 * math.sin(t * math.tau / 32), z) for t in range(32)]
    contour = Dataset()
    contour.ContourImageSequence = [_reference(key, number)]
    contour.ContourGeometricType = "CLOSED_PLANAR"
    contour.NumberOfContourPoints = len(points)
    contour.ContourData = [f"{value:.2f}" for point in points for value in point]
    return contour


def segmentation(data: Dataset, study: DemoStudy, series: DemoSeries) -> bytes:
    """Complete *data* to a binary segmentation of both lungs, a frame for every slice of its CT.

    Returns:
        The packed pixels, to follow the data set.
    """
    key, count = series.of
    edge = series.edge
    image_size(data, edge, edge, bits=8)
    data.BitsAllocated = data.BitsStored = 1
    data.HighBit = 0
    data.InstanceNumber = 1
    data.ImageType = ["DERIVED", "PRIMARY"]
    data.FrameOfReferenceUID = study.frame_of_reference
    data.PositionReferenceIndicator = ""
    data.NumberOfFrames = count
    data.LossyImageCompression = "00"
    data.SegmentationType = "BINARY"
    data.ContentLabel, data.ContentDescription, data.ContentCreatorName = "LUNGS", "", ""
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel, segment.SegmentAlgorithmType = 1, "Lungs", "AUTOMATIC"
    segment.SegmentAlgorithmName = "ellipsoids"
    segment.SegmentedPropertyCategoryCodeSequence = [code("123037004", "SCT", "Anatomical Structure")]
    segment.SegmentedPropertyTypeCodeSequence = [code("39607008", "SCT", "Lung")]
    data.SegmentSequence = [segment]
    of_series = Dataset()
    of_series.SeriesInstanceUID = uid_of(f"series {key}")
    of_series.ReferencedInstanceSequence = [_reference(key, number) for number in range(1, count + 1)]
    data.ReferencedSeriesSequence = [of_series]
    _dimensions(data, series)
    _shared_groups(data, count, edge)
    data.PerFrameFunctionalGroupsSequence = [_frame(key, count, number) for number in range(1, count + 1)]
    lungs = tuple(part for part in thorax() if part.tissue == "lung")
    axis = (np.arange(edge) + 0.5) * WIDTH / edge - WIDTH / 2
    z = np.array([height_of(number, count, 300.0) for number in range(1, count + 1)])
    inside = np.zeros((count, edge, edge), bool)
    for part in lungs:
        across, down, along = ((values - at) / half for values, at, half in
                               ((axis, part.x, part.a), (axis, part.y, part.b), (z, part.z, part.c)))  # fmt: skip
        inside |= across[None, None, :] ** 2 + down[None, :, None] ** 2 + along[:, None, None] ** 2 <= 1
    return np.packbits(inside.ravel(), bitorder="little").tobytes()


def _dimensions(data: Dataset, series: DemoSeries) -> None:
    organization, by_segment, by_position = Dataset(), Dataset(), Dataset()
    organization.DimensionOrganizationUID = uid_of(f"dimensions {series.key}")
    data.DimensionOrganizationSequence = [organization]
    for index, pointer, group in ((by_segment, 0x0062000B, 0x0062000A), (by_position, 0x00200032, 0x00209113)):
        index.DimensionOrganizationUID = organization.DimensionOrganizationUID
        index.DimensionIndexPointer, index.FunctionalGroupPointer = pointer, group
    data.DimensionIndexSequence = [by_segment, by_position]


def _shared_groups(data: Dataset, count: int, edge: int) -> None:
    measures, orientation, identification, shared = Dataset(), Dataset(), Dataset(), Dataset()
    measures.SliceThickness = f"{300.0 / count:.4g}"
    measures.PixelSpacing = [f"{WIDTH / edge:.6g}"] * 2
    orientation.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    identification.ReferencedSegmentNumber = 1
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    shared.SegmentIdentificationSequence = [identification]
    data.SharedFunctionalGroupsSequence = [shared]


def _frame(key: str, count: int, number: int) -> Dataset:
    content, position, derivation, source, frame = Dataset(), Dataset(), Dataset(), _reference(key, number), Dataset()
    content.DimensionIndexValues = [1, number]
    corner = f"{-WIDTH / 2:.1f}"
    position.ImagePositionPatient = [corner, corner, f"{height_of(number, count, 300.0):.2f}"]
    source.PurposeOfReferenceCodeSequence = [code("121322", "DCM", "Source image for image processing operation")]
    derivation.SourceImageSequence = [source]
    derivation.DerivationCodeSequence = [code("113076", "DCM", "Segmentation")]
    frame.FrameContentSequence, frame.PlanePositionSequence = [content], [position]
    frame.DerivationImageSequence = [derivation]
    return frame
