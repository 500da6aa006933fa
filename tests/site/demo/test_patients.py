"""The patients of the demo."""

from collections import Counter
from io import BytesIO

import pytest
from pydicom import dcmread

from adit.dicom.refs import uid
from adit.site.demo.description import DemoPatient, Kind
from adit.site.demo.encoding import part10
from adit.site.demo.heads import age
from adit.site.demo.objects import instance
from adit.site.demo.patients import miscounted_study, studies

PATIENTS = tuple({study.patient.id: study.patient for study in studies()}.values())
KINDS = {kind: (study, s) for study in studies() for s in study.series for kind in [s.kind]}


class TestThePatients:
    def test_are_forty_with_ids_of_their_own(self) -> None:
        assert len(PATIENTS) == 40
        assert len({patient.id for patient in PATIENTS}) == 40

    def test_are_of_all_ages(self) -> None:
        ages = {age(study.patient.birth_date, study.date) for study in studies()}

        assert "001D" in ages
        assert "093Y" in ages
        assert any("010Y" > each > "000Y" for each in ages)

    def test_include_two_of_one_name(self) -> None:
        assert Counter(patient.name for patient in PATIENTS).most_common(1) == [("Schmidt^Anna", 2)]

    def test_use_many_character_sets(self) -> None:
        assert {patient.character_set for patient in PATIENTS} >= {
            "ISO_IR 100", "ISO_IR 192", "ISO_IR 144", "\\ISO 2022 IR 87", "ISO 2022 IR 13\\ISO 2022 IR 87",
            "\\ISO 2022 IR 149", "GB18030",
        }  # fmt: skip

    @pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient.id)
    @pytest.mark.filterwarnings("error")
    def test_have_names_that_come_back_from_their_character_set(self, patient: DemoPatient) -> None:
        study = next(study for study in studies() if study.patient == patient)
        series = study.series[0]
        made = instance(study, series, 1)
        read = dcmread(BytesIO(part10(made.sop_class, made.uid, made.encoded)))

        assert str(read.PatientName) == patient.name
        assert read.StudyDescription == study.description
        assert read.SeriesDescription == series.description


class TestTheStudies:
    def test_have_uids_that_nobody_shares(self) -> None:
        every = [*studies(), miscounted_study()]
        uids = [study.uid for study in every]
        uids += [series.uid for study in every for series in study.series]
        uids += [each for study in every for _, _, each in study.uids()]

        assert len(set(uids)) == len(uids)
        assert all(uid(each) == each for each in uids)

    def test_begin_with_a_ct_of_300_slices_that_has_a_prior(self) -> None:
        first, prior = studies()[:2]

        assert (first.series[0].kind, first.series[0].count) == (Kind.CT_THORAX, 300)
        assert prior.patient == first.patient
        assert prior.date < first.date

    def test_show_every_kind(self) -> None:
        assert KINDS.keys() == set(Kind)

    def test_hide_a_name_in_a_series_description_and_one_in_a_private_element(self) -> None:
        series = [each for study in studies() for each in study.series]

        assert any("Kowalska" in each.description for each in series)
        assert any(each.private_name for each in series)

    def test_of_the_pacs_that_miscounts_is_one_of_412(self) -> None:
        assert miscounted_study().instances == 412
