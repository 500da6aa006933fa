"""One frame as a small picture that a browser shows. For finding one's way, not for diagnosis."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.processing import apply_color_lut

from adit.dicom.contexts import EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.decoding import Decoded, Picture
from adit.dicom.errors import BadData, DicomError
from adit.dicom.instance import Instance
from adit.dicom.reading import read
from adit.dicom.scan import DEFLATED_SYNTAXES, inflate

MOST = 64 << 20
"""Bytes of a data set beyond which nothing is drawn: it is held in memory."""

_NATIVE = frozenset((IMPLICIT, EXPLICIT, EXPLICIT_BIG_ENDIAN)) | DEFLATED_SYNTAXES

_DARKEST, _BRIGHTEST = 1.0, 99.0
"""Percentiles that are black and white where the data set names no window."""

_LEVELS = ("MONOCHROME1", "MONOCHROME2")


class NotDrawable(DicomError):
    """It holds no picture that could be drawn."""

    mended_by = "nobody"


def whole(instance: Instance) -> Dataset:
    """The data set with its pixel data, in memory.

    Raises:
        NotDrawable: It has none, or is too large.
        BadData: It cannot be parsed.
        DicomError: What broke the arrival off.
    """
    encoded = instance.prefix(MOST + 1)
    if len(encoded) > MOST:
        raise NotDrawable("it is too large to be drawn here")
    if instance.transfer_syntax in DEFLATED_SYNTAXES:
        encoded = inflate(encoded, most=MOST)
    dataset = read(encoded, instance.transfer_syntax)
    if "PixelData" not in dataset:
        raise NotDrawable
    return dataset


def middle_frame(dataset: Dataset, instance: Instance, picture: Picture) -> tuple[bytes, bool]:
    """The encoded middle frame, and whether it is compressed.

    Raises:
        NotDrawable: Its samples are no whole bytes.
        BadData: It is not there.
    """
    at = (picture.frames - 1) // 2
    pixels = dataset.PixelData
    if instance.transfer_syntax in _NATIVE:
        if picture.allocated not in (8, 16, 32):
            raise NotDrawable
        frame = pixels[at * picture.size : (at + 1) * picture.size]
        if len(frame) < picture.size:
            raise BadData("its pixel data are shorter than it says")
        return frame, False
    try:
        return get_frame(pixels, at, number_of_frames=picture.frames), True
    except Exception as error:  # pydicom raises whatever it stumbles on
        raise BadData("its frames cannot be found") from error


def draw(dataset: Dataset, picture: Picture, decoded: Decoded, *, big_endian: bool, size: int) -> bytes:
    """A PNG of *size* pixels at most in each direction, by the window that the data set names, else by its values.

    Raises:
        BadData: Its pixels are not what it says.
    """
    try:
        array = _array(picture, decoded, big_endian=big_endian)
        # What is not shown need not be computed; the rest is smoothed below.
        step = max(1, max(picture.rows, picture.columns) // (2 * size))
        shown = _shown(dataset, array[::step, ::step], decoded.photometric)
        image = Image.fromarray(np.ascontiguousarray(shown))
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
        raise BadData("its pixels cannot be drawn") from error
    image.thumbnail((size, size))
    written = BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def _array(picture: Picture, decoded: Decoded, *, big_endian: bool) -> NDArray[Any]:
    kind = f"{'>' if big_endian else '<'}{'i' if picture.signed else 'u'}{picture.allocated // 8}"
    values = np.frombuffer(decoded.pixels[: picture.size], dtype=kind)
    if picture.samples == 1:
        return values.reshape(picture.rows, picture.columns)
    if decoded.planar:
        return values.reshape(picture.samples, picture.rows, picture.columns).transpose(1, 2, 0)
    return values.reshape(picture.rows, picture.columns, picture.samples)


def _shown(dataset: Dataset, array: NDArray[Any], photometric: str) -> NDArray[np.uint8]:
    if photometric == "PALETTE COLOR":
        coloured = apply_color_lut(array, dataset)
        return _eight_bits(coloured)
    if array.ndim == 3:
        colours = _eight_bits(array)
        if photometric.startswith("YBR_FULL"):
            return np.asarray(Image.fromarray(np.ascontiguousarray(colours), "YCbCr").convert("RGB"))
        return colours
    values = array.astype(np.float64) * _number(dataset, "RescaleSlope", 1.0) + _number(
        dataset, "RescaleIntercept", 0.0
    )
    low, high = _window(dataset, values)
    grey = np.rint(np.clip((values - low) / max(high - low, 1e-9), 0, 1) * 255)
    if photometric == _LEVELS[0]:
        grey = 255 - grey
    return grey.astype(np.uint8)


def _eight_bits(array: NDArray[Any]) -> NDArray[np.uint8]:
    return (array >> 8).astype(np.uint8) if array.dtype.itemsize > 1 else array.astype(np.uint8)


def _window(dataset: Dataset, values: NDArray[np.float64]) -> tuple[float, float]:
    """What is black and what is white (PS3.3 C.11.2.1.2)."""
    width = _number(dataset, "WindowWidth", 0.0)
    if width >= 1 and "WindowCenter" in dataset:
        centre = _number(dataset, "WindowCenter", 0.0)
        return centre - width / 2, centre + width / 2
    low, high = np.percentile(values, (_DARKEST, _BRIGHTEST))
    return float(low), float(high)


def _number(dataset: Dataset, keyword: str, missing: float) -> float:
    value = dataset.get(keyword)
    if value is None or value == "":
        return missing
    first = value if isinstance(value, int | float) else value[0] if not isinstance(value, str) else value
    number = float(first)
    return number if np.isfinite(number) else missing
