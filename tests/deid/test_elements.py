"""Encoded data sets are cut where pydicom cuts them, and nothing that is broken passes for whole."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adit.deid.elements import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Coding, coding_of, element, items, sequence, split
from adit.deid.treatedbody import head_of
from adit.dicom.contexts import EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.instance import PIXELS, InMemory
from adit.dicom.scan import DEFLATED_SYNTAXES
from tests.deid.treating import Dripping
from tests.dicom.files import File, encoded, readable_files
from tests.dicom.making import NATIVE, data_sets

BROKEN_OFF = {"rtplan_truncated.dcm"}

STRAY = {0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD}
"""Delimiters that end nothing, which pydicom steps over."""

FILES = [
    file
    for file in readable_files()
    if file.transfer_syntax not in DEFLATED_SYNTAXES and file.name not in BROKEN_OFF and file.encoded
]


def cut(content: bytes, coding: Coding) -> list[tuple[int, int, bytes]]:
    return [(part.tag, part.at, content[part.value : part.behind]) for part in split(content, coding)]


class TestTheHead:
    @pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
    def test_has_the_elements_that_pydicom_finds_before_the_pixel_data(self, file: File) -> None:
        head = head_of(InMemory(file.encoded), file.transfer_syntax)

        first_pixels = min((int(tag) for tag in list(file.dataset.keys()) if tag in PIXELS), default=1 << 32)
        expected = {int(tag) for tag in list(file.dataset.keys()) if tag < first_pixels}
        assert {part.tag for part in head.dataset.parts} - STRAY == expected
        assert (head.pixels is None) == (first_pixels == 1 << 32)

    @pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
    def test_leaves_no_byte_out(self, file: File) -> None:
        dataset, _ = head_of(InMemory(file.encoded), file.transfer_syntax)

        assert (
            b"".join(dataset.encoded[part.at : part.behind] for part in dataset.parts)
            == (dataset.encoded[: dataset.end])
        )

    def test_is_the_same_however_it_arrives(self) -> None:
        file = next(file for file in FILES if file.name == "CT_small.dcm")
        whole = head_of(InMemory(file.encoded), file.transfer_syntax)

        for size in (1, 7, 1000):
            dripped = head_of(Dripping(file.encoded, size), file.transfer_syntax)
            assert dripped.pixels == whole.pixels
            assert dripped.dataset.parts == whole.dataset.parts


class TestSplitting:
    @settings(max_examples=60, deadline=None)
    @given(made=data_sets(), transfer_syntax=st.sampled_from(NATIVE))
    def test_finds_in_any_data_set_what_was_written(self, made, transfer_syntax) -> None:
        content = encoded(made, transfer_syntax)

        coding = coding_of(content, transfer_syntax)

        assert [part.tag for part in split(content, coding)] == [int(tag) for tag in sorted(made.keys())]
        for part in split(content, coding):
            if made[part.tag].VR == "SQ":
                found = items(content, part, coding)
                assert len(found) == len(made[part.tag].value)
                for item, written in zip(found, made[part.tag].value, strict=True):
                    inner = split(content, coding, item.start, item.end)
                    assert [each.tag for each in inner] == [int(tag) for tag in sorted(written.keys())]

    @settings(max_examples=60, deadline=None)
    @given(made=data_sets(), transfer_syntax=st.sampled_from(NATIVE), data=st.data())
    def test_refuses_what_is_cut_off_within_an_element(self, made, transfer_syntax, data) -> None:
        content = encoded(made, transfer_syntax)
        coding = coding_of(content, transfer_syntax)
        ends = {part.behind for part in split(content, coding)} | {0}
        inside = [at for at in range(len(content)) if at not in ends]
        if inside:
            at = data.draw(st.sampled_from(inside))
            with pytest.raises(BadData):
                split(content[:at], coding)

    @settings(max_examples=200, deadline=None)
    @given(content=st.binary(max_size=200), transfer_syntax=st.sampled_from(NATIVE))
    def test_of_anything_at_all_ends_in_parts_that_cover_it_or_in_a_refusal(self, content, transfer_syntax) -> None:
        coding = coding_of(content, transfer_syntax)
        try:
            parts = split(content, coding)
        except BadData:
            return
        assert b"".join(content[part.at : part.behind] for part in parts) == content

    def test_refuses_an_unknown_vr(self) -> None:
        with pytest.raises(BadData, match=r"\(0010,0010\) has no VR"):
            split(struct.pack("<HH2sH", 0x10, 0x10, b"ZZ", 0), EXPLICIT_LITTLE)

    def test_refuses_nesting_beyond_reason(self) -> None:
        opening = struct.pack("<HHL", 0x0008, 0x1140, 0xFFFFFFFF) + struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)

        with pytest.raises(BadData, match="nested beyond reason"):
            split(opening * 5000, IMPLICIT_LITTLE)


class TestAnElementOfOurOwn:
    @pytest.mark.parametrize("transfer_syntax", NATIVE)
    @pytest.mark.parametrize(("tag", "vr", "value"), [(0x00100020, "LO", b"ABC"), (0x00080018, "UI", b"1.2.3")])
    def test_is_padded_by_its_vr_and_read_back(self, transfer_syntax, tag, vr, value) -> None:
        coding = Coding(transfer_syntax == IMPLICIT, transfer_syntax == EXPLICIT_BIG_ENDIAN)

        content = element(tag, "" if coding.implicit else vr, value, coding, padded_as=vr)

        assert cut(content, coding) == [(tag, 0, value + (b"\0" if vr == "UI" else b" "))]

    def test_that_is_too_long_for_its_vr_is_refused(self) -> None:
        with pytest.raises(BadData, match="too long"):
            element(0x00100020, "LO", bytes(70_000), EXPLICIT_LITTLE)

    def test_may_be_a_sequence(self) -> None:
        inner = element(0x00080100, "SH", b"CODE", EXPLICIT_LITTLE)

        content = sequence(0x00081032, "SQ", [inner, b""], EXPLICIT_LITTLE)

        (part,) = split(content, coding_of(content, EXPLICIT))
        assert [content[item.start : item.end] for item in items(content, part, EXPLICIT_LITTLE)] == [inner, b""]
