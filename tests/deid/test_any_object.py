"""Any object that can be read is treated, or refused with a reason; never passed through, never a crash."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR

from adit.deid.elements import EXPLICIT_LITTLE, element
from adit.deid.errors import Excluded, Stopped
from adit.deid.known import Known
from adit.deid.level import path_of
from adit.deid.treatedbody import head_of
from adit.deid.treatment import Treatment
from adit.deid.tripwire import search
from adit.dicom.contexts import EXPLICIT
from adit.dicom.errors import BadData, DicomError
from adit.dicom.instance import InMemory
from adit.dicom.reading import read
from adit.dicom.scan import DEFLATED_SYNTAXES
from tests.deid.real import one_of_each
from tests.deid.treating import PSEUDONYM, content, ct, instance, instance_of, order
from tests.dicom.files import File
from tests.dicom.making import NATIVE, data_sets

PROFILES = ["basic", "research", "longitudinal"]
REMOVED = 0x00120062

OURS = frozenset((0x00080005, 0x00100010, 0x00100020, 0x00120063))
"""What the treatment writes itself, and the names of character sets."""

FILES = [
    file for file in one_of_each() if len(file.encoded) < 200_000 and file.transfer_syntax not in DEFLATED_SYNTAXES
]

IMAGES = [file for file in FILES if "PixelData" in file.dataset]

TREATMENTS = {name: Treatment(order(name)) for name in PROFILES}

SECRET = "QUERFELDEIN"
"""A name that no object has by itself."""

NUMBERS = frozenset(("AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"))

VRS = [
    *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL", "OV", "OW", "PN"),
    *("SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV"),
]


@st.composite
def damages(draw: st.DrawFn) -> tuple[File, bytes]:
    """A real object, some bytes of which are others, or gone, or more."""
    file = draw(st.sampled_from(FILES))
    damaged = bytearray(file.encoded)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, min(len(damaged), 6000)))
        match draw(st.sampled_from(("other", "gone", "more"))):
            case "other":
                damaged[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "gone":
                del damaged[at : at + draw(st.integers(1, 9))]
            case "more":
                damaged[at:at] = draw(st.binary(min_size=1, max_size=12))
    return file, bytes(damaged)


class TestAnyObject:
    @settings(max_examples=300, deadline=None)
    @given(damaged=damages(), name=st.sampled_from(PROFILES))
    def test_that_is_damaged_is_treated_or_refused(self, damaged: tuple[File, bytes], name: str) -> None:
        file, encoded = damaged
        try:
            made = TREATMENTS[name].apply(instance_of(encoded, file.dataset, file.transfer_syntax))
            written = content(made)
        except DicomError as error:
            # What nobody thought of is an error of ours.
            if error.__cause__ is not None:
                raise
            return
        assert made.body.size == len(written)
        head = head_of(InMemory(written), file.transfer_syntax).dataset
        assert head.text_of(REMOVED) in ("YES", "NO")
        assert head.text_of(0x00100020) == PSEUDONYM

    @settings(max_examples=100, deadline=None)
    @given(made=data_sets(), transfer_syntax=st.sampled_from(NATIVE), name=st.sampled_from(PROFILES))
    def test_that_is_made_up_is_treated_and_can_be_read(self, made: Dataset, transfer_syntax, name: str) -> None:
        for each in ct():
            if each.keyword != "SpecificCharacterSet" or each.keyword not in made:
                made.add(each)

        treated = TREATMENTS[name].apply(instance(made, transfer_syntax))

        dataset = read(content(treated), transfer_syntax)
        for each in dataset.iterall():
            assert each.tag.element
        found = search(dataset, Known.of(made), made=lambda tag, _: int(tag) in OURS)
        assert not [each for each in found if not each.path.startswith("(0012,0064)")]
        assert dataset.PatientID == PSEUDONYM
        assert dataset.PatientIdentityRemoved == "YES"

    @pytest.mark.parametrize("name", PROFILES)
    @pytest.mark.parametrize("file", IMAGES, ids=lambda file: file.name)
    def test_that_is_cut_off_in_its_head_is_refused(self, file: File, name: str) -> None:
        parts = head_of(InMemory(file.encoded), file.transfer_syntax).dataset.parts

        for end in (parts[-1].behind - 1, parts[len(parts) // 2].at + 5, 5):
            with pytest.raises(DicomError):
                TREATMENTS[name].apply(instance_of(file.encoded[:end], file.dataset, file.transfer_syntax))


class TestASecret:
    """A name of the patient, written where it does not belong."""

    @settings(max_examples=300, deadline=None)
    @given(
        group=st.one_of(st.sampled_from([0x8, 0x10, 0x18, 0x20, 0x28, 0x32, 0x40, 0x54, 0x70]), st.integers(8, 0x7FDF)),
        number=st.one_of(st.integers(1, 0x100), st.integers(1, 0xFFFF)),
        vr=st.sampled_from(VRS),
        name=st.sampled_from(PROFILES),
    )
    def test_survives_in_no_attribute_of_any_vr(self, group: int, number: int, vr: str, name: str) -> None:
        tag = group << 16 | number
        original = ct(PatientName=f"{SECRET}^Anna")
        if tag in original or (vr in NUMBERS and dictionary_has_tag(tag) and dictionary_VR(tag)[:2] in NUMBERS):
            # Numbers are not searched for words.
            return
        encoded = content(instance(original))
        parts = head_of(InMemory(encoded), EXPLICIT).dataset.parts
        at = next((part.at for part in parts if part.tag > tag), len(encoded))
        planted = encoded[:at] + raw(tag, vr) + encoded[at:]

        try:
            written = content(TREATMENTS[name].apply(instance_of(planted, original, EXPLICIT)))
        except BadData:
            # What is called a sequence holds no items.
            return
        except (Stopped, Excluded) as error:
            said = str(error)
            written = b""
        else:
            said = path_of((tag,))
        assert SECRET.encode() not in written
        assert path_of((tag,)) in said or "overlay" in said or "pixels" in said


def raw(tag: int, vr: str) -> bytes:
    """The secret as the value of an element."""
    value = SECRET.encode() + b" " * (-len(SECRET) % 8)
    return element(tag, vr, value, EXPLICIT_LITTLE)
