"""Answers as lists need them, however dirty."""

from datetime import date, time
from typing import get_type_hints

import pytest
from pydicom import Dataset

from adit.dicom.contexts import IMPLICIT
from adit.dicom.identifier import decode
from adit.dicom.match import Match
from adit.dicom.refs import UID, Level, Ref
from tests.dicom.files import encoded

PROPERTIES = {
    name: get_type_hints(value.fget)["return"] for name, value in vars(Match).items() if isinstance(value, property)
}
"""What can be asked of an answer, and of what type that is."""


def answer(level: Level = Level.STUDY, **values: object) -> Match:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return Match(level, dataset)


def raw(level: Level, *elements: tuple[int, int, bytes]) -> Match:
    """An answer as it arrives, in Implicit VR."""
    content = b"".join(
        group.to_bytes(2, "little") + element.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value
        for group, element, value in elements
    )
    return Match(level, decode(content, IMPLICIT))


class TestAMatch:
    def test_tells_what_lists_show(self):
        match = answer(
            StudyInstanceUID="1.2.3",
            PatientID="4711 ",
            PatientName="Doe^John",
            PatientBirthDate="19540312",
            StudyDate="20200506",
            StudyTime="1030",
            ModalitiesInStudy=["SR", "CT", "CT"],
            StudyDescription="Head ",
            AccessionNumber="A1",
            NumberOfStudyRelatedSeries="3",
            NumberOfStudyRelatedInstances="412",
        )

        assert match.ref == Ref(UID("1.2.3"))
        assert (match.patient_id, match.patient_name, match.birth_date) == ("4711", "Doe, John", date(1954, 3, 12))
        assert (match.study_date, match.study_time) == (date(2020, 5, 6), time(10, 30))
        assert match.modalities == ("CT", "SR")
        assert (match.description, match.accession_number) == ("Head", "A1")
        assert (match.series_count, match.instances) == (3, 412)

    def test_of_a_series_tells_its_own(self):
        match = answer(
            Level.SERIES,
            StudyInstanceUID="1.2",
            SeriesInstanceUID="1.3",
            Modality="CT",
            StudyDescription="Head",
            SeriesDescription="axial",
            SeriesNumber="02",
            NumberOfSeriesRelatedInstances="7",
        )

        assert match.ref == Ref(UID("1.2"), UID("1.3"))
        assert (match.modalities, match.description, match.series_number) == (("CT",), "axial", 2)
        assert (match.instances, match.series_count) == (7, None)

    @pytest.mark.parametrize("level", Level)
    def test_that_is_empty_has_nothing_and_no_errors(self, level):
        match = answer(level)

        for name in PROPERTIES:
            assert getattr(match, name) in ("", None, ()) or (name, level) == ("instances", Level.INSTANCE)

    @pytest.mark.parametrize("dirt", [b"", b" ", b"\0\0", b"\\\\", b"1A", b"\xff\xfe\x1b$B", b"9" * 64, b"*"])
    @pytest.mark.parametrize("level", Level)
    def test_survives_dirt_in_every_attribute(self, dirt, level):
        tags = [(0x0008, e) for e in (0x0020, 0x0030, 0x0050, 0x0052, 0x0060, 0x0061, 0x1030, 0x103E)]
        tags += [(0x0010, e) for e in (0x0010, 0x0020, 0x0030)]
        tags += [(0x0020, e) for e in (0x000D, 0x000E, 0x0011, 0x1206, 0x1208, 0x1209)]
        match = raw(level, *((group, element, dirt) for group, element in tags))

        for name, kind in PROPERTIES.items():
            value = getattr(match, name)
            if kind == tuple[str, ...]:
                assert isinstance(value, tuple), name
                assert all(isinstance(each, str) for each in value), name
            else:
                assert isinstance(value, kind), name

    def test_shows_a_broken_number_as_it_was_written(self):
        match = raw(Level.SERIES, (0x0020, 0x0011, b"1A"))

        assert match.text("SeriesNumber") == "1A"
        assert match.series_number is None

    def test_counts_nothing_below_zero(self):
        assert answer(NumberOfStudyRelatedInstances="-1").instances is None

    def test_without_its_uids_is_no_reference(self):
        assert answer(Level.SERIES, StudyInstanceUID="1.2").ref is None
        assert answer(Level.STUDY, StudyInstanceUID="1.2.*").ref is None
        assert answer(Level.PATIENT, PatientID="1").ref is None


class TestADecodedAnswer:
    def test_is_as_it_was_encoded(self):
        dataset = Dataset()
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.PatientName = "Müller^Hans"

        match = Match(Level.STUDY, decode(encoded(dataset, IMPLICIT), IMPLICIT))

        assert match.patient_name == "Müller, Hans"
