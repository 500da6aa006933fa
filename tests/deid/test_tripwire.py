"""What a data set still tells of somebody, wherever in it."""

import pytest
from pydicom import DataElement, Dataset

from adit.deid.tripwire import Kind, Known, search
from adit.dicom.contexts import EXPLICIT, IMPLICIT
from adit.dicom.reading import read
from tests.deid.test_known import known
from tests.dicom.files import encoded


def found(dataset: Dataset, known: Known, *, made=lambda tag, text: False) -> dict[str, Kind]:
    return {finding.path: finding.kind for finding in search(dataset, known, made=made)}


JANE = {
    "PatientName": "Doe^Jane",
    "PatientID": "4711815",
    "PatientBirthDate": "19540312",
    "AccessionNumber": "A471181",
}


class TestASearch:
    def test_finds_what_is_left_at_every_depth(self):
        inner = Dataset()
        inner.TextValue = "Jane, born 12.3.1954"
        inner.add(DataElement(0x00091001, "UN", b"x 4711815 y "))
        outer = Dataset()
        outer.SeriesDescription = "T1"
        outer.ContentSequence = [Dataset(), inner]

        assert found(outer, known(**JANE)) == {
            "(0040,A730)[2].(0040,A160)": Kind.NAME,
            "(0040,A730)[2].(0009,1001)": Kind.ID,
        }

    @pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
    def test_finds_what_is_left_in_encoded_values(self, syntax):
        made = Dataset()
        made.SpecificCharacterSet = "ISO_IR 100"
        made.SeriesDescription = "T1 Müller"
        inner = Dataset()
        inner.CodeMeaning = "Müller"
        made.ProcedureCodeSequence = [inner]

        assert found(read(encoded(made, syntax), syntax), known(PatientName="Müller^Ida")) == {
            "(0008,103E)": Kind.NAME,
            "(0008,1032)[1].(0008,0104)": Kind.NAME,
        }

    def test_passes_dates_times_and_numbers(self):
        made = Dataset()
        made.StudyDate = "19540312"
        made.AcquisitionDateTime = "19540312103000"
        made.StudyTime = "471181.5"
        made.SeriesNumber = "4711815"
        made.SliceThickness = "4711815"
        made.Rows = 4711

        assert found(made, known(**JANE)) == {}

    def test_passes_what_we_made(self):
        made = Dataset()
        made.PatientID = "DOE17"
        made.PatientComments = "Subject:Doe17 Jane"
        doe = known(PatientName="Doe17^Jane", PatientID="DOE17")

        assert set(found(made, doe, made=lambda tag, text: text == "DOE17")) == {"(0010,4000)"}

    @pytest.mark.parametrize("vr", ["UN", "OB", "OW"])
    @pytest.mark.parametrize(
        "value",
        [
            b"name=Mueller;",
            "Müller".encode(),
            "Müller".encode("latin-1"),
            "Mueller".encode("utf-16-le"),
            bytes(40) + b"name Mueller\0" + bytes(range(128, 256)),
        ],
    )
    def test_finds_text_among_bytes(self, vr, value):
        made = Dataset()
        made.add(DataElement(0x00091001, vr, value))

        assert found(made, known(PatientName="Müller^Jo")) == {"(0009,1001)": Kind.NAME}

    def test_finds_text_anywhere_among_many_bytes(self):
        made = Dataset()
        made.add(DataElement(0x00091001, "OB", bytes((1 << 22) - 4) + b"Mueller" + bytes(1 << 20)))

        assert found(made, known(PatientName="Müller^Jo")) == {"(0009,1001)": Kind.NAME}

    def test_takes_no_noise_for_short_names(self):
        noise = bytes(range(256)) * 8 + b"\x01 Jo Doe 1234 \xff\x02" + bytes(range(256)) * 8
        made = Dataset()
        made.add(DataElement(0x00091001, "OB", noise))

        assert found(made, known(PatientName="Doe^Jo", PatientID="1234")) == {}

    @pytest.mark.parametrize("keyword", ["PatientID", "AccessionNumber"])
    @pytest.mark.parametrize("short", ["7", "07", "A7"])
    def test_finds_the_shortest_ids_as_whole_words_of_what_people_write(self, keyword, short):
        made = Dataset()
        made.ImageComments = f"as told by {short}, seen"
        made.StudyDescription = f"CT{short} and 1.{short}"

        assert set(found(made, known(**{keyword: short}))) == {"(0020,4000)"}

    def test_takes_the_version_of_a_machine_for_nobodys_shortest_id(self):
        made = Dataset()
        made.SoftwareVersions = ["syngo", "7"]
        made.ConvolutionKernel = "7"

        assert found(made, known(PatientID="7")) == {}

    def test_finds_other_ids_in_what_a_machine_writes(self):
        made = Dataset()
        made.SoftwareVersions = "syngo 471"

        assert found(made, known(PatientID="471")) == {"(0018,1020)": Kind.ID}

    def test_finds_long_ids_in_uids_that_nobody_replaced(self):
        made = Dataset()
        made.add(DataElement(0x00091001, "UI", "1.2.840.99999.4711815.19540312"))
        made.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"

        assert found(made, known(PatientID="4711815")) == {"(0009,1001)": Kind.ID}
        assert found(made, known(PatientBirthDate="19540312")) == {"(0009,1001)": Kind.BIRTH}
        assert found(made, known(PatientID="840")) == {}
        assert found(made, known(PatientID="10008")) == {}

    def test_leaves_pixels_alone(self):
        made = Dataset()
        made.PixelData = b"Mueller Mueller "

        assert found(made, known(PatientName="Müller^Jo")) == {}
