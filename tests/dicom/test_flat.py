"""Data sets without sequences are read as pydicom reads them."""

import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filereader import read_dataset

from adit.dicom.contexts import EXPLICIT, IMPLICIT
from adit.dicom.flat import read_flat
from adit.dicom.identifier import encode

ANSWER = Dataset()
ANSWER.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
ANSWER.QueryRetrieveLevel = "IMAGE"
ANSWER.PatientName = ""
ANSWER.StudyInstanceUID = "1.2.3"
ANSWER.InstanceNumber = "7"
ANSWER.Rows = 512
ANSWER.EncapsulatedDocument = b"of 32 bits"

SYNTAXES = pytest.mark.parametrize("implicit", [True, False], ids=["implicit", "explicit"])


def by_pydicom(encoded: bytes, *, implicit: bool) -> Dataset:
    return read_dataset(BytesIO(encoded), is_implicit_VR=implicit, is_little_endian=True)


def encoded_answer(*, implicit: bool) -> bytes:
    return encode(ANSWER, IMPLICIT if implicit else EXPLICIT)


@SYNTAXES
def test_each_element_is_what_pydicom_makes_of_it(implicit: bool) -> None:
    encoded = encoded_answer(implicit=implicit)
    flat, known = read_flat(encoded, implicit=implicit), by_pydicom(encoded, implicit=implicit)
    assert flat is not None
    assert [flat.get_item(tag) for tag in flat.keys()] == [known.get_item(tag) for tag in known.keys()]  # noqa: SIM118
    assert flat == known
    assert flat.original_character_set == known.original_character_set
    assert flat.original_encoding == known.original_encoding


@SYNTAXES
@given(cut=st.integers(0, 400), changes=st.dictionaries(st.integers(0, 400), st.integers(0, 255), max_size=4))
def test_whatever_bytes_come_it_agrees_with_pydicom_or_leaves_them_to_it(
    implicit: bool, cut: int, changes: dict[int, int]
) -> None:
    damaged = bytearray(encoded_answer(implicit=implicit)[:cut])
    for at, value in changes.items():
        if at < len(damaged):
            damaged[at] = value
    flat = read_flat(bytes(damaged), implicit=implicit)
    if flat is not None:
        known = by_pydicom(bytes(damaged), implicit=implicit)
        assert [flat.get_item(tag) for tag in flat.keys()] == [known.get_item(tag) for tag in known.keys()]  # noqa: SIM118


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(encode(ANSWER, EXPLICIT), id="explicit-where-implicit-was-agreed-on"),
        pytest.param(struct.pack("<HHL", 8, 0x1110, 0xFFFFFFFF), id="undefined-length"),
        pytest.param(struct.pack("<HHL", 0xFFFE, 0xE00D, 0), id="delimiter"),
        pytest.param(struct.pack("<HHL", 8, 5, 10) + b"ISO", id="cut-off"),
        pytest.param(b"\x08\x00", id="no-element"),
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_pydicom(encoded: bytes) -> None:
    assert read_flat(encoded, implicit=True) is None
