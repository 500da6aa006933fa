"""Small pictures: what is shown is what the data set says."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset

from adit.dicom.contexts import EXPLICIT, EXPLICIT_BIG_ENDIAN
from adit.dicom.decoding import Decoded, Picture, decode
from adit.dicom.drawing import NotDrawable, draw, middle_frame, whole
from adit.dicom.errors import BadData
from adit.dicom.instance import InMemory, Instance
from adit.dicom.refs import UID, Ref
from tests.endpoints.encodings import REAL, encodings

ENCODED = encodings()

JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
"""The example has twelve bits, for which there is no decoder."""


def instance_of(encoded: bytes, syntax: str = EXPLICIT) -> Instance:
    return Instance(Ref(UID("1.2"), UID("1.3"), UID("1.4")), UID("1.5"), UID(syntax), InMemory(encoded))


def drawn(instance: Instance, size: int = 64) -> Image.Image:
    dataset = whole(instance)
    picture = Picture.of(dataset)
    frame, compressed = middle_frame(dataset, instance, picture)
    decoded = Decoded(frame, picture.photometric, picture.planar)
    if compressed:
        decoded = decode(frame, picture, instance.transfer_syntax)
    big = instance.transfer_syntax == EXPLICIT_BIG_ENDIAN
    return Image.open(BytesIO(draw(dataset, picture, decoded, big_endian=big, size=size)))


def grey(values, **attributes) -> Instance:
    """One that holds *values*, twelve bits of sixteen, in as many frames as there are."""
    from tests.dicom.files import encoded  # noqa: PLC0415

    values = np.asarray(values, dtype="<u2")
    data = Dataset()
    data.Rows, data.Columns = values.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    if values.ndim == 3:
        data.NumberOfFrames = len(values)
    for name, value in attributes.items():
        setattr(data, name, value)
    data.PixelData = values.tobytes()
    data["PixelData"].VR = "OW"
    return instance_of(encoded(data))


RAMP = np.arange(16).reshape(4, 4) * 100


class TestAPicture:
    @pytest.mark.parametrize("syntax", sorted(REAL.keys() - {JPEG_EXTENDED}))
    def test_is_drawn_of_every_transfer_syntax(self, syntax):
        image = drawn(instance_of(ENCODED[syntax].encoded, syntax))

        assert max(image.size) <= 64
        assert len(set(image.convert("L").tobytes())) > 3

    def test_of_the_same_image_is_the_same_in_either_byte_order(self):
        little, big = (drawn(instance_of(ENCODED[each].encoded, each)) for each in (EXPLICIT, EXPLICIT_BIG_ENDIAN))

        assert little.tobytes() == big.tobytes()

    def test_is_dark_below_the_window_and_bright_above(self):
        image = drawn(grey(RAMP, WindowCenter="750", WindowWidth="2"))

        assert image.tobytes() == bytes([0] * 8 + [255] * 8)

    def test_goes_by_rescaled_values(self):
        shifted = {"RescaleSlope": "2", "RescaleIntercept": "-1000", "WindowCenter": "500", "WindowWidth": "2"}

        assert drawn(grey(RAMP, **shifted)).tobytes() == bytes([0] * 8 + [255] * 8)

    def test_spans_the_values_where_no_window_is_named(self):
        image = np.frombuffer(drawn(grey(RAMP)).tobytes(), "u1")

        assert (image[0], image[-1]) == (0, 255)
        assert list(image) == sorted(image)

    def test_is_inverted_where_low_values_are_bright(self):
        usual, inverted = (drawn(grey(RAMP, PhotometricInterpretation=f"MONOCHROME{n}")) for n in (2, 1))

        assert inverted.tobytes() == bytes(255 - each for each in usual.tobytes())

    def test_of_many_frames_is_the_middle_one(self):
        frames = [RAMP * 0, RAMP, RAMP * 0]

        assert drawn(grey(frames)).tobytes() == drawn(grey(RAMP)).tobytes()

    def test_of_one_value_only_is_drawn_too(self):
        assert set(drawn(grey(RAMP * 0 + 7)).tobytes()) == {0}

    def test_keeps_its_proportions(self):
        assert drawn(grey(np.zeros((400, 100)))).size == (16, 64)


class TestWhatCannotBeDrawn:
    def test_says_so_when_there_are_no_pixels(self):
        data = grey(RAMP)
        start = next(data.body.chunks())
        without = bytes(start)[: bytes(start).index(b"\xe0\x7f\x10\x00")]

        with pytest.raises(NotDrawable):
            drawn(instance_of(without))

    def test_says_so_when_pixels_are_missing(self):
        with pytest.raises(BadData):
            drawn(grey(RAMP, Rows=400))

    def test_says_so_of_single_bits(self):
        with pytest.raises(NotDrawable):
            drawn(grey(RAMP, BitsAllocated=1, Rows=8, Columns=8))
