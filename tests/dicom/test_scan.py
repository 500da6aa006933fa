"""Four UIDs of an encoded data set, found without a parser."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from adit.dicom.contexts import DEFLATED, EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.refs import UID, uid
from adit.dicom.scan import Identity, NeedMore, identify, inflate
from tests.dicom.files import encoded, readable_files
from tests.dicom.making import IDENTITY, UIDS, header, with_sequence

JPEG = UID("1.2.840.10008.1.2.4.70")


def assert_identified_or_bad(content: bytes, syntax: UID) -> None:
    try:
        found = identify(content, syntax, complete=True)
    except BadData:
        return
    for value in (found.sop_class, found.study, found.series, found.instance):
        assert value is None or uid(value) == value


def study_and_series(content: bytes | memoryview, syntax: UID) -> tuple[UID | None, UID | None]:
    found = identify(content, syntax)
    return found.study, found.series


class TestAScan:
    @pytest.mark.parametrize("file", readable_files(), ids=lambda file: file.name)
    def test_agrees_with_pydicom_on_its_files(self, file):
        found = identify(file.encoded, file.transfer_syntax, complete=True)

        keywords = ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        assert found == Identity(*(str(file.dataset.get(keyword, "")) or None for keyword in keywords))

    @pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, EXPLICIT_BIG_ENDIAN])
    @pytest.mark.parametrize("undefined", [True, False])
    def test_steps_over_sequences_of_any_length(self, syntax, undefined):
        data = encoded(with_sequence(undefined=undefined), syntax)

        assert study_and_series(data, syntax) == UIDS
        assert study_and_series(memoryview(data), syntax) == UIDS

    @pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, EXPLICIT_BIG_ENDIAN])
    def test_says_at_every_cut_that_it_needs_more(self, syntax):
        data = encoded(with_sequence(undefined=True), syntax)
        tag = struct.pack(">HH" if syntax == EXPLICIT_BIG_ENDIAN else "<HH", 0x0020, 0x000E)
        enough = data.index(tag) + 8 + 6

        for cut in range(enough):
            with pytest.raises(NeedMore):
                study_and_series(data[:cut], syntax)
        assert study_and_series(data[:enough], syntax) == UIDS

    def test_does_not_look_behind_the_series_uid(self):
        data = encoded(header())

        assert study_and_series(data[: data.index(b"1.2.5") + 6] + b"rubbish", EXPLICIT) == UIDS

    def test_inflates_what_is_deflated(self):
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data = deflater.compress(encoded(header(PatientComments="x" * 200_000))) + deflater.flush()

        assert identify(data, DEFLATED) == IDENTITY

    def test_does_not_inflate_without_bound(self):
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        bomb = deflater.compress(bytes(1 << 20)) + deflater.flush()

        assert len(inflate(bomb, most=1000)) == 1000

    def test_understands_implicit_vr_that_was_announced_as_explicit(self):
        assert study_and_series(encoded(header(), IMPLICIT), JPEG) == UIDS
        assert study_and_series(encoded(header(), EXPLICIT), IMPLICIT) == UIDS

    def test_reads_unknown_elements_of_undefined_length_as_implicit(self):
        # PS3.5 6.2.2, note 2: what is inside was never rewritten.
        inside = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + struct.pack("<HHL", 9, 0x1010, 4) + b"abcd"
        delimiters = struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
        unknown = struct.pack("<HH2sHL", 9, 0x1001, b"UN", 0, 0xFFFFFFFF) + inside + delimiters

        assert study_and_series(unknown + encoded(header()), EXPLICIT) == UIDS

    def test_returns_none_where_a_uid_is_missing(self):
        dataset = header()
        del dataset.SeriesInstanceUID

        assert study_and_series(encoded(dataset), EXPLICIT) == (UIDS[0], None)

    def test_takes_an_empty_uid_for_a_missing_one(self):
        assert study_and_series(encoded(header(StudyInstanceUID="")), EXPLICIT) == (None, UIDS[1])

    def test_may_meet_the_end_of_a_data_set_that_is_complete(self):
        dataset = Dataset()
        dataset.SOPClassUID = "1.2.3"

        assert identify(encoded(dataset), EXPLICIT, complete=True) == Identity(UID("1.2.3"), None, None, None)
        with pytest.raises(NeedMore):
            identify(encoded(dataset), EXPLICIT)

    def test_refuses_what_is_no_uid(self):
        data = encoded(header()).replace(b"1.2.4", b"1.2.*")

        with pytest.raises(BadData, match="no UID"):
            study_and_series(data, EXPLICIT)

    def test_follows_nesting_without_recursion_and_within_bounds(self):
        item = struct.pack("<HH2sHL", 8, 0x1110, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
        ends = struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)

        assert study_and_series(item * 400 + ends * 400 + encoded(header()), EXPLICIT) == UIDS
        with pytest.raises(BadData, match="nested"):
            study_and_series(item * 5000, EXPLICIT)

    @given(st.binary(max_size=300), st.sampled_from([IMPLICIT, EXPLICIT, EXPLICIT_BIG_ENDIAN, DEFLATED]))
    def test_answers_rubbish_with_bad_data_only(self, rubbish, syntax):
        assert_identified_or_bad(rubbish, syntax)

    @given(st.data())
    def test_survives_any_flipped_byte(self, data):
        spoilt = bytearray(encoded(with_sequence(undefined=True)))
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] ^= data.draw(st.integers(1, 255))

        assert_identified_or_bad(bytes(spoilt), EXPLICIT)
