"""Matching as an SCP does it (PS3.4 C.2.2.2)."""

import pytest
from pydicom import Dataset

from adit.site.demo.matching import answer, matches


def held() -> Dataset:
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.PatientName = "Tanaka^Hanako=田中^花子"
    data.PatientID = "DEMO-1042"
    data.StudyDate = "20260812"
    data.StudyTime = "101530"
    data.StudyInstanceUID = "1.2.3"
    data.ModalitiesInStudy = ["CT", "SR"]
    data.StudyDescription = "CT Chest"
    return data


def asked(**keys: str) -> Dataset:
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.QueryRetrieveLevel = "STUDY"
    for keyword, value in keys.items():
        setattr(data, keyword, value)
    return data


class TestAKey:
    @pytest.mark.parametrize(
        ("keyword", "value"),
        [
            ("PatientName", ""),
            ("PatientName", "*"),
            ("PatientName", "tanaka*"),
            ("PatientName", "Tanaka^Hanako"),
            ("PatientName", "田中*"),
            ("PatientName", "T?naka^*"),
            ("PatientID", "DEMO-1042"),
            ("StudyDate", "20260812"),
            ("StudyDate", "20260801-20260831"),
            ("StudyDate", "20260812-"),
            ("StudyDate", "-20260812"),
            ("StudyTime", "10-11"),
            ("StudyTime", "1000-1015"),
            ("StudyInstanceUID", "1.2.3"),
            ("StudyInstanceUID", "1.2.4\\1.2.3"),
            ("ModalitiesInStudy", "SR"),
            ("ModalitiesInStudy", "MR\\CT"),
            ("StudyDescription", "*chest"),
            ("AccessionNumber", ""),
        ],
    )
    def test_matches(self, keyword: str, value: str) -> None:
        assert matches(held(), asked(**{keyword: value}))

    @pytest.mark.parametrize(
        ("keyword", "value"),
        [
            ("PatientName", "Tanaka"),
            ("PatientName", "Suzuki*"),
            ("PatientID", "DEMO-104"),
            ("PatientID", "DEMO.1042"),
            ("StudyDate", "20260813"),
            ("StudyDate", "20260813-20270101"),
            ("StudyDate", "-20260811"),
            ("StudyTime", "11-12"),
            ("StudyInstanceUID", "1.2"),
            ("ModalitiesInStudy", "MR"),
            ("AccessionNumber", "1"),
        ],
    )
    def test_does_not_match(self, keyword: str, value: str) -> None:
        assert not matches(held(), asked(**{keyword: value}))


class TestAnAnswer:
    def test_has_what_was_asked_for_and_nothing_else(self) -> None:
        given = answer(held(), asked(PatientName="", AccessionNumber="", StudyDate="20260101-"))

        assert [e.keyword for e in given] == [
            "SpecificCharacterSet", "StudyDate", "AccessionNumber", "QueryRetrieveLevel", "PatientName",
        ]  # fmt: skip
        assert (given.PatientName, given.QueryRetrieveLevel) == (held().PatientName, "STUDY")
        assert given["AccessionNumber"].is_empty
