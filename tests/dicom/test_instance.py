"""One instance: its bytes, and its head parsed when asked."""

import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from adit.dicom.contexts import DEFLATED, EXPLICIT
from adit.dicom.errors import BadData
from adit.dicom.instance import PIXELS, InMemory, Instance, parse_head
from adit.dicom.refs import UID, Ref
from tests.dicom.files import encoded, readable_files
from tests.dicom.making import header, with_sequence

REF = Ref(UID("1.2.4"), UID("1.2.5"), UID("1.2.6"))


def instance(content: bytes, syntax: UID = EXPLICIT) -> Instance:
    return Instance(REF, UID("1.2.3"), syntax, InMemory(content))


def deflated(content: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(content) + deflater.flush()


class TestAHead:
    @pytest.mark.parametrize("file", readable_files(), ids=lambda file: file.name)
    def test_has_what_pydicom_finds_before_the_pixel_data(self, file):
        before = sorted(tag for tag in tuple(file.dataset.keys()) if tag < min(PIXELS))

        found = instance(file.encoded, file.transfer_syntax).head()

        assert sorted(tag for tag in tuple(found.keys()) if tag < min(PIXELS)) == before
        assert not PIXELS & set(found.keys())

    def test_is_parsed_once(self):
        one = instance(encoded(header()))

        assert one.head() is one.head()

    def test_goes_on_behind_the_first_prefix_even_in_the_middle_of_a_sequence(self):
        dataset = with_sequence(undefined=True)
        dataset.ReferencedStudySequence[0].TextValue = "x" * (3 << 20)
        dataset.ReferencedStudySequence[0].PatientComments = "end"

        assert instance(encoded(dataset)).head().ReferencedStudySequence[0].PatientComments == "end"

    def test_is_read_from_a_deflated_data_set(self):
        assert instance(deflated(encoded(header())), DEFLATED).head().PatientName == "Doe^John"

    def test_of_a_private_transfer_syntax_is_read_as_explicit(self):
        assert instance(encoded(header()), UID("1.2.840.113619.5.9")).head().PatientName == "Doe^John"

    @pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
    def test_of_nothing_is_bad_data(self, syntax):
        with pytest.raises(BadData):
            instance(b"", syntax).head()

    def test_of_what_cannot_be_inflated_is_bad_data(self):
        with pytest.raises(BadData):
            instance(b"\xff" * 50, DEFLATED).head()

    def test_of_endless_nesting_is_bad_data(self):
        opening = bytes.fromhex("080010115351 0000 ffffffff feff00e0 ffffffff")

        with pytest.raises(BadData):
            instance(opening * 3000).head()

    @given(st.integers(0, 400))
    def test_of_a_prefix_is_a_head_or_bad_data(self, cut):
        try:
            _, reached = parse_head(encoded(with_sequence(undefined=True))[:cut], EXPLICIT)
        except BadData:
            return
        assert not reached

    @given(st.binary(min_size=1, max_size=200))
    def test_of_rubbish_is_a_data_set_or_bad_data(self, rubbish):
        with suppress(BadData):
            assert isinstance(parse_head(rubbish, EXPLICIT)[0], Dataset)


class TestAnInstance:
    def test_gives_a_prefix_of_its_bytes(self):
        one = instance(b"abcdef")

        assert one.prefix(4) == b"abcd"
        assert one.prefix(100) == b"abcdef"

    def test_yields_its_bytes_from_anywhere(self):
        assert [bytes(chunk) for chunk in InMemory(b"abc").chunks(1)] == [b"bc"]
        assert list(InMemory(b"abc").chunks(3)) == []

    def test_names_study_series_and_instance(self):
        with pytest.raises(ValueError, match="names study, series and instance"):
            Instance(Ref(UID("1.2")), UID("1.2.3"), EXPLICIT, InMemory(b""))

    def test_gives_its_memory_back_when_the_block_ends(self):
        with instance(b"abc") as one:
            assert one.body.size == 3

        assert one.body.size == 0
