"""Small studies for tests: the same bytes each time, all UIDs known, quick to make.

A hundred instances take a few milliseconds: one head is encoded by pydicom, and its UIDs and
numbers, all of fixed length, are replaced in its bytes.
"""

import hashlib
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom.uid
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"

_MODALITY = {CT_IMAGE: "CT", MR_IMAGE: "MR"}
_COLUMNS = 64
_DIGITS = 34


@dataclass(frozen=True)
class File:
    """One instance.

    Attributes:
        encoded: Its data set in *transfer_syntax*, without preamble and file meta information.
    """

    study: str
    series: str
    uid: str
    sop_class: str
    transfer_syntax: str
    encoded: bytes

    def part10(self) -> bytes:
        """As a Part 10 file (PS3.10 chapter 7)."""
        return self.start() + self.encoded[:]

    def start(self) -> bytes:
        """What stands before the data set in such a file."""
        return _meta(self.sop_class, self.transfer_syntax).replace(_fixed("instance").encode(), self.uid.encode())


@dataclass(frozen=True)
class Study:
    """One study, its instances in order of series and instance number."""

    uid: str
    patient_id: str
    patient_name: str
    files: tuple[File, ...]

    @property
    def series(self) -> tuple[str, ...]:
        """Series Instance UIDs, in order."""
        return tuple(dict.fromkeys(file.series for file in self.files))

    @property
    def instances(self) -> frozenset[str]:
        """All SOP Instance UIDs."""
        return frozenset(file.uid for file in self.files)

    def of(self, series: str) -> tuple[File, ...]:
        """The instances of one series."""
        return tuple(file for file in self.files if file.series == series)

    def part10(self) -> Iterator[bytes]:
        """Every instance as a Part 10 file."""
        return (file.part10() for file in self.files)

    def write(self, folder: Path) -> list[Path]:
        """Write Part 10 files `0001.dcm`, … into *folder*, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{number:04}.dcm" for number in range(1, len(self.files) + 1)]
        for path, file in zip(paths, self.files, strict=True):
            path.write_bytes(file.part10())
        return paths


def uid_of(name: str) -> str:
    """The UID that belongs to *name*: always the same, always 40 characters (PS3.5 B.2)."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big")
    return f"2.25.{10**_DIGITS + number % (9 * 10**_DIGITS)}"


def ct_study(
    series: int = 1,
    instances: int = 10,
    *,
    size: int = 8192,
    name: str = "1",
    patient_id: str = "",
    patient_name: str = "Müller^Änne",
    sop_class: str = CT_IMAGE,
    transfer_syntax: str = EXPLICIT_LITTLE,
) -> Study:
    """A study of CT (or, by *sop_class*, MR) images.

    Args:
        instances: Per series.
        size: Bytes of pixel data of each, rounded up to whole rows of 128 bytes.
        name: Studies with different names have different UIDs and patients.
        transfer_syntax: With a compressed one the pixel data are one fragment that no decoder understands.
    """
    study = uid_of(f"study {name}")
    patient_id = patient_id or f"TEST-{name}"
    rows = max(1, -(-size // (2 * _COLUMNS)))
    template = _head(patient_id, patient_name, sop_class, transfer_syntax, rows)
    template = template.replace(_fixed("study").encode(), study.encode())
    files = []
    # The numbers with the last byte of their length in front: UIDs hold the same digits now and then.
    for s in range(1, series + 1):
        series_uid = uid_of(f"study {name} series {s}")
        head = template.replace(_fixed("series").encode(), series_uid.encode()).replace(b"\08881", b"\0%04d" % s)
        for i in range(1, instances + 1):
            uid = uid_of(f"study {name} series {s} instance {i}")
            encoded = head.replace(_fixed("instance").encode(), uid.encode()).replace(b"\08882", b"\0%04d" % i)
            pixels = _pixels(f"{name} {s} {i}", 2 * _COLUMNS * rows, transfer_syntax)
            files.append(File(study, series_uid, uid, sop_class, transfer_syntax, encoded + pixels))
    return Study(study, patient_id, patient_name, tuple(files))


def _fixed(role: str) -> str:
    return uid_of(f"placeholder {role}")


def _head(patient_id: str, patient_name: str, sop_class: str, transfer_syntax: str, rows: int) -> bytes:
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 100"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.SOPClassUID = sop_class
    image.SOPInstanceUID = _fixed("instance")
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = "20240229"
    image.StudyTime = image.SeriesTime = image.AcquisitionTime = image.ContentTime = "101500"
    image.AccessionNumber = f"A{hashlib.sha256(patient_id.encode()).hexdigest()[:8].upper()}"
    image.Modality = _MODALITY.get(sop_class, "OT")
    image.Manufacturer = "ADIT tests"
    image.ReferringPhysicianName = ""
    image.StudyDescription = "Test study"
    image.SeriesDescription = "Test series"
    image.PatientName = patient_name
    image.PatientID = patient_id
    image.PatientBirthDate = "19540312"
    image.PatientSex = "F"
    image.SliceThickness = "1"
    image.KVP = "120"
    image.StudyInstanceUID = _fixed("study")
    image.SeriesInstanceUID = _fixed("series")
    image.StudyID = "1"
    image.SeriesNumber = "8881"
    image.AcquisitionNumber = "1"
    image.InstanceNumber = "8882"
    image.ImagePositionPatient = ["0", "0", "0"]
    image.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    image.FrameOfReferenceUID = uid_of(f"frame {patient_id}")
    image.PositionReferenceIndicator = ""
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows = rows
    image.Columns = _COLUMNS
    image.PixelSpacing = ["1", "1"]
    image.BitsAllocated = 16
    image.BitsStored = 12
    image.HighBit = 11
    image.PixelRepresentation = 0
    image.RescaleIntercept = "-1024"
    image.RescaleSlope = "1"
    buffer = DicomBytesIO()
    syntax = pydicom.uid.UID(transfer_syntax)
    buffer.is_implicit_VR, buffer.is_little_endian = syntax.is_implicit_VR, syntax.is_little_endian
    write_dataset(buffer, image)
    return buffer.getvalue()


def _pixels(seed: str, size: int, transfer_syntax: str) -> bytes:
    """The element Pixel Data (7FE0,0010), encoded."""
    content = random.Random(seed).randbytes(size)
    syntax = pydicom.uid.UID(transfer_syntax)
    if syntax.is_compressed:
        # PS3.5 A.4: an empty basic offset table, one fragment, the end of the sequence.
        items = struct.pack("<HHL", 0xFFFE, 0xE000, 0) + struct.pack("<HHL", 0xFFFE, 0xE000, size) + content
        return (
            struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
            + items
            + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
        )
    # Twelve of sixteen bits are stored: the four others are zero (PS3.5 8.1.1).
    content = (int.from_bytes(content, "big") & int.from_bytes(b"\xff\x0f" * (size // 2), "big")).to_bytes(size, "big")
    if syntax.is_implicit_VR:
        return struct.pack("<HHL", 0x7FE0, 0x0010, size) + content
    return struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, size) + content


def _meta(sop_class: str, transfer_syntax: str) -> bytes:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = pydicom.uid.UID(sop_class)
    meta.MediaStorageSOPInstanceUID = pydicom.uid.UID(_fixed("instance"))
    meta.TransferSyntaxUID = pydicom.uid.UID(transfer_syntax)
    meta.ImplementationClassUID = pydicom.uid.UID(uid_of("implementation"))
    meta.ImplementationVersionName = "ADIT_TESTS"
    buffer = DicomBytesIO()
    buffer.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(buffer, meta)
    return buffer.getvalue()
