"""Decoding one compressed frame (PS3.5 8.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import pydicom.uid
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder

from adit.dicom.errors import BadData, DicomError
from adit.dicom.refs import UID
from adit.dicom.scan import inflate

DEFLATED_FRAMES = UID("1.2.840.10008.1.2.8.1")
RLE = UID("1.2.840.10008.1.2.5")
LOSSY_JPEG = frozenset((UID("1.2.840.10008.1.2.4.50"), UID("1.2.840.10008.1.2.4.51")))
"""JPEG Baseline and Extended: whatever was encoded has lost something."""

_ORDER = ("pyjpegls", "pylibjpeg", "pydicom", "pillow", "gdcm")
"""Decoders in the order of trying. GDCM is the last: what it cannot read crashes the process."""

_PLANES = frozenset((RLE, DEFLATED_FRAMES))
"""Transfer syntaxes in which Planar Configuration says how samples lie when they are decoded (PS3.5 8.2.2)."""

_MOST = 1 << 31
"""Bytes of one frame."""

_SUBSAMPLED = "YBR_FULL_422"


class NotDecodable(DicomError):
    """There is no decoder for the pixel data."""

    mended_by = "whoever chooses the destination, or lets it take more transfer syntaxes"


@dataclass(frozen=True, slots=True)
class Picture:
    """What a data set says of its pixel data (PS3.3 C.7.6.3).

    Attributes:
        samples, allocated, stored: Samples per Pixel, Bits Allocated, Bits Stored.
        signed: Pixel Representation is 1.
        planar: Planar Configuration: 1 where each colour is a plane of its own.
        frames: Number of Frames.
    """

    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    signed: bool
    photometric: str
    planar: int
    frames: int

    @classmethod
    def of(cls, dataset: Dataset) -> Picture:
        """Read it.

        Raises:
            BadData: Something is missing or impossible.
        """
        try:
            picture = cls(
                rows=int(dataset.Rows),
                columns=int(dataset.Columns),
                samples=int(dataset.SamplesPerPixel),
                allocated=int(dataset.BitsAllocated),
                stored=int(dataset.get("BitsStored") or dataset.BitsAllocated),
                signed=bool(dataset.get("PixelRepresentation")),
                photometric=str(dataset.PhotometricInterpretation),
                planar=int(dataset.get("PlanarConfiguration") or 0),
                frames=int(dataset.get("NumberOfFrames") or 1),
            )
        except Exception as error:  # pydicom raises whatever its readers stumble on
            raise BadData("the data set does not say what its pixel data are") from error
        bits = picture.rows * picture.columns * picture.samples * picture.allocated
        if picture.frames < 1 or not 0 < bits <= 8 * _MOST or bits % 8:
            raise BadData("the data set says that its pixel data have an impossible size")
        return picture

    @property
    def size(self) -> int:
        """Bytes of one frame when it is not compressed."""
        return self.rows * self.columns * self.samples * self.allocated // 8


@dataclass(frozen=True, slots=True)
class Decoded:
    """A frame without compression.

    Attributes:
        photometric, planar: Photometric Interpretation and Planar Configuration of *pixels*.
    """

    pixels: bytes
    photometric: str
    planar: int


@cache
def decodable(syntax: UID) -> bool:
    """Whether there is a decoder for *syntax* at all."""
    return syntax == DEFLATED_FRAMES or bool(_decoders(syntax))


@cache
def _decoders(syntax: UID) -> tuple[str, ...]:
    try:
        available = get_decoder(pydicom.uid.UID(syntax)).available_plugins
    except NotImplementedError:
        return ()
    return tuple(each for each in _ORDER if each in available)


def decode(frame: bytes, picture: Picture, syntax: UID) -> Decoded:
    """Decode one frame of *picture* that is compressed as *syntax* says.

    Samples keep their values, except that the colours of lossy JPEG become RGB: what is shown, and
    the one colour space that all kinds of image may have without compression (PS3.3 C.8.12.4.1.5).

    Broken frames may crash the process, or never end: see `adit.endpoints.decoder`.

    Raises:
        NotDecodable: No decoder takes pixel data of this kind.
        BadData: They took it and failed.
    """
    if syntax == DEFLATED_FRAMES:
        return _inflated(frame, picture)
    if picture.allocated < 8:
        raise NotDecodable("pixel data of single bits cannot be decompressed")
    if syntax == UID("1.2.840.10008.1.2.4.51") and picture.stored > 8:
        raise NotDecodable("there is no decoder for JPEG Extended of more than 8 bits")
    source = encapsulate([frame], has_bot=False)
    reasons = []
    for decoder in _decoders(syntax):
        try:
            return _decoded(source, picture, syntax, decoder)
        except Exception as error:  # noqa: BLE001  decoders raise whatever they stumble on
            reasons.append(f"{decoder}: {type(error).__name__}")
    if not reasons:
        raise NotDecodable
    raise BadData(f"its pixel data cannot be decoded ({', '.join(reasons)})")


def _decoded(source: bytes, picture: Picture, syntax: UID, decoder: str) -> Decoded:
    lossy_jpeg = syntax in LOSSY_JPEG
    array, told = get_decoder(pydicom.uid.UID(syntax)).as_array(
        source, index=0, decoding_plugin=decoder, raw=not lossy_jpeg, **_options(picture, syntax)
    )
    planar = picture.planar if syntax in _PLANES else 0
    if picture.samples > 1 and planar:
        array = array.transpose(2, 0, 1)
    pixels = array.tobytes()
    if len(pixels) != picture.size:
        raise BadData("a frame has another size than the data set says")
    photometric = picture.photometric
    if lossy_jpeg or photometric in ("YBR_RCT", "YBR_ICT"):
        photometric = str(told["photometric_interpretation"])
    # Without compression it would mean that half of the colour samples are not there (PS3.3 C.7.6.3.1.2).
    return Decoded(pixels, "YBR_FULL" if photometric == _SUBSAMPLED else photometric, planar)


def _options(picture: Picture, syntax: UID) -> dict[str, Any]:
    return {
        # RLE holds every bit as it was, those that are not stored too: there may be overlays in them.
        "correct_unused_bits": picture.signed and syntax != RLE,
        "rows": picture.rows,
        "columns": picture.columns,
        "samples_per_pixel": picture.samples,
        "bits_allocated": picture.allocated,
        "bits_stored": picture.stored,
        "pixel_representation": int(picture.signed),
        "photometric_interpretation": picture.photometric,
        "planar_configuration": picture.planar,
        "number_of_frames": 1,
        "pixel_keyword": "PixelData",
    }


def _inflated(frame: bytes, picture: Picture) -> Decoded:
    pixels = inflate(frame, most=picture.size + 1)
    if len(pixels) - len(pixels) % 2 > picture.size or len(pixels) < picture.size:
        raise BadData("a frame has another size than the data set says")
    return Decoded(pixels[: picture.size], picture.photometric, picture.planar)
