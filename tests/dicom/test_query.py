"""Building a query from what people write."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit.dicom.query import BadQuery, Query, date_range, parse_key, person_name_pattern, without_accents
from adit.dicom.refs import Level


def parsed_or_refused(key: str, value: str) -> tuple[str, str] | None:
    try:
        return parse_key(key, value)
    except BadQuery:
        return None


class TestAKey:
    @pytest.mark.parametrize("name", ["PatientID", "00100020", "0010,0020", "(0010,0020)", " PatientID "])
    def test_is_named_by_keyword_or_tag(self, name):
        assert parse_key(name, " 4711 ") == ("PatientID", "4711")

    def test_that_is_misspelt_gets_a_hint(self):
        with pytest.raises(BadQuery, match="did you mean PatientID"):
            parse_key("patientid", "1")

    @pytest.mark.parametrize("name", ["", "Nonsense", "00110001", "0010", "(0010"])
    def test_that_is_unknown_is_refused(self, name):
        with pytest.raises(BadQuery):
            parse_key(name, "1")

    @pytest.mark.parametrize(
        ("keyword", "written", "key"),
        [
            ("PatientName", "Doe, John", "Doe^John"),
            ("StudyDate", "2020-01-31", "20200131"),
            ("StudyDate", "20200101-2020.01.31", "20200101-20200131"),
            ("StudyDate", "20200101-", "20200101-"),
            ("StudyTime", "0800-1200", "0800-1200"),
            ("StudyTime", "08:00 - 12:00:30", "0800-120030"),
            ("ModalitiesInStudy", "ct\\mr", "CT\\MR"),
            ("SeriesNumber", "01", "01"),
            ("StudyInstanceUID", "1.2.3\\1.2.4", "1.2.3\\1.2.4"),
            ("StudyDescription", "*Schädel*", "*Schädel*"),
            ("PatientID", "", ""),
        ],
    )
    def test_has_its_value_in_the_form_of_the_standard(self, keyword, written, key):
        assert parse_key(keyword, written) == (keyword, key)

    @pytest.mark.parametrize(
        ("keyword", "written"),
        [
            ("StudyDate", "31.01.2020"),
            ("StudyDate", "20200201-20200101"),
            ("StudyTime", "late"),
            ("SeriesNumber", "1*"),
            ("StudyInstanceUID", "1.2.*"),
            ("StudyInstanceUID", "1.2\\"),
            ("PatientID", "a\nb"),
            ("PixelData", "x"),
            ("ReferencedStudySequence", "x"),
        ],
    )
    def test_whose_value_does_not_fit_is_refused_by_name(self, keyword, written):
        with pytest.raises(BadQuery, match="" if keyword == "StudyDate" else keyword):
            parse_key(keyword, written)

    @given(st.text(), st.text())
    def test_is_parsed_or_refused_whatever_it_holds(self, name, value):
        for key in (name, "PatientName", "StudyDate", "StudyInstanceUID"):
            parsed = parsed_or_refused(key, value)
            assert parsed is None or parse_key(*parsed) == parsed


class TestAName:
    @pytest.mark.parametrize(
        ("written", "pattern"),
        [
            ("Doe, John", "Doe^John"),
            ("Doe,John,Q", "Doe^John^Q"),
            ("Doe,", "Doe"),
            ("Doe^John", "Doe^John"),
            ("Doe*", "Doe*"),
        ],
    )
    def test_is_asked_for_in_the_order_of_the_standard(self, written, pattern):
        assert person_name_pattern(written) == pattern


class TestARangeOfDays:
    def test_may_be_open_on_either_side(self):
        day = date(2020, 1, 2)

        assert date_range(day, date(2020, 2, 1)) == "20200102-20200201"
        assert date_range(day, None) == "20200102-"
        assert date_range(None, day) == "-20200102"
        assert date_range(day, day) == "20200102"
        assert date_range(None, None) == ""
        assert date_range(date(954, 1, 2), None) == "09540102-"

    def test_does_not_end_before_it_starts(self):
        with pytest.raises(BadQuery, match="before it starts"):
            date_range(date(2020, 1, 2), date(2020, 1, 1))


class TestAQueryWithoutAccents:
    def test_has_a_wildcard_for_each(self):
        query = Query.of(Level.STUDY, PatientName="Müller*", PatientID="1")

        assert without_accents(query) == Query.of(Level.STUDY, PatientName="M*ller*", PatientID="1")

    def test_is_none_where_there_is_none(self):
        assert without_accents(Query.of(Level.STUDY, PatientName="Doe")) is None
