"""An object says truthfully what was done to it (PS3.15 E.1.1, PS3.3 C.7.1.1)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydicom import Dataset

from adit.deid.profile import PROFILES, Profile
from adit.deid.treatment import Treatment
from adit.dicom.contexts import EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.reading import read
from tests.deid.treating import PSEUDONYM, content, ct, instance, order, treated


def codes(dataset: Dataset) -> list[tuple[str, str]]:
    return [(item.CodeValue, item.CodingSchemeDesignator) for item in dataset.DeidentificationMethodCodeSequence]


class TestAStamp:
    @pytest.mark.parametrize("transfer_syntax", [EXPLICIT, IMPLICIT, EXPLICIT_BIG_ENDIAN])
    def test_names_profile_version_and_tools(self, transfer_syntax) -> None:
        made = Treatment(order()).apply(instance(ct(), transfer_syntax))

        dataset = read(content(made), transfer_syntax)
        methods = list(dataset.DeidentificationMethod)
        assert methods[0] == "DICOM PS3.15 2026d Annex E"
        assert f"profile research {PROFILES['research'].version}" in methods[1]
        assert methods[2].startswith("dicognito 0.")
        assert all(len(method) <= 64 for method in methods)
        assert dataset.PatientIdentityRemoved == "YES"

    @pytest.mark.parametrize("shipped", PROFILES.values(), ids=lambda shipped: shipped.name)
    def test_names_the_options_of_the_profile(self, shipped: Profile) -> None:
        dataset = treated(ct(), profile=shipped)

        assert codes(dataset) == [(code, "DCM") for code in shipped.codes]
        assert all(len(item.CodeMeaning) <= 64 for item in dataset.DeidentificationMethodCodeSequence)

    @pytest.mark.parametrize(
        ("name", "word"), [("basic", "REMOVED"), ("research", "UNMODIFIED"), ("longitudinal", "MODIFIED")]
    )
    def test_says_what_became_of_dates(self, name: str, word: str) -> None:
        assert treated(ct(), name).LongitudinalTemporalInformationModified == word

    def test_comes_behind_what_earlier_treatments_said(self) -> None:
        earlier = Dataset()
        earlier.CodeValue, earlier.CodingSchemeDesignator, earlier.CodeMeaning = (
            "113101",
            "DCM",
            "Clean Pixel Data Option",
        )
        original = ct(
            PatientIdentityRemoved="NO",
            DeidentificationMethod="SOMETHING ELSE",
            DeidentificationMethodCodeSequence=[earlier],
        )

        dataset = treated(original)

        assert codes(dataset)[0] == ("113101", "DCM")
        assert codes(dataset)[1] == ("113100", "DCM")
        assert len(dataset.DeidentificationMethod) == 4
        assert dataset.PatientIdentityRemoved == "YES"

    def test_is_not_put_twice(self) -> None:
        once = treated(ct())
        twice = treated(once)

        assert twice.DeidentificationMethod == once.DeidentificationMethod
        assert codes(twice) == codes(once)

    def test_stands_in_ascending_order(self) -> None:
        tags = [int(tag) for tag in list(treated(ct()).keys())]

        assert tags == sorted(tags)

    def test_of_a_long_profile_name_still_fits(self) -> None:
        made = replace(PROFILES["research"], name="n" * 60, version="v" * 60)

        assert all(len(method) <= 64 for method in treated(ct(), profile=made).DeidentificationMethod)


class TestTrialFields:
    FIELDS = {"trial_protocol_id": "TRIAL-7", "trial_protocol_name": "A trial"}  # noqa: RUF012

    def test_make_a_whole_module(self) -> None:
        dataset = treated(ct(), **self.FIELDS)

        assert dataset.ClinicalTrialProtocolID == "TRIAL-7"
        assert dataset.ClinicalTrialProtocolName == "A trial"
        assert dataset.ClinicalTrialSubjectID == PSEUDONYM
        assert dataset.ClinicalTrialSponsorName != ""
        assert "ClinicalTrialSiteID" in dataset
        assert "ClinicalTrialSiteName" in dataset

    def test_tell_xnat_where_it_belongs(self) -> None:
        assert treated(ct(), **self.FIELDS).PatientComments == (
            f"Project:TRIAL-7 Subject:{PSEUDONYM} Session:{PSEUDONYM}_20200310-101112"
        )

    def test_tell_xnat_the_date_as_it_was_moved(self) -> None:
        dataset = treated(ct(), "longitudinal", **self.FIELDS)

        assert dataset.PatientComments.endswith(f"_{dataset.StudyDate}-101112")

    def test_work_without_pseudonym(self) -> None:
        dataset = treated(ct(), pseudonym="", **self.FIELDS)

        assert dataset.ClinicalTrialProtocolID == "TRIAL-7"
        assert "PatientComments" not in dataset

    def test_are_left_alone_where_none_are_given(self) -> None:
        assert "ClinicalTrialProtocolID" not in treated(ct())
