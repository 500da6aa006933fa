"""One action for every attribute, as the tables of PS3.15 and the options of the profile say."""

from __future__ import annotations

import json
from itertools import product

import pytest
from pydicom.valuerep import STANDARD_VR, VR, validate_value

from adit.deid.profile import PROFILES
from adit.deid.rules.actions import Action, dummy, of_scheme
from adit.deid.rules.resolve import Rules
from adit.dicom.refs import UID

from .expecting import DATA, GONE, ROWS, expected

CT = UID("1.2.840.10008.5.1.4.1.1.2")
MAMMOGRAPHY = UID("1.2.840.10008.5.1.4.1.1.1.2")
RT_PLAN = UID("1.2.840.10008.5.1.4.1.1.481.5")
REPORT = UID("1.2.840.10008.5.1.4.1.1.88.33")
PRIVATE = UID("1.3.12.2.1107.5.9.1")

TYPES = json.loads((DATA / "types.json").read_text())["by_sop_class"]

NAMES = sorted(PROFILES)


def rules(profile: str = "research", sop_class: UID = CT) -> Rules:
    return Rules.of(PROFILES[profile], sop_class)


class TestEveryAttributeOfTheTable:
    @pytest.mark.parametrize("profile", NAMES)
    @pytest.mark.parametrize("sop_class", [CT, MAMMOGRAPHY, RT_PLAN, PRIVATE])
    def test_gets_what_its_codes_and_the_options_say(self, profile, sop_class):
        found = {row.tag: rules(profile, sop_class).action(row.number, row.vr) for row in ROWS}

        assert {
            tag: str(action) for row in ROWS if (action := found[tag := row.tag]) not in expected(row, profile)
        } == {}

    @pytest.mark.parametrize("profile", NAMES)
    @pytest.mark.parametrize("inside", [0x00081140, 0x00400275, 0x0040A730, 0x00291001])
    def test_gets_it_in_a_sequence_too(self, profile, inside):
        found = {row.tag: rules(profile).action(row.number, row.vr, inside=inside) for row in ROWS}

        assert {
            tag: str(action) for row in ROWS if (action := found[tag := row.tag]) not in expected(row, profile)
        } == {}

    @pytest.mark.parametrize("profile", NAMES)
    def test_gets_it_whatever_vr_it_is_written_with(self, profile):
        resolved = rules(profile)

        for row in ROWS:
            said = {resolved.action(row.number, vr) for vr in (row.vr, "UN", "")}
            assert len(said) == 1, row.keyword

    @pytest.mark.parametrize("sop_class", sorted(TYPES))
    def test_keeps_the_object_valid(self, sop_class):
        """Type 1 has a value, Type 2 is there (PS3.5 7.4)."""
        resolved, types = rules("basic", UID(sop_class)), TYPES[sop_class]
        for row in (row for row in ROWS if row.tag not in ("0040A730", "00700001")):
            action = resolved.action(row.number, row.vr)
            if row.tag in types.get("1", ""):
                assert action not in (Action.REMOVE, Action.EMPTY), row.keyword
            if row.tag in types.get("2", ""):
                assert action is not Action.REMOVE, row.keyword

    def test_goes_where_type_3_lets_it_go(self):
        compound = {row.tag: row for row in ROWS if row.basic.startswith("X/") and "U" not in row.basic}

        for tag in set(TYPES[CT]["3"].split()) & compound.keys():
            assert rules("basic").action(compound[tag].number, compound[tag].vr) is Action.REMOVE


class TestOverlaysAndCurves:
    @pytest.mark.parametrize(("profile", "group"), list(product(NAMES, (0x6000, 0x601E, 0x60FE, 0x5000, 0x5012))))
    def test_go_whole_in_whatever_group_they_are(self, profile, group):
        for element, vr in ((0x0010, "US"), (0x0022, "LO"), (0x1500, "LO"), (0x3000, "OW"), (0x4000, "LT")):
            assert rules(profile).action(group << 16 | element, vr) is Action.REMOVE


class TestWhatTheTableDoesNotName:
    @pytest.mark.parametrize(
        ("tag", "vr", "action"),
        [
            (0x00180024, "SH", Action.KEEP),  # SequenceName
            (0x00181210, "SH", Action.KEEP),  # ConvolutionKernel
            (0x00180031, "LO", Action.CLEAN),  # Radiopharmaceutical
            (0x00700081, "LO", Action.CLEAN),  # ContentDescription
            (0x00180015, "CS", Action.KEEP),  # BodyPartExamined
            (0x00080016, "UI", Action.KEEP),  # SOPClassUID
            (0x00080117, "UI", Action.KEEP),  # ContextUID
            (0x00200242, "UI", Action.UID),  # SOPInstanceUIDOfConcatenationSource
            (0x00080104, "LO", Action.CODED),  # CodeMeaning
            (0x00181803, "LO", Action.REMOVE),  # NTPSourceAddress
            (0x00100033, "LO", Action.REMOVE),  # PatientBirthDateInAlternativeCalendar
            (0x00187006, "LT", Action.REMOVE),  # DetectorDescription: free text
            (0x00081190, "UR", Action.REMOVE),  # RetrieveURL
            (0x00282000, "OB", Action.KEEP),  # ICCProfile
            (0x00280010, "US", Action.KEEP),  # Rows
            (0x0008103F, "SQ", Action.SEQUENCE),  # SeriesDescriptionCodeSequence
            (0x04000500, "SQ", Action.REMOVE),  # EncryptedAttributesSequence
            (0xFFFCFFFC, "OB", Action.REMOVE),  # DataSetTrailingPadding
        ],
    )
    def test_goes_by_its_vr_and_meaning(self, tag, vr, action):
        assert rules().action(tag, vr) is action

    def test_may_not_become_empty_where_it_is_type_1(self):
        # SegmentLabel in the Segment Sequence.
        assert rules().action(0x00620005, "LO", inside=0x00620002) is Action.CLEAN_OR_DUMMY

    def test_goes_when_nobody_knows_what_it_is(self):
        assert rules().action(0x00099999 & 0xFFFEFFFF, "UN") is Action.REMOVE
        assert rules().action(0x00089998, "OB") is Action.REMOVE

    def test_goes_when_text_is_written_as_bytes(self):
        assert rules().action(0x00180031, "OB") is Action.REMOVE

    @pytest.mark.parametrize(
        ("profile", "action"), [("research", "keep"), ("longitudinal", "date"), ("basic", "remove")]
    )
    def test_is_treated_as_all_dates_are_when_it_is_one(self, profile, action):
        assert rules(profile).action(0x00143076, "DA") == action  # DateOfGainCalibration
        assert rules(profile).action(0x00089990, "DT") == action

    def test_is_a_code_that_means_the_same_everywhere_or_is_cleaned(self):
        assert of_scheme("SCT") is Action.KEEP
        assert of_scheme("NCDR [2.0b]") is Action.KEEP
        assert of_scheme("99HOSPITAL") is Action.CLEAN_OR_DUMMY
        assert of_scheme("") is Action.CLEAN_OR_DUMMY


class TestPrivateAttributes:
    COIL = (0x0051100F, "SIEMENS MR HEADER")

    def test_go_without_the_safe_list(self):
        tag, creator = self.COIL
        assert rules("basic").action(tag, "SH", creator=creator) is Action.REMOVE
        assert rules("basic").action(0x00510010, "LO", creator=creator) is Action.REMOVE

    @pytest.mark.parametrize("block", [0x10, 0x11, 0xFE])
    def test_stay_by_creator_and_element_in_any_block(self, block):
        resolved = rules()
        tag = 0x00190000 | block << 8 | 0x0C

        assert resolved.action(tag, "IS", creator="SIEMENS MR HEADER") is Action.KEEP
        assert resolved.action(0x00190000 | block, "LO", creator="SIEMENS MR HEADER") is Action.KEEP
        assert resolved.action(tag, "IS", creator="NOBODY") is Action.REMOVE
        assert resolved.action(tag, "IS", creator=None) is Action.REMOVE

    def test_have_the_vr_of_the_list_where_they_are_written_as_un(self):
        assert rules().vr_of(0x0019100C, "UN", creator="SIEMENS MR HEADER") == "IS"
        assert rules().action(0x0019100C, "UN", creator="SIEMENS MR HEADER") is Action.KEEP

    def test_are_cleaned_by_word_where_they_are_text_and_go_where_it_is_free_text(self):
        assert rules().action(0x0019109C, "LO", creator="GEMS_ACQU_01") is Action.CLEAN
        assert rules().action(0x004510A7, "LT", creator="GEMS_SENO_02") is Action.REMOVE

    def test_get_new_uids_and_the_dates_of_the_profile(self):
        assert rules().action(0x0009100D, "DT", creator="GEMS_PETD_01") is Action.KEEP
        assert rules("longitudinal").action(0x0009100D, "DT", creator="GEMS_PETD_01") is Action.DATE
        assert rules().action(0x00091007, "UI", creator="GEMS_PETD_01") is Action.UID
        # A pulse sequence has one date for all patients.
        assert rules("longitudinal").action(0x0019109D, "DT", creator="GEMS_ACQU_01") is Action.REMOVE


class TestAContentItem:
    def item(self, value_type: str, code: str, scheme: str = "DCM", profile: str = "research") -> Action | None:
        found = rules(profile, REPORT).of_item(value_type, code, scheme)
        values = {"TEXT": 0x0040A160, "PNAME": 0x0040A123, "DATE": 0x0040A121, "UIDREF": 0x0040A124}
        return found and found.action(values.get(value_type, 0x0040A168), "UN", inside=0x0040A730)

    def test_goes_with_an_x_and_is_replaced_with_a_d(self):
        assert self.item("TEXT", "121022") is None  # Accession Number
        assert self.item("PNAME", "121008") is Action.ENGINE  # Person Observer Name
        assert self.item("TEXT", "11951-1", "LN") is Action.DUMMY  # Fetus ID
        assert self.item("UIDREF", "112002") is Action.UID  # Series Instance UID

    def test_loses_its_prose_but_keeps_a_name_by_word(self):
        assert self.item("TEXT", "121106") is None  # Comment
        assert self.item("TEXT", "121071") is Action.DUMMY  # Finding
        assert self.item("TEXT", "125203") is Action.CLEAN_OR_DUMMY  # Acquisition Protocol

    def test_goes_when_it_is_text_or_a_person_that_the_table_does_not_name(self):
        assert self.item("TEXT", "1", "99LOCAL") is None
        assert self.item("PNAME", "", "") is None

    def test_has_the_dates_of_the_profile(self):
        assert self.item("DATE", "111060") is Action.KEEP  # Study Date
        assert self.item("DATE", "111060", profile="longitudinal") is Action.DATE
        assert self.item("DATE", "1", "99LOCAL", profile="longitudinal") is Action.DATE
        assert self.item("DATE", "121031") is None  # Subject Birth Date

    def test_has_no_other_value_than_its_type_says(self):
        found = rules(sop_class=REPORT).of_item("CODE", "121071", "DCM")

        assert found is not None
        assert found.action(0x0040A168, "SQ", inside=0x0040A730) is Action.SEQUENCE
        assert found.action(0x0040A160, "UT", inside=0x0040A730) is Action.REMOVE

    def test_never_tells_an_age_that_patientage_would_not(self):
        assert rules(sop_class=REPORT).of_item("NUM", "121033", "DCM") is None

    def test_goes_when_it_refers_to_another_by_position(self):
        """Which changes when items before that one go."""
        assert rules(sop_class=REPORT).of_item("", "", "") is None

    def test_stays_behind_with_its_object_where_the_profile_does_not_clean_it(self):
        assert "structured report" in (rules("basic", REPORT).excluded or "")
        assert rules("research", REPORT).excluded is None
        assert rules("basic", CT).excluded is None


class TestADummy:
    @pytest.mark.parametrize(
        "vr",
        sorted(STANDARD_VR - {VR.SQ}),
    )
    def test_is_legal_in_its_vr(self, vr):
        made = dummy(vr)

        assert made
        if isinstance(made, str):
            validate_value(vr, made, 2)
        else:
            assert not any(made)


def test_no_value_is_left_of_what_the_basic_profile_removes():
    """Every attribute but references, which get new UIDs."""
    kept = {"sequence", "uid", "pseudonym"}

    assert {row.keyword for row in ROWS if rules("basic").action(row.number, row.vr) not in GONE | kept} == set()
