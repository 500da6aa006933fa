"""Data sets as DICOM JSON (PS3.18 F.2), and back."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import DataElement, Dataset, config

from adit.dicom.contexts import EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.identifier import decode
from adit.dicom.json import from_json, to_json
from adit.dicom.match import Match
from adit.dicom.reading import read
from adit.dicom.refs import Level
from tests.dicom.files import encoded, readable_files

BINARY = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}


def dataset(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def comparable(model: dict[str, Any]) -> dict[str, Any]:
    """Without what libraries may do in their own way: character set, binary values, padding, empty names."""
    found = {}
    for tag, element in model.items():
        if tag == "00080005" or tag.endswith("0000") or element["vr"] in BINARY:
            continue
        values = element.get("Value", [])
        if element["vr"] == "SQ":
            values = [comparable(item or {}) for item in values]
        elif element["vr"] == "PN":
            values = [{g: n for g, n in (name or {}).items() if n.strip("^ ")} or None for name in values]
        else:
            values = [(value.rstrip() or None) if isinstance(value, str) else value for value in values]
        found[tag] = (element["vr"], values if any(value is not None for value in values) else [])
    return found


class TestAModel:
    @pytest.mark.parametrize("file", readable_files(), ids=lambda file: file.name)
    def test_says_what_that_of_pydicom_says(self, file):
        try:
            theirs = json.loads(json.dumps(file.dataset.to_json_dict(1024, lambda _: "x")))
        except Exception:  # noqa: BLE001  there pydicom is no oracle
            theirs = None
        dropped: list[str] = []

        ours = json.loads(
            json.dumps(
                to_json(
                    read(file.encoded, file.transfer_syntax) if "dfl" not in file.name else file.dataset,
                    dropped=dropped.append,
                ),
                allow_nan=False,
            )
        )

        assert dropped == []
        if theirs is not None:
            assert comparable(ours) == comparable(theirs)

    @pytest.mark.parametrize("file", readable_files(), ids=lambda file: file.name)
    def test_is_the_same_after_reading_it_back(self, file):
        model = to_json(file.dataset)
        dropped: list[str] = []

        back = to_json(from_json(model, dropped=dropped.append))

        back.pop("00080005", None)
        assert back == {tag: element for tag, element in model.items() if tag != "00080005" and tag not in dropped}
        assert dropped == (["00280008"] if file.name == "badVR.dcm" else [])

    def test_is_in_unicode_and_says_so(self):
        content = encoded(dataset(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Hans"))

        assert to_json(read(content, EXPLICIT)) == {
            "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Müller^Hans"}]},
        }

    def test_names_people_by_group(self):
        model = to_json(dataset(PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう", ReferringPhysicianName="=山田"))

        assert model["00100010"]["Value"] == [
            {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
        ]
        assert model["00080090"]["Value"] == [{"Ideographic": "山田"}]

    def test_has_null_for_an_empty_value_among_others_and_no_value_for_none(self):
        model = to_json(dataset(ImageType=["ORIGINAL", "", "AXIAL"], PatientID="", OtherPatientNames=["A", ""]))

        assert model["00080008"]["Value"] == ["ORIGINAL", None, "AXIAL"]
        assert model["00100020"] == {"vr": "LO"}
        assert model["00101001"]["Value"] == [{"Alphabetic": "A"}, None]

    def test_has_neither_group_lengths_nor_meta_information(self):
        made = dataset(PatientID="1")
        for tag in (0x00020010, 0x00000002, 0x00100000):
            made.add(DataElement(tag, "UI" if tag != 0x00100000 else "UL", "1.2" if tag != 0x00100000 else 4))

        assert list(to_json(made)) == ["00100020"]

    def test_writes_numbers_as_numbers_unless_they_would_lose_something(self):
        made = dataset(
            SliceThickness="1.50",
            SeriesNumber="007",
            PatientWeight="0.1234567890123456",
            RecommendedDisplayFrameRateInFloat=math.nan,
        )
        made.add(DataElement("ImagePositionPatient", "DS", ["1", "-2.5", "3"]))
        made.add(DataElement(0x00189701, "FD", [math.inf, -math.inf, 1.5]))
        made.add(DataElement(0x00720083, "UV", [1, 2**63]))
        model = to_json(made)

        assert model["00180050"]["Value"] == [1.5]
        assert model["00200011"]["Value"] == [7]
        assert model["00101030"]["Value"] == ["0.1234567890123456"]
        assert model["00189701"]["Value"] == ["inf", "-inf", 1.5]
        assert model["00089459"]["Value"] == ["NaN"]
        assert model["00720083"]["Value"] == [1, str(2**63)]
        json.dumps(model, allow_nan=False)

    def test_keeps_a_number_that_is_none_as_text(self):
        content = encoded(dataset(SeriesNumber="12"), IMPLICIT).replace(b"12", b"1A")

        assert to_json(decode(content))["00200011"] == {"vr": "IS", "Value": ["1A"]}

    def test_drops_a_broken_element_and_tells_where(self):
        item = dataset(CodeValue="x", CodeMeaning="kept")
        item.add(DataElement("Rows", "OB", b"abc"))
        item["Rows"].VR = "US"
        made = dataset(PatientID="1", ProcedureCodeSequence=[dataset(), item])
        dropped: list[str] = []

        model = to_json(made, dropped=dropped.append)

        assert dropped == ["00081032/1/00280010"]
        assert model["00081032"]["Value"][1]["00080104"]["Value"] == ["kept"]
        assert model["00100020"]["Value"] == ["1"]

    def test_leaves_bulk_data_to_their_address(self):
        made = dataset(EncapsulatedDocument=bytes(2000))
        made.add(DataElement(0x00091001, "OB", b"small!"))

        assert "00420011" not in to_json(made)
        model = to_json(made, bulk_data_uri=lambda path: f"bulk/{path}")
        assert model["00420011"] == {"vr": "OB", "BulkDataURI": "bulk/00420011"}
        assert model["00091001"] == {"vr": "OB", "InlineBinary": "c21hbGwh"}
        assert from_json(model, bulk_data=lambda uri: uri.encode()).EncapsulatedDocument == b"bulk/00420011"

    def test_has_binary_values_in_little_endian_whatever_they_were(self):
        content = encoded(dataset(RedPaletteColorLookupTableData=b"\1\2\3\4"), EXPLICIT_BIG_ENDIAN)

        model = to_json(read(content, EXPLICIT_BIG_ENDIAN))

        assert from_json(model).RedPaletteColorLookupTableData == b"\2\1\4\3"

    def test_resolves_ambiguous_vrs(self):
        content = encoded(dataset(PixelRepresentation=1, SmallestImagePixelValue=-2), IMPLICIT)

        assert to_json(read(content, IMPLICIT))["00280106"] == {"vr": "SS", "Value": [-2]}

    def test_is_made_of_an_answer_too(self):
        assert to_json(Match(Level.STUDY, dataset(PatientID="1"))) == {"00100020": {"vr": "LO", "Value": ["1"]}}


class TestAReadModel:
    def test_is_in_unicode(self):
        back = from_json({"00100010": {"vr": "PN", "Value": [{"Alphabetic": "山田"}]}})

        assert back.SpecificCharacterSet == "ISO_IR 192"
        assert "山田".encode() in encoded(back)

    @pytest.mark.parametrize("model", [None, [], "x", 1])
    def test_is_an_object(self, model):
        with pytest.raises(BadData):
            from_json(model)

    @pytest.mark.parametrize(
        "element",
        [
            None,
            1,
            {},
            {"vr": "XX", "Value": [1]},
            {"vr": "XX"},
            {"vr": 1},
            {"vr": "US", "Value": [70000]},
            {"vr": "US", "Value": [1.5]},
            {"vr": "US", "Value": [True]},
            {"vr": "AT", "Value": ["0x10"]},
            {"vr": "FD", "Value": [None]},
            {"vr": "US", "Value": ["x"]},
            {"vr": "OB", "InlineBinary": "?"},
            {"vr": "LO", "Value": "x"},
            {"vr": "SQ", "Value": [1]},
        ],
    )
    def test_loses_only_what_makes_no_sense(self, element):
        dropped: list[str] = []

        back = from_json({"00280010": element, "00100020": {"vr": "LO", "Value": ["1"]}}, dropped=dropped.append)

        assert (dropped, back.PatientID) == (["00280010"], "1")
        assert "Rows" not in back

    @pytest.mark.parametrize("tag", ["0010", "0x100010", "+0100010", "00100000", "PatientID", "", "00020010"])
    def test_has_no_place_for_what_is_no_tag_of_a_data_set(self, tag):
        dropped: list[str] = []

        assert not from_json({tag: {"vr": "LO", "Value": ["1"]}}, dropped=dropped.append)
        assert dropped == [tag[:8]]

    def test_fetches_what_lies_elsewhere_whatever_its_vr(self):
        elsewhere = {"text": "Schädel".encode(), "numbers": b"\1\0\2\0"}
        model = {
            "00204000": {"vr": "LT", "BulkDataURI": "text"},
            "00281101": {"vr": "US", "BulkDataURI": "numbers"},
            "7FE00010": {"vr": "OW", "BulkDataURI": "unknown"},
        }

        back = from_json(model, bulk_data=elsewhere.get)

        assert (back.ImageComments, back[0x00281101].value) == ("Schädel", [1, 2])
        assert "PixelData" not in back

    def test_holds_numbers_of_64_bits_however_they_are_written(self):
        back = from_json({"00720083": {"vr": "UV", "Value": [1, str(2**64 - 1)]}})

        assert back[0x00720083].value == [1, 2**64 - 1]

    def test_does_not_follow_nesting_without_bound(self):
        model: dict[str, Any] = {}
        for _ in range(900):
            model = {"00081032": {"vr": "SQ", "Value": [model]}}
        dropped: list[str] = []

        from_json(model, dropped=dropped.append)

        assert len(dropped) == 1

    @given(
        st.dictionaries(
            st.text("0123456789ABCDEF", min_size=7, max_size=9) | st.text(max_size=3),
            st.dictionaries(
                st.sampled_from(["vr", "Value", "InlineBinary", "BulkDataURI"]),
                st.sampled_from(["LO", "IS", "PN", "SQ", "US", "AT"])
                | st.lists(st.none() | st.integers() | st.text(max_size=4), max_size=3),
            ),
            max_size=4,
        )
    )
    def test_survives_whatever_came_over_the_wire(self, model):
        understood = to_json(from_json(model))

        assert json.loads(json.dumps(understood, allow_nan=False)) == understood
        assert to_json(from_json(understood)) == understood


class TestReading:
    def test_does_not_let_pydicom_write_values_into_the_log(self):
        assert config.settings.reading_validation_mode == config.IGNORE
