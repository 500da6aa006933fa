"""What the treatment of one instance costs within a series, beside plain dicognito: `python -m benchmarks.deid`.

Prints milliseconds of processor time for each instance. Neither side writes or sends anything; dicognito is given
what pydicom reads without the pixel data.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from io import BytesIO

from dicognito.anonymizer import Anonymizer
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from adit.deid.gate import Gate
from adit.deid.profile import PROFILES
from adit.deid.treatment import Order, Treatment
from adit.dicom.contexts import EXPLICIT
from adit.dicom.instance import InMemory, Instance
from adit.dicom.part10 import preamble_and_meta
from adit.dicom.refs import UID, Ref

KEY = bytes(range(32))
INSTANCES = 200
CT, MR, ENHANCED_MR = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("2", "4", "4.1"))

Made = Callable[[int], Dataset]


def main() -> None:
    warnings.simplefilter("ignore")
    print(f"{'':<28}{'first':>9}{'each':>9}{'alone':>9}{'dicognito':>12}   ms")
    for name, made, count in (
        ("CT, 130 elements", ct, INSTANCES),
        ("MR, 130 elements", mr, INSTANCES),
        ("enhanced MR, 100 frames", enhanced, 10),
    ):
        datasets = [made(number) for number in range(count)]
        encoded = [with_pixels(dataset) for dataset in datasets]
        first, each = ours(datasets, encoded)
        alone = sum(ours([one], [content])[0] for one, content in zip(datasets[:5], encoded[:5], strict=True)) / 5
        print(f"{name:<28}{first:9.2f}{each:9.2f}{alone:9.2f}{theirs(datasets, encoded):12.2f}", flush=True)


def ours(datasets: list[Dataset], encoded: list[bytes]) -> tuple[float, float]:
    """Milliseconds for the first of a series, and for each of the others."""
    treatment = Treatment(Order(PROFILES["research"], KEY, "PSEUDONYM", Gate()))
    took = []
    for dataset, content in zip(datasets, encoded, strict=True):
        ref = Ref(UID(dataset.StudyInstanceUID), UID(dataset.SeriesInstanceUID), UID(dataset.SOPInstanceUID))
        instance = Instance(ref, UID(dataset.SOPClassUID), EXPLICIT, InMemory(content))
        began = time.process_time()
        treatment.apply(instance)
        took.append((time.process_time() - began) * 1000)
    return took[0], sum(took[1:]) / max(1, len(took) - 1)


def theirs(datasets: list[Dataset], encoded: list[bytes]) -> float:
    """Milliseconds for each: read, anonymise, write."""
    anonymizer = Anonymizer(seed="benchmark")
    files = [
        preamble_and_meta(UID(dataset.SOPClassUID), UID(dataset.SOPInstanceUID), EXPLICIT) + content
        for dataset, content in zip(datasets, encoded, strict=True)
    ]
    began = time.process_time()
    for file in files:
        dataset = dcmread(BytesIO(file), stop_before_pixels=True)
        anonymizer.anonymize(dataset)
        encode(dataset)
    return (time.process_time() - began) * 1000 / len(files)


def encode(dataset: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def with_pixels(dataset: Dataset) -> bytes:
    """*dataset*, encoded, with half a megabyte of pixel data behind it."""
    return encode(dataset) + b"\xe0\x7f\x10\0OW\0\0" + (512 * 1024).to_bytes(4, "little") + bytes(512 * 1024)


def ct(number: int) -> Dataset:
    return typical(CT, "CT", number)


def mr(number: int) -> Dataset:
    return typical(MR, "MR", number)


def enhanced(number: int) -> Dataset:
    """A hundred frames, each with what differs from frame to frame."""
    dataset = typical(ENHANCED_MR, "MR", number)
    dataset.PerFrameFunctionalGroupsSequence = list(frames(number))
    dataset.NumberOfFrames = 100
    return dataset


def frames(number: int) -> Iterator[Dataset]:
    for index in range(100):
        frame, content, position, orientation, source = (Dataset() for _ in range(5))
        content.FrameAcquisitionDateTime = f"202003101011{index % 60:02}.{number:03}"
        content.DimensionIndexValues = [1, index + 1]
        position.ImagePositionPatient = ["-100.5", "-120.25", f"{index * 1.5:.2f}"]
        orientation.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
        source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = MR, f"1.2.826.9.{number}.{index}"
        frame.FrameContentSequence, frame.PlanePositionSequence = [content], [position]
        frame.PlaneOrientationSequence, frame.ReferencedImageSequence = [orientation], [source]
        yield frame


def typical(sop_class: str, modality: str, number: int) -> Dataset:
    """About 130 elements in ten sequences and beside them, a dozen of them other from instance to instance."""
    dataset = deepcopy(_SAME)
    dataset.SOPClassUID, dataset.Modality = sop_class, modality
    dataset.SOPInstanceUID = f"1.2.826.0.1.3680043.8.498.1.{number + 1}"
    dataset.InstanceNumber = number + 1
    dataset.ContentTime = dataset.AcquisitionTime = f"1011{number % 60:02}.{number:03}"
    dataset.SliceLocation = f"{number * 1.25:.2f}"
    dataset.ImagePositionPatient = ["-180", "-170.5", f"{number * 1.25:.2f}"]
    dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue = number, 2000 + number
    return dataset


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def _same() -> Dataset:
    """What is equal in all instances of the series."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    for keyword, text in _TEXTS.items():
        setattr(dataset, keyword, text)
    for value, keywords in _EQUAL.items():
        for keyword in keywords:
            setattr(dataset, keyword, value)
    _image(dataset)
    _sequences(dataset)
    _private(dataset)
    return dataset


def _image(dataset: Dataset) -> None:
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 1
    dataset.Rows = dataset.Columns = 512
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11


def _private(dataset: Dataset) -> None:
    for group, creator in ((0x0019, "SIEMENS CT VA0  COAD"), (0x0029, "SIEMENS MEDCOM HEADER")):
        block = dataset.private_block(group, creator, create=True)
        for element in range(0x10, 0x24):
            block.add_new(element, "LO", f"private {element}")


def _sequences(dataset: Dataset) -> None:
    image, step, request = Dataset(), Dataset(), Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = CT, "1.2.826.0.1.3680043.8.498.6"
    step.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.3"
    step.ReferencedSOPInstanceUID = "1.2.826.0.1.3680043.8.498.7"
    request.ScheduledProcedureStepDescription, request.RequestedProcedureID = "CT Thorax", "RP123456"
    request.ScheduledProtocolCodeSequence = [_code("169069000", "CT of chest")]
    dataset.ReferencedStudySequence = [image]
    dataset.ReferencedPerformedProcedureStepSequence = [step]
    dataset.ReferencedImageSequence = [image, image]
    dataset.SourceImageSequence = [image]
    dataset.ProcedureCodeSequence = [_code("169069000", "CT of chest")]
    dataset.RequestAttributesSequence = [request]
    dataset.PerformedProtocolCodeSequence = [_code("169069000", "CT of chest")]
    dataset.AnatomicRegionSequence = [_code("51185008", "Chest")]
    dataset.RequestedProcedureCodeSequence = [_code("169069000", "CT of chest")]
    dataset.DerivationCodeSequence = [_code("113072", "Multiplanar reformatting")]


_TEXTS: dict[str, str | list[str]] = {
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "InstanceCreatorUID": "1.2.826.0.1.3680043.8.498.2",
    "AccessionNumber": "ACC20200310",
    "Manufacturer": "SIEMENS",
    "InstitutionName": "Universitätsklinikum Beispiel",
    "InstitutionAddress": "Musterstraße 1, 12345 Beispielstadt",
    "ReferringPhysicianName": "Brandt^Ute^^Dr.",
    "StationName": "CT01",
    "StudyDescription": "CT Thorax nativ",
    "SeriesDescription": "Thorax 1.25 B31f",
    "InstitutionalDepartmentName": "Radiologie",
    "PerformingPhysicianName": "Lang^Otto",
    "OperatorsName": "Klein^Eva",
    "ManufacturerModelName": "SOMATOM Definition AS",
    "PatientName": "Müller^Änne",
    "PatientID": "4711-0815",
    "PatientSex": "F",
    "PatientAge": "063Y",
    "PatientSize": "1.70",
    "PatientWeight": "70",
    "PatientAddress": "Hauptstraße 3",
    "AdditionalPatientHistory": "Husten seit drei Wochen",
    "BodyPartExamined": "CHEST",
    "ScanOptions": "HELIX",
    "DeviceSerialNumber": "65123",
    "SoftwareVersions": "syngo CT 2012B",
    "ProtocolName": "Thorax_Standard",
    "ConvolutionKernel": ["B31f", "2"],
    "PatientPosition": "HFS",
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.3",
    "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.4",
    "StudyID": "77123",
    "FrameOfReferenceUID": "1.2.826.0.1.3680043.8.498.5",
    "PositionReferenceIndicator": "",
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "PhotometricInterpretation": "MONOCHROME2",
    "PixelSpacing": ["0.7", "0.7"],
    "WindowCenter": ["40", "-600"],
    "WindowWidth": ["400", "1200"],
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
    "RequestingPhysician": "Brandt^Ute",
    "RequestedProcedureDescription": "CT Thorax",
    "PerformedProcedureStepID": "PPS77",
    "PerformedProcedureStepDescription": "CT Thorax nativ",
}

_EQUAL = {
    "20200310": ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "PerformedProcedureStepStartDate"),
    "101000": ("StudyTime", "SeriesTime", "PerformedProcedureStepStartTime"),
    "19561224": ("PatientBirthDate",),
    "1.25": ("SliceThickness", "KVP", "DataCollectionDiameter", "ReconstructionDiameter", "GantryDetectorTilt"),
    "1": ("TableHeight", "FocalSpots", "DistanceSourceToDetector", "DistanceSourceToPatient"),
    "100": ("ExposureTime", "XRayTubeCurrent", "Exposure", "SeriesNumber", "AcquisitionNumber"),
}
"""Values, and the attributes that have them."""

_SAME = _same()

if __name__ == "__main__":
    main()
