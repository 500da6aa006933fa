"""DICOM files: what is written around a data set, and what is understood."""

from io import BytesIO

import pydicom
import pytest

from adit.dicom.contexts import EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.implementation import CLASS_UID, VERSION_NAME
from adit.dicom.instance import InMemory, Instance
from adit.dicom.part10 import Part10, part10, read_part10
from adit.dicom.refs import UID, Ref
from tests.dicom.files import encoded, file, readable_files
from tests.dicom.making import header

CLASS = UID("1.2.3")


def instance(content: bytes, syntax: UID = EXPLICIT) -> Instance:
    return Instance(Ref(UID("1.2.4"), UID("1.2.5"), UID("1.2.6")), CLASS, syntax, InMemory(content))


class TestAWrittenFile:
    def test_carries_the_data_set_unchanged(self):
        content = encoded(header())

        written = b"".join(part10(instance(content)))

        assert written.endswith(content)
        assert read_part10(BytesIO(written)) == Part10(CLASS, EXPLICIT, len(written) - len(content))

    def test_has_the_meta_information_of_ps3_10(self):
        read = pydicom.dcmread(BytesIO(b"".join(part10(instance(encoded(header()))))))

        meta = read.file_meta
        assert read.preamble == bytes(128)
        assert meta.FileMetaInformationVersion == b"\0\1"
        assert (meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID) == (CLASS, "1.2.6")
        assert meta.TransferSyntaxUID == EXPLICIT
        assert (meta.ImplementationClassUID, meta.ImplementationVersionName) == (CLASS_UID, VERSION_NAME)
        assert read.StudyInstanceUID == "1.2.4"

    def test_states_the_length_of_its_meta_information(self):
        content = encoded(header())
        written = b"".join(part10(instance(content)))

        length = pydicom.dcmread(BytesIO(written)).file_meta.FileMetaInformationGroupLength
        assert length == len(written) - len(content) - 144


class TestAReadFile:
    @pytest.mark.parametrize("known", readable_files(), ids=lambda known: known.name)
    def test_is_understood_as_pydicom_does(self, known):
        found = read_part10(known.path)

        assert found.transfer_syntax == known.transfer_syntax
        assert known.path.read_bytes()[found.offset :] == known.encoded
        if "SOPClassUID" in known.dataset:
            assert found.sop_class == known.dataset.SOPClassUID

    def test_is_left_at_its_data_set(self):
        known = file("CT_small.dcm")

        with known.path.open("rb") as opened:
            read_part10(opened)
            assert opened.read() == known.encoded

    @pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, EXPLICIT_BIG_ENDIAN])
    def test_needs_neither_preamble_nor_meta_information(self, syntax):
        content = encoded(header(), syntax)

        assert read_part10(BytesIO(content)) == Part10(CLASS, syntax, 0)
        assert read_part10(BytesIO(bytes(128) + b"DICM" + content)) == Part10(CLASS, syntax, 132)

    def test_needs_no_preamble_before_its_meta_information(self):
        written = b"".join(part10(instance(encoded(header()))))

        assert read_part10(BytesIO(written[132:])).offset == read_part10(BytesIO(written)).offset - 132
        assert read_part10(BytesIO(written[128:])).offset == read_part10(BytesIO(written)).offset - 128

    def test_counts_as_what_it_is_not_as_what_it_says(self):
        written = b"".join(part10(instance(encoded(header(), IMPLICIT), EXPLICIT)))

        assert read_part10(BytesIO(written)).transfer_syntax == IMPLICIT

    @pytest.mark.parametrize(
        "content", [b"", b"DICM", b"PK\3\4" + bytes(500), b"%PDF-1.4\n" * 100, bytes(200_000), b"\xff" * 200]
    )
    def test_is_refused_when_it_is_no_dicom_file(self, content):
        with pytest.raises(BadData):
            read_part10(BytesIO(content))

    def test_is_refused_when_it_is_broken_off_in_its_meta_information(self):
        written = b"".join(part10(instance(encoded(header()))))

        for cut in range(1, 160):
            with pytest.raises(BadData):
                read_part10(BytesIO(written[:cut]))


class TestTheImplementation:
    def test_fits_its_fields(self):
        assert CLASS_UID.startswith("2.25.")
        assert len(CLASS_UID) <= 64
        assert 1 <= len(VERSION_NAME) <= 16
