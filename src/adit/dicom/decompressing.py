"""Data sets without the compression of their pixel data: what lies around it stays as it is, byte for byte."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import BinaryIO

from pydicom import Dataset
from pydicom.encaps import generate_frames, parse_basic_offsets, parse_fragments

from adit.dicom.bodyfile import opened
from adit.dicom.contexts import EXPLICIT
from adit.dicom.decoding import LOSSY_JPEG, Decoded, NotDecodable, Picture
from adit.dicom.errors import BadData, DicomError
from adit.dicom.explicit import encoded
from adit.dicom.instance import Instance
from adit.dicom.parting import Parted, parted
from adit.dicom.reading import read
from adit.dicom.refs import UID
from adit.dicom.scan import PIXEL_DATA, UNDEFINED

Decode = Callable[[bytes, Picture, UID], Decoded]
_DecodeFrame = Callable[[bytes, Picture], Decoded]


_PHOTOMETRIC, _PLANAR, _LOSSY = 0x00280004, 0x00280006, 0x00282110
_OFFSETS = frozenset((0x7FE00001, 0x7FE00002, 0x7FE00003))
"""Extended Offset Table, its lengths, and the length of the encapsulated value: of no meaning without fragments."""

_ENCAPSULATED = struct.pack("<HH", 0x7FE0, 0x0010) + b"%b\0\0\xff\xff\xff\xff"
_INNER = (_ENCAPSULATED % b"OB", _ENCAPSULATED % b"OW")
_END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def decompressed(instance: Instance, decode: Decode) -> Iterator[bytes | memoryview]:
    """The data set of *instance*, whose pixel data are encapsulated, in Explicit VR Little Endian.

    One frame is in memory at a time. What changes is the pixel data, Photometric Interpretation and Planar
    Configuration where decoding changes them, and what only an encapsulated value has (PS3.5 A.4).

    Args:
        decode: Decodes a frame (`adit.dicom.decoding.decode`).

    Raises:
        NotDecodable: There is no decoder, or the pixel data are too many for any other transfer syntax.
        BadData: It is broken.
        DicomError: What broke the arrival of the instance off.
    """
    parts = parted(instance)
    syntax = instance.transfer_syntax
    if parts.pixels is None:
        # A report, say: only the name of its transfer syntax changes.
        yield parts.start
        return
    if parts.pixels.length != UNDEFINED:
        raise BadData("its pixel data are not encapsulated, though its transfer syntax says so")
    picture = Picture.of(instance.head())
    size = picture.frames * picture.size
    if size >= UNDEFINED - 1:
        raise NotDecodable("its pixel data are too large for a transfer syntax without compression (PS3.5 A.2)")

    def one(frame: bytes, picture: Picture) -> Decoded:
        return decode(frame, picture, syntax)

    with opened(instance.body, parts.pixels.value) as file:
        behind = _behind(file)
        file.seek(parts.pixels.value)
        frames = _decoded(file, instance.head(), picture, one)
        first = next(frames)
        yield from _changed(parts, _changes(first, picture, instance), one)
        yield struct.pack("<HH2sHL", 0x7FE0, 0x0010, _vr(picture), 0, size + size % 2)
        yield first.pixels
        for frame in frames:
            if (frame.photometric, frame.planar) != (first.photometric, first.planar):
                raise BadData("its frames are in different colour spaces")
            yield frame.pixels
    if size % 2:
        yield b"\0"
    yield from instance.body.chunks(behind)


def _vr(picture: Picture) -> bytes:
    # PS3.5 A.2: OB would do for 8 bits only.
    return b"OB" if picture.allocated <= 8 else b"OW"


def _behind(file: BinaryIO) -> int:
    """Where the encapsulated pixel data end that begin where *file* stands."""
    try:
        parse_basic_offsets(file)
        _, starts = parse_fragments(file)
        file.seek(starts[-1])
        (length,) = struct.unpack("<4xL", file.read(8))
    except DicomError:
        raise
    except Exception as error:
        raise BadData("its pixel data are broken off") from error
    file.seek(length, 1)
    if file.read(8) != _END:
        raise BadData("its pixel data are broken off")
    return file.tell()


def _decoded(file: BinaryIO, dataset: Dataset, picture: Picture, decode: _DecodeFrame) -> Iterator[Decoded]:
    """Exactly as many frames as *picture* has."""
    number = 0
    for frame in _frames(file, dataset, picture):
        number += 1
        if number > picture.frames:
            raise BadData(f"its pixel data have more than the {picture.frames} frames that it names")
        yield decode(frame, picture)
    if number < picture.frames:
        raise BadData(f"its pixel data have {number} of the {picture.frames} frames that it names")


def _frames(file: BinaryIO, dataset: Dataset, picture: Picture) -> Iterator[bytes]:
    offsets, lengths = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    try:
        yield from generate_frames(
            file,
            number_of_frames=picture.frames,
            extended_offsets=(offsets, lengths) if offsets and lengths else None,
        )
    except (ValueError, struct.error) as error:
        raise BadData("its pixel data cannot be parted into frames") from error


def _changes(first: Decoded, picture: Picture, instance: Instance) -> dict[int, bytes | None]:
    """Elements that become others, None for those that go."""
    changes: dict[int, bytes | None] = dict.fromkeys(_OFFSETS)
    if first.photometric != picture.photometric:
        changes[_PHOTOMETRIC] = _short(_PHOTOMETRIC, b"CS", first.photometric.encode("ascii"))
    if picture.samples > 1 and first.planar != picture.planar:
        changes[_PLANAR] = _short(_PLANAR, b"US", struct.pack("<H", first.planar))
    if instance.transfer_syntax in LOSSY_JPEG and not instance.head().get("LossyImageCompression"):
        # Nothing else would tell from now on (PS3.3 C.7.6.1.1.5).
        changes[_LOSSY] = _short(_LOSSY, b"CS", b"01")
    return changes


def _short(tag: int, vr: bytes, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def _changed(parts: Parted, changes: dict[int, bytes | None], decode: _DecodeFrame) -> Iterator[bytes]:
    """What stands before the pixel data, with *changes* at their places."""
    left = sorted((tag, content) for tag, content in changes.items() if content)
    head = parts.head
    ends = [*(each.start for each in parts.elements[1:]), len(head)]
    for element, end in zip(parts.elements, ends, strict=True):
        while left and left[0][0] <= element.tag:
            yield left.pop(0)[1]
        if element.tag not in changes:
            yield _inside(head[element.start : end], decode)
    for _, content in left:
        yield content


def _inside(content: bytes, decode: _DecodeFrame) -> bytes:
    """*content*, an element, with the pixel data inside it decompressed: those of an icon (PS3.3 C.7.6.1.1.6)."""
    if not any(each in content for each in _INNER):
        return content
    dataset = read(content, EXPLICIT)
    for item in _items(dataset):
        if PIXEL_DATA in item and item[PIXEL_DATA].is_undefined_length:
            _decompress(item, decode)
    return encoded(dataset)


def _items(dataset: Dataset) -> Iterator[Dataset]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield item
                yield from _items(item)


def _decompress(item: Dataset, decode: _DecodeFrame) -> None:
    picture = Picture.of(item)
    frames = list(_decoded(BytesIO(item.PixelData), item, picture, decode))
    item.add_new(PIXEL_DATA, _vr(picture).decode(), b"".join(frame.pixels for frame in frames))
    item.PhotometricInterpretation = frames[0].photometric
    if picture.samples > 1:
        item.PlanarConfiguration = frames[0].planar
