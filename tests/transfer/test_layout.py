"""Where a study lies below a folder."""

from datetime import date

import pytest
from pydicom import Dataset

from adit.dicom.match import Match
from adit.dicom.refs import Level
from adit.transfer.layout import job_folder, layout_of


def match(level=Level.STUDY, **values):
    answer = Dataset()
    for keyword, value in values.items():
        setattr(answer, keyword, value)
    return Match(level, answer)


def series(*modalities):
    return [match(Level.SERIES, Modality=modality) for modality in modalities]


STUDY = {
    "StudyInstanceUID": "1.2.3",
    "PatientID": "P1",
    "StudyDate": "20240229",
    "StudyTime": "101500",
}


class TestALayout:
    def test_names_patient_day_time_and_modalities(self):
        layout = layout_of(match(**STUDY), series("SR", "CT", "CT"), "job")

        assert (layout.job, layout.patient, layout.study) == ("job", "P1", "20240229-101500-CT+SR")

    def test_is_the_same_whether_study_or_series_name_the_modalities(self):
        told = match(**STUDY, ModalitiesInStudy=["CT", "SR"])

        assert layout_of(told, series("", ""), "job") == layout_of(match(**STUDY), series("SR", "CT"), "job")

    @pytest.mark.parametrize(
        ("written", "day_and_time"),
        [
            ({"StudyTime": "101500.123"}, "20240229-101500"),
            ({"StudyTime": ""}, "20240229"),
            ({"StudyDate": "", "StudyTime": "101500"}, "101500"),
        ],
    )
    def test_leaves_out_what_the_source_leaves_out(self, written, day_and_time):
        assert layout_of(match(**STUDY | written), series("CT"), "job").study == f"{day_and_time}-CT"

    def test_falls_back_on_the_study_uid(self):
        bare = match(StudyInstanceUID="1.2.3", PatientID="P1")

        assert layout_of(bare, series(""), "job").study == "1.2.3"

    def test_says_so_when_there_is_no_patient_id(self):
        assert layout_of(match(StudyInstanceUID="1.2.3"), [], "job").patient == "no-patient-id"

    @pytest.mark.parametrize("patient_id", ["../../etc", "a/b", "..", "CON", "x" * 500, "ä\0"])
    def test_never_leaves_the_folder(self, patient_id):
        part = layout_of(match(**STUDY | {"PatientID": patient_id}), [], "job").patient

        assert "/" not in part
        assert part not in ("", ".", "..", "CON")
        assert len(part.encode()) <= 100


class TestTheFolderOfAJob:
    def test_names_kind_number_day_and_owner(self):
        assert job_folder("selective", 7, date(2026, 11, 24), "jane/doe") == "adit_selective_7_20261124_jane_doe"
