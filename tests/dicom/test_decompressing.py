"""Data sets without the compression of their pixel data, held against pydicom's own decoding."""

import struct
from io import BytesIO

import numpy as np
import pydicom.uid
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from adit.dicom.contexts import EXPLICIT, IMPLICIT
from adit.dicom.decoding import NotDecodable, decodable, decode
from adit.dicom.decompressing import decompressed
from adit.dicom.errors import BadData
from adit.dicom.explicit import inflated
from adit.dicom.implicit import implicit
from adit.dicom.instance import InMemory, Instance
from adit.dicom.part10 import preamble_and_meta, read_part10
from adit.dicom.refs import UID, Ref
from tests.endpoints.encodings import encodings, many_frames, read, source
from tests.peers.data import File, uid_of

RLE, JPEG_2000 = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90"

DECODED = [
    "693_J2KI.dcm",
    "JPEG2000.dcm",
    "SC_rgb_gdcm_KY.dcm",
    "GDCMJ2K_TextGBR.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "examples_jpeg2k.dcm",
    "MR_small_jp2klossless.dcm",
    "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_RLE.dcm",
    "SC_rgb_rle.dcm",
    "SC_rgb_rle_16bit.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "SC_rgb_rle_32bit_2frame.dcm",
    "rtdose_rle.dcm",
    "SC_jpeg_no_color_transform.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+n1.dcm",
    "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_rgb_dcmtk_+eb+cy+s4.dcm",
    "SC_rgb_jpeg_app14_dcmd.dcm",
    "SC_rgb_jpeg_lossy_gdcm.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "examples_ybr_color.dcm",
]


HTJ2K = bytes.fromhex(
    "ff4fff5100294000000000100000001000000000000000000000001000000010000000000000000000010f0101ff50000800"
    "020000000aff52000c00020001000504044001ff5c00132088909090909090909090909090888888ff64001700014f70656e"
    "4a50482056657220302e32362e332eff90000a00000000007d0001ff93c0002619f80507740000c00012c0001300ec010774"
    "00d8fe03077400c000134000138034fd008274006847fb00a35400c00015100005581863fcaa70027500a69b366dfac04201"
    "ecb600c0002b2000169088888888e7c0a7a7a7c278009e3d3d3d3d3d3d3dfd8c607bf63181ecba00ffd9"
)
"""16 x 16 samples of 16 bits, encoded without loss by OpenJPH: pixel n is 13 n modulo 4096."""


def given(file, encoded=None):
    ref = Ref(UID(file.study), UID(file.series), UID(file.uid))
    return Instance(ref, UID(file.sop_class), UID(file.transfer_syntax), InMemory(encoded or file.encoded))


def joined(chunks):
    return b"".join(bytes(chunk) for chunk in chunks)


def opened(name):
    path = source(name) if (source(name)).exists() else source(f"../{name}")
    found = read_part10(path)
    data = dcmread(path)
    names = (str(data.get(each, uid_of(each))) for each in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))
    return File(*names, found.sop_class, found.transfer_syntax, path.read_bytes()[found.offset :]), data


def read_as(file, syntax, encoded):
    return dcmread(BytesIO(preamble_and_meta(UID(file.sop_class), UID(file.uid), UID(syntax)) + encoded))


def written(data, syntax):
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    write_dataset(buffer, data)
    names = map(str, (data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID, data.SOPClassUID))
    return File(*names, syntax, buffer.getvalue())


def became(file):
    return read_as(file, EXPLICIT, joined(decompressed(given(file), decode)))


def frames_of(file):
    return became(file).pixel_array


class TestDecompressing:
    @pytest.mark.parametrize("name", DECODED)
    def test_gives_the_pixels_that_pydicom_decodes_and_leaves_everything_else(self, name):
        file, was = opened(name)
        now = became(file)

        assert np.array_equal(now.pixel_array, was.pixel_array)
        assert now.SOPInstanceUID == was.SOPInstanceUID
        assert now.PhotometricInterpretation == (was.PhotometricInterpretation if now.SamplesPerPixel == 1 else "RGB")
        for data in (was, now):
            del data.PixelData, data.PhotometricInterpretation
        assert now == was

    def test_keeps_the_bytes_of_what_stands_around_the_pixels(self):
        file, _ = opened("MR_small_RLE.dcm")
        at = file.encoded.index(b"\xe0\x7f\x10\0")
        now = joined(decompressed(given(file), decode))

        assert now[:at] == file.encoded[:at]
        assert now[at : at + 12] == struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 64 * 64 * 2)
        # Data Set Trailing Padding.
        tail = now[at + 12 + 64 * 64 * 2 :]
        assert tail.startswith(b"\xfc\xff\xfc\xff")
        assert file.encoded.endswith(tail)

    def test_of_bits_that_are_not_stored_keeps_them(self):
        data = read(many_frames(1))
        raw = np.arange(64 * 64, dtype="<u2") * 16 + 5
        data.PixelData, data.BitsStored, data.HighBit = raw.tobytes(), 12, 11
        data.file_meta.TransferSyntaxUID = pydicom.uid.UID(EXPLICIT)
        data.compress(pydicom.uid.UID(RLE), encoding_plugin="pydicom", generate_instance_uid=False)

        assert became(written(data, RLE)).PixelData == raw.tobytes()

    @pytest.mark.parametrize("table", ["basic", "none", "extended"])
    def test_finds_frames_by_every_table_of_offsets(self, table):
        data = read(many_frames(5))
        frames = list(pydicom_frames(data))
        if table == "extended":
            data.PixelData, data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths = encapsulate_extended(frames)
        else:
            data.PixelData = encapsulate(frames, has_bot=table == "basic")
        now = became(written(data, RLE))

        assert [int(frame.max()) for frame in now.pixel_array] == [0, 1, 2, 3, 4]
        assert "ExtendedOffsetTable" not in now
        assert "ExtendedOffsetTableLengths" not in now

    def test_joins_the_fragments_of_a_frame(self):
        data = read(many_frames(1))
        (frame,) = pydicom_frames(data)
        data.PixelData = encapsulate([frame], fragments_per_frame=3, has_bot=False)

        assert frames_of(written(data, RLE)).shape == (64, 64)

    def test_reaches_into_an_icon(self):
        file, data = opened("MR_small_RLE.dcm")
        icon = Dataset()
        for each in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit"):
            setattr(icon, each, data[each].value)
        icon.PixelRepresentation, icon.PhotometricInterpretation = 1, "MONOCHROME2"
        icon.PixelData = data.PixelData
        icon["PixelData"].VR = "OB"
        icon["PixelData"].is_undefined_length = True
        data.IconImageSequence = Sequence([icon])
        now = became(written(data, file.transfer_syntax))

        assert now.IconImageSequence[0].PixelData == now.PixelData

    def test_says_of_lossy_jpeg_that_it_was_lossy(self):
        _, data = opened("SC_rgb_dcmtk_+eb+cy+np.dcm")
        del data.LossyImageCompression
        now = became(written(data, "1.2.840.10008.1.2.4.50"))

        assert now.LossyImageCompression == "01"

    def test_of_a_data_set_without_pixels_changes_nothing(self):
        _, data = opened("MR_small_RLE.dcm")
        del data.PixelData
        del data.DataSetTrailingPadding
        file = written(data, RLE)

        assert joined(decompressed(given(file), decode)) == file.encoded

    @pytest.mark.parametrize("ending", ["201", "202", "203"])
    def test_reads_high_throughput_jpeg_2000(self, ending):
        data = read(encodings()[EXPLICIT])
        data.Rows = data.Columns = 16
        data.PixelRepresentation = 0
        data.PixelData = encapsulate([HTJ2K])
        data["PixelData"].is_undefined_length = True
        now = became(written(data, f"1.2.840.10008.1.2.4.{ending}"))

        assert now.pixel_array.ravel().tolist() == [13 * n % 4096 for n in range(256)]

    def test_reads_frames_that_are_deflated_one_by_one(self):
        file = encodings()["1.2.840.10008.1.2.8.1"]

        assert np.array_equal(frames_of(file), dcmread(source("MR_small.dcm")).pixel_array)


def pydicom_frames(data):
    from pydicom.encaps import generate_frames  # noqa: PLC0415

    return generate_frames(data.PixelData, number_of_frames=int(data.get("NumberOfFrames", 1)))


class TestWhatCannotBeDecompressed:
    @pytest.mark.parametrize("ending", ["100", "102", "103", "104", "107", "110", "112"])
    def test_is_known_before(self, ending):
        assert not decodable(UID(f"1.2.840.10008.1.2.4.{ending}"))

    @pytest.mark.parametrize("ending", ["50", "51", "57", "70", "80", "81", "90", "91", "201", "202", "203"])
    def test_is_not_what_a_decoder_is_there_for(self, ending):
        assert decodable(UID(f"1.2.840.10008.1.2.4.{ending}"))

    def test_is_jpeg_of_twelve_bits(self):
        file, _ = opened("JPGExtended.dcm")
        with pytest.raises(NotDecodable, match="no decoder for JPEG Extended of more than 8 bits"):
            became(file)

    def test_is_what_would_be_too_large(self):
        data = read(many_frames(2))
        data.NumberOfFrames = 2**20
        with pytest.raises(NotDecodable, match="too large"):
            became(written(data, RLE))

    @pytest.mark.parametrize(("said", "words"), [(4, "cannot be parted into frames"), (2, "more than the 2 frames")])
    def test_is_what_has_another_number_of_frames_than_it_says(self, said, words):
        data = read(many_frames(3))
        data.PixelData = encapsulate(list(pydicom_frames(data)), has_bot=said == 2)
        data.NumberOfFrames = said
        with pytest.raises(BadData, match=words):
            became(written(data, RLE))

    @pytest.mark.parametrize("missing", ["Rows", "BitsAllocated", "PhotometricInterpretation"])
    def test_is_what_does_not_say_how_it_is_encoded(self, missing):
        data = read(many_frames(1))
        del data[missing]
        with pytest.raises(BadData, match="does not say"):
            became(written(data, RLE))

    @pytest.mark.parametrize("kept", [0.3, 0.8, 0.999])
    def test_is_what_is_broken_off(self, kept):
        file = many_frames(3)
        with pytest.raises(BadData, match="broken off"):
            joined(decompressed(given(file, file.encoded[: int(len(file.encoded) * kept)]), decode))

    def test_is_what_is_not_encapsulated(self):
        file = encodings()[EXPLICIT]
        with pytest.raises(BadData, match="not encapsulated"):
            joined(decompressed(given(file), decode))

    def test_is_a_stream_of_nonsense(self):
        data = read(many_frames(1))
        data.PixelData = encapsulate([b"\xff\x4f\xff\x51 nonsense " * 10])
        with pytest.raises(BadData, match="cannot be decoded"):
            became(written(data, "1.2.840.10008.1.2.4.201"))


class TestBecomingImplicit:
    def test_keeps_every_value(self):
        file = encodings()[EXPLICIT]
        now = read_as(file, IMPLICIT, joined(implicit(given(file))))

        assert now == read(file)
        assert now.PixelData == read(file).PixelData

    def test_passes_pixels_through_as_they_arrive(self):
        assert [len(chunk) for chunk in implicit(given(encodings()[EXPLICIT]))][1:] == [8, 64 * 64 * 2]

    def test_works_without_pixels(self):
        data = read(encodings()[EXPLICIT])
        del data.PixelData
        file = written(data, EXPLICIT)

        assert read_as(file, IMPLICIT, joined(implicit(given(file)))) == data

    def test_of_what_is_broken_off_is_bad_data(self):
        file = encodings()[EXPLICIT]
        with pytest.raises(BadData, match="broken off"):
            joined(implicit(given(file, file.encoded[:-10])))


class TestInflating:
    def test_gives_what_was_deflated(self):
        now = joined(inflated(given(encodings()["1.2.840.10008.1.2.1.99"])))

        assert read_as(encodings()[EXPLICIT], EXPLICIT, now).PixelData == read(encodings()[EXPLICIT]).PixelData

    def test_of_what_is_broken_off_is_bad_data(self):
        file = encodings()["1.2.840.10008.1.2.1.99"]
        with pytest.raises(BadData, match="broken off"):
            joined(inflated(given(file, file.encoded[:-100])))

    def test_of_nonsense_is_bad_data(self):
        with pytest.raises(BadData, match="cannot be inflated"):
            joined(inflated(given(encodings()["1.2.840.10008.1.2.1.99"], b"\xff" * 100)))
