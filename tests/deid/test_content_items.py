"""A planted content item for every row of Table E.3.4-1, in a structured report that is treated."""

from __future__ import annotations

import json

import pytest
from pydicom import Dataset

from adit.deid.errors import Excluded

from .expecting import DATA, OPTIONS
from .treating import ct, treated

ITEMS = json.loads((DATA / "content.json").read_text())["items"]

COMPREHENSIVE = "1.2.840.10008.5.1.4.1.1.88.33"

PLANTED = {
    "TEXT": ("TextValue", "ZQPLANTED"),
    "PNAME": ("PersonName", "Zqplanted^Person"),
    "DATE": ("Date", "20190102"),
    "TIME": ("Time", "010203"),
    "DATETIME": ("DateTime", "20190102010203"),
    "UIDREF": ("UID", "1.2.826.0.77.1"),
}

REFERENCES = ("COMPOSITE", "IMAGE", "WAVEFORM")


def code(value: str, scheme: str, meaning: str = "Something") -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, scheme, meaning
    return made


def item(scheme: str, value: str, value_type: str, *within: Dataset) -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType = "CONTAINS", value_type
    made.ConceptNameCodeSequence = [code(value, scheme)]
    if value_type in PLANTED:
        keyword, planted = PLANTED[value_type]
        setattr(made, keyword, planted)
    elif value_type in REFERENCES:
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = COMPREHENSIVE, "1.2.826.0.77.2"
        made.ReferencedSOPSequence = [reference]
    elif value_type == "CODE":
        made.ConceptCodeSequence = [code("M", "DCM")]
    if within:
        made.ContentSequence = list(within)
    return made


def report(*items: Dataset) -> Dataset:
    made = ct(SOPClassUID=COMPREHENSIVE, Modality="SR", ValueType="CONTAINER")
    made.ConceptNameCodeSequence = [code("126000", "DCM")]
    made.ContentSequence = list(items)
    return made


def value_of(found: Dataset) -> object:
    return getattr(found, PLANTED[found.ValueType][0]) if found.ValueType in PLANTED else None


def expected(row: tuple[str, str, str, str, str, dict[str, str]], profile: str) -> str:
    """What becomes of the item of a row: gone, kept, another value; or any of the two, for texts that are cleaned."""
    scheme, value, value_type, _, basic, options = row
    asked = {options[option] for option in OPTIONS[profile] & set(options)}
    if (scheme, value) == ("DCM", "121033"):
        return "gone"  # Subject Age, which knows no upper bound
    if "K" in asked:
        return "kept"
    if "C" in asked and value_type in ("DATE", "DATETIME", "TIME") and value != "113723":
        return "kept" if value_type == "TIME" else "another"
    if "C" in asked and value_type == "TEXT":
        return "gone or another" if basic == "X" else "another"
    return "gone" if basic == "X" else "another"


@pytest.mark.parametrize("profile", ["research", "longitudinal", "trial"])
class TestAnItem:
    def test_goes_stays_or_changes_as_its_row_says(self, profile):
        wrong = {}
        for row in ITEMS:
            scheme, value, value_type = row[:3]
            before = item(scheme, value, value_type)
            left = treated(report(before), profile).get("ContentSequence") or []
            if not left:
                found = "gone"
            elif value_of(left[0]) == value_of(before) and value_type not in REFERENCES:
                found = "kept"
            else:
                found = "another"
            if found not in expected(row, profile):
                wrong[row[3], value_type] = found
        assert wrong == {}

    def test_goes_from_every_depth(self, profile):
        comment = item("DCM", "121106", "TEXT")
        deep = item("DCM", "111028", "CONTAINER", item("DCM", "111028", "CONTAINER", comment, item("DCM", "1", "NUM")))

        left = treated(report(deep), profile).ContentSequence[0].ContentSequence[0].ContentSequence

        assert [found.ValueType for found in left] == ["NUM"]

    def test_refers_to_the_new_instance(self, profile):
        made = treated(report(item("DCM", "121112", "IMAGE")), profile)  # Source of Measurement

        referenced = made.ContentSequence[0].ReferencedSOPSequence[0]
        assert referenced.ReferencedSOPClassUID == COMPREHENSIVE
        assert referenced.ReferencedSOPInstanceUID.startswith("2.25.")

    def test_of_the_acquisition_context_of_an_image_is_treated_alike(self, profile):
        image = ct()
        image.AcquisitionContextSequence = [item("DCM", "121106", "TEXT"), item("99LOCAL", "1", "CODE")]

        left = treated(image, profile).AcquisitionContextSequence

        assert [found.ValueType for found in left] == ["CODE"]


def test_a_report_stays_behind_where_the_profile_does_not_clean_it():
    with pytest.raises(Excluded, match="structured report"):
        treated(report(item("DCM", "121106", "TEXT")), "basic")
