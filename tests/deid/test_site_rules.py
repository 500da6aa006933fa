"""The site's own rules: what they change, and what is wrong with them, all at once and with lines."""

from __future__ import annotations

import pytest

from adit.deid.profile import PROFILES, WithoutPatientID
from adit.deid.rules.actions import Action
from adit.deid.rules.resolve import Rules
from adit.deid.site_rules import BadSiteRules, with_site_rules
from adit.dicom.refs import UID

from .treating import ct, treated

CT = UID("1.2.840.10008.5.1.4.1.1.2")

FILE = """
keep:
  - ImageComments
  - (0019,xx42) MAKER OF SCANNERS
empty: [ContrastBolusAgent]
remove: [SoftwareVersions, "(0018,1210)"]
replace:
  InstitutionName: University Hospital
approved words: [Kolibri]
without patient id: by study
newborns: yes
"""


def problems(text: str, profile: str = "research") -> list[str]:
    with pytest.raises(BadSiteRules) as caught:
        with_site_rules(PROFILES[profile], text)
    return [str(problem) for problem in caught.value.problems]


class TestSiteRules:
    def rules(self, text: str = FILE, profile: str = "research") -> Rules:
        return Rules.of(with_site_rules(PROFILES[profile], text), CT)

    def test_go_before_the_table(self):
        rules = self.rules()

        assert rules.action(0x00204000, "LT") is Action.KEEP
        assert rules.action(0x00191042, "SH", creator="MAKER OF SCANNERS") is Action.KEEP
        assert rules.action(0x00190010, "LO", creator="MAKER OF SCANNERS") is Action.KEEP
        assert rules.action(0x00180010, "LO") is Action.EMPTY
        assert rules.action(0x00181020, "LO") is Action.REMOVE
        assert rules.action(0x00080080, "LO") is Action.REPLACE
        assert rules.replacement(0x00080080) == "University Hospital"

    def test_make_another_version_that_is_the_same_for_the_same_rules(self):
        one, again = (
            with_site_rules(PROFILES["research"], FILE),
            with_site_rules(PROFILES["research"], FILE + "\n# …\n"),
        )

        assert one.version.startswith("1+")
        assert one == again
        assert with_site_rules(PROFILES["research"], FILE.replace("Kolibri", "Falke")).version != one.version

    def test_change_nothing_when_there_are_none(self):
        assert with_site_rules(PROFILES["research"], "# nothing yet\n") is PROFILES["research"]

    def test_say_more_than_what_happens_to_attributes(self):
        made = with_site_rules(PROFILES["research"], FILE)

        assert made.approved == {"kolibri"}
        assert made.without_patient_id is WithoutPatientID.BY_STUDY
        assert made.newborns

    def test_take_the_place_of_a_rule_of_the_profile(self):
        made = with_site_rules(PROFILES["research"], "keep: [Allergies]")

        assert [rule.action for rule in made.rules if rule.tag == 0x00102110] == [Action.KEEP]

    def test_keep_a_sequence_with_its_items_treated(self):
        assert self.rules("keep: [RequestAttributesSequence]").action(0x00400275, "SQ") is Action.SEQUENCE

    def test_leave_the_object_valid(self):
        """ContentDate is Type 2C in CT: it is emptied where it should be removed."""
        assert self.rules("remove: [ContentDate]").action(0x00080023, "DA") is Action.EMPTY

    def test_treat_private_dates_and_uids_as_all_others(self):
        text = "keep: ['(0019,xx42) MAKER']"

        assert self.rules(text, "longitudinal").action(0x00191042, "DA", creator="MAKER") is Action.DATE
        assert self.rules(text, "basic").action(0x00191042, "DT", creator="MAKER") is Action.REMOVE
        assert self.rules(text).action(0x00191042, "UI", creator="MAKER") is Action.UID
        assert self.rules(text).action(0x00191042, "PN", creator="MAKER") is Action.REMOVE

    def test_are_what_the_treatment_does(self):
        made = with_site_rules(PROFILES["research"], FILE)
        before = ct(
            ImageComments="free text", InstitutionName="Klinik", SoftwareVersions="1", SeriesDescription="Kolibri"
        )
        after = treated(before, profile=made)

        assert (after.ImageComments, after.InstitutionName) == ("free text", "University Hospital")
        assert "SoftwareVersions" not in after
        assert after.SeriesDescription == "Kolibri"
        assert made.version in after.DeidentificationMethod[1]


class TestBadSiteRules:
    def test_are_all_named_at_once_with_their_lines(self):
        text = "keep: [PatientBirthDate, Foo]\nempty:\n  - (0019,100C)\nremoved: []\nnewborns: maybe\n"

        assert [problem.split(":")[0] for problem in problems(text)] == [
            "line 1",
            "line 1",
            "line 3",
            "line 4",
            "line 5",
        ]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("keep: [SeriesDescripton]", "there is SeriesDescription"),
            ("keep: [PatientName]", "the pseudonym replaces it"),
            ("keep: [PatientBirthDate]", "never leaves"),
            ("keep: [OperatorsName]", "identifies a person"),
            ("keep: [AccessionNumber]", "identifies a person"),
            ("keep: [StudyInstanceUID]", "UIDs are always replaced"),
            ("remove: [Rows]", "could not be read without it"),
            ("remove: [Modality]", "could not be read without it"),
            ("replace: {DeidentificationMethod: none}", "ADIT writes into it"),
            ("replace: {StationName: 'an overlong name of a station'}", "1 to 16 characters"),
            ("replace: {InstitutionName: Universität}", "plain ASCII"),
            ("replace: {StudyDescription: 'a\\b'}", "without backslash"),
            ("replace: {BodyPartExamined: knee}", "no value of VR CS"),
            ("replace: {PatientWeight: heavy}", "no value of VR DS"),
            ("replace: {StudyDate: '20200101'}", "only text can replace"),
            ("replace: {ROIName: [a, b]}", "replaced by one text"),
            ("keep:\n- (0019,100C)", "leave its block open"),
            ("keep: ['(0018,xx0C) MAKER']", "odd groups"),
            ("keep: KVP", "'keep' is a list"),
            ("keep: [{a: b}]", "list of names"),
            ("keep: [KVP]\nremove: [KVP]", "has a rule already, in line 1"),
            ("keep: []\nkeep: []", "a second time"),
            ("approved words: [two words]", "not one word"),
            ("approved words: ['12']", "not one word"),
            ("without patient id: guess", "one of refuse, by study"),
            ("[1, 2]", "names with a colon"),
            ("keep: [", "this is no YAML"),
            ("keep: !!python/object:os.system {}", "is a list"),
            ("[" * 5_000, "nested too deeply"),
        ],
        ids=lambda text: text[:40],
    )
    def test_are_named_with_what_is_wrong(self, text, said):
        assert said in problems(text)[0]

    def test_do_not_mix_dates_that_are_kept_with_others(self):
        assert with_site_rules(PROFILES["research"], "keep: [StudyDate]")
        assert "all treated alike" in problems("keep: [StudyDate]", "longitudinal")[0]
        assert "all treated alike" in problems("keep: [StudyTime]", "basic")[0]
