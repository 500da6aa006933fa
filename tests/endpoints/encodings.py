"""An image in every transfer syntax that instances are stored in, as instances of one study."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import pydicom
import pydicom.uid
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from adit.dicom.contexts import DEFLATED, EXPLICIT, SYNTAXES
from tests.peers.data import File, uid_of

STUDY, SERIES = uid_of("every transfer syntax"), uid_of("every transfer syntax, series")

RLE = "1.2.840.10008.1.2.5"
_JPEG = "1.2.840.10008.1.2.4."
_DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"

REAL = {
    "1.2.840.10008.1.2": "MR_small_implicit.dcm",
    "1.2.840.10008.1.2.1": "MR_small.dcm",
    "1.2.840.10008.1.2.2": "MR_small_bigendian.dcm",
    RLE: "MR_small_RLE.dcm",
    _JPEG + "50": "SC_rgb_dcmtk_+eb+cy+np.dcm",
    _JPEG + "51": "JPGExtended.dcm",
    # A stream of selection value 1 is one of any selection value, too.
    _JPEG + "57": "SC_rgb_jpeg_gdcm.dcm",
    _JPEG + "70": "SC_rgb_jpeg_gdcm.dcm",
    _JPEG + "80": "MR_small_jpeg_ls_lossless.dcm",
    _JPEG + "81": "SC_rgb_jls_lossy_line.dcm",
    _JPEG + "90": "GDCMJ2K_TextGBR.dcm",
    _JPEG + "91": "693_J2KI.dcm",
}
"""Transfer syntax → a file of pydicom's in it, or in one that it holds."""


def source(name: str) -> Path:
    """One of the files that pydicom is shipped with."""
    return Path(pydicom.__file__).parent / "data" / "test_files" / name


def encodings() -> dict[str, File]:
    """By transfer syntax. What no package encodes (video, HTJ2K, JPEG XL) has fragments of the right form only."""
    return {syntax: _file(syntax) for syntax in SYNTAXES}


def image(syntax: str) -> Dataset:
    """The image in *syntax*, as it is before it is encoded."""
    if syntax in REAL:
        dataset = dcmread(source(REAL[syntax]))
        if "DataSetTrailingPadding" in dataset:
            del dataset.DataSetTrailingPadding
        if dataset["PixelData"].is_undefined_length:
            # What is encapsulated is OB (PS3.5 A.4), which DCMTK puts right when it sends.
            dataset["PixelData"].VR = "OB"
    else:
        dataset = dcmread(source("MR_small.dcm"))
        del dataset.DataSetTrailingPadding
        if syntax == _DEFLATED_FRAMES:
            squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
            _encapsulate(dataset, squeeze.compress(dataset.PixelData) + squeeze.flush())
        elif syntax != DEFLATED:
            _encapsulate(dataset, b"nobody reads this: " + syntax.encode())
    _name(dataset, f"in {syntax}")
    return dataset


def _name(dataset: Dataset, name: str) -> None:
    dataset.SOPInstanceUID = uid_of(name)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, SERIES
    dataset.PatientID, dataset.Modality = "ENCODED", "MR"


def _encapsulate(dataset: Dataset, frame: bytes) -> None:
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def _file(syntax: str) -> File:
    dataset = image(syntax)
    # pydicom does not know the latest ones, which are explicit like all that came before them.
    kind = pydicom.uid.UID(syntax if syntax in pydicom.uid.AllTransferSyntaxes else EXPLICIT)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = kind.is_implicit_VR, kind.is_little_endian
    write_dataset(buffer, dataset)
    encoded = buffer.getvalue()
    if syntax == DEFLATED:
        squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        encoded = squeeze.compress(encoded) + squeeze.flush()
        encoded += bytes(len(encoded) % 2)
    return File(STUDY, SERIES, str(dataset.SOPInstanceUID), str(dataset.SOPClassUID), syntax, encoded)


def many_frames(count: int, *, rows: int = 64, columns: int = 64) -> File:
    """*count* frames, each another, compressed as RLE by pydicom."""
    dataset = dcmread(source("MR_small.dcm"))
    del dataset.DataSetTrailingPadding
    _name(dataset, "many frames")
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = count, rows, columns
    row = struct.Struct(f"<{columns}H")
    dataset.PixelData = b"".join(row.pack(*[frame] * columns) * rows for frame in range(count))
    dataset.compress(pydicom.uid.RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    write_dataset(buffer, dataset)
    return File(STUDY, SERIES, str(dataset.SOPInstanceUID), str(dataset.SOPClassUID), RLE, buffer.getvalue())


def read(file: File) -> Dataset:
    """*file* as pydicom reads it."""
    return dcmread(BytesIO(file.part10()))
