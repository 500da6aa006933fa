"""Filters, ages, and what they say of studies and series."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from adit.dicom.match import Match
from adit.dicom.refs import Level
from adit.transfer.judging import first_unmet, meets, modalities_asked
from adit.transfer.mass.ages import age_fits, read_age_range
from adit.transfer.mass.criteria import FIELDS, BadCriteria, Criteria, Filter, Form, read_numbers


def a_study(**values: object) -> Match:
    return _match(Level.STUDY, values)


def a_series(**values: object) -> Match:
    return _match(Level.SERIES, values)


def _match(level: Level, values: dict[str, object]) -> Match:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return Match(level, dataset)


class TestAFilter:
    def test_keeps_its_values_without_padding_and_each_once(self):
        assert Filter("modality", (" CT ", "MR", "", "CT")).values == ("CT", "MR")

    @pytest.mark.parametrize(
        ("on", "values", "reason"),
        [
            ("colour", ("red",), "'colour' cannot be filtered on, only modality"),
            ("modality", (), "Modality of the study: the filter has no value"),
            ("modality", (" ",), "Modality of the study: the filter has no value"),
            ("modality", tuple(map(str, range(201))), "the filter has 201 values, 200 are the most"),
            ("institution", ("x" * 65,), "is longer than 64 characters"),
            ("institution", ("a\\b",), "holds a backslash"),
            ("instances", ("many",), "'many' is no number and no range such as 5-10, 5- or -10"),
            ("instances", ("10-5",), "'10-5' is no number"),
            ("age", ("18",), "'18' is no age such as 18Y"),
            ("age", ("65Y-18Y",), "'65Y-18Y' is no age"),
        ],
    )
    def test_that_makes_no_sense_says_why(self, on, values, reason):
        with pytest.raises(BadCriteria) as raised:
            Filter(on, values)

        assert reason in str(raised.value)

    def test_reads_as_a_sentence(self):
        assert str(Filter("modality", ("CT", "MR"))) == "Modality of the study is one of CT, MR"
        assert str(Filter("age", ("-17Y",), exclude=True)) == "Age of the patient is not -17Y"


VALUES = {Form.TEXT: st.sampled_from(("CT", "*head*", "Ä?")), Form.NUMBER: st.sampled_from(("5", "5-", "-7", "2-9"))}
VALUES[Form.AGE] = st.sampled_from(("18Y", "18Y-", "-30D", "6M-2Y"))
FILTERS = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda name: st.builds(
        Filter, st.just(name), st.lists(VALUES[FIELDS[name].form], min_size=1).map(tuple), st.booleans()
    )
)


class TestCriteria:
    @given(st.lists(FILTERS, max_size=5))
    def test_are_the_same_after_json(self, filters):
        criteria = Criteria(tuple(filters))

        assert Criteria.from_json(json.loads(json.dumps(criteria.to_json()))) == criteria

    def test_that_a_person_wrote_need_no_version(self):
        written = {"filters": [{"on": "modality", "values": ["CT"]}]}

        assert Criteria.from_json(written) == Criteria((Filter("modality", ("CT",)),))

    def test_say_everything_that_is_wrong_at_once(self):
        written = {
            "filter": [],
            "filters": [
                {"on": "modality", "values": ["CT"]},
                {"on": "age", "values": ["old", "18Y", "young"]},
                {"on": "colour", "values": ["red"]},
                {"on": "modality", "values": "CT"},
                {"on": "modality", "values": ["CT"], "exclude": "yes"},
                {"on": "modality", "valeus": ["CT"]},
                {"values": ["CT"]},
                7,
            ],
        }

        with pytest.raises(BadCriteria) as raised:
            Criteria.from_json(written)

        told = raised.value.reasons
        assert told[0] == "'filter' is not known"
        assert [reason.split(":")[0] for reason in told[1:]] == [f"filter {n}" for n in (2, 2, 3, 4, 5, 6, 7, 8)]

    @pytest.mark.parametrize("written", [None, [], "x", {"filters": {}}, {"version": 2}, {"filters": [{}] * 51}])
    def test_that_are_none_are_refused(self, written):
        with pytest.raises(BadCriteria):
            Criteria.from_json(written)


class TestNumbers:
    @pytest.mark.parametrize(
        ("written", "range_"),
        [("5", (5, 5)), ("5-10", (5, 10)), ("5-", (5, None)), ("-10", (None, 10)), (" 5 - 10 ", (5, 10))],
    )
    def test_are_one_or_a_range(self, written, range_):
        assert read_numbers(written) == range_

    @pytest.mark.parametrize("written", ["", "-", "a", "5-a", "10-5", "1.5", "5 10", "--5"])
    def test_are_nothing_else(self, written):
        assert read_numbers(written) is None


class TestAnAge:
    @pytest.mark.parametrize(
        ("wanted", "birth", "study", "fits"),
        [
            ("18Y-", "20000301", "20180228", False),
            ("18Y-", "20000301", "20180301", True),
            ("-17Y", "20000301", "20180228", True),
            ("-17Y", "20000301", "20180301", False),
            ("18Y", "20000301", "20190228", True),
            ("18Y", "20000301", "20190301", False),
            # On 1 March of years without the 29th of February.
            ("18Y-", "20000229", "20180228", False),
            ("18Y-", "20000229", "20180301", True),
            ("18Y-", "20000229", "20200229", True),
            ("6M-", "20200131", "20200730", False),
            ("6M-", "20200131", "20200731", True),
            ("-30D", "20200101", "20200131", True),
            ("-30D", "20200101", "20200201", False),
            ("2W", "20200101", "20200121", True),
            ("2W", "20200101", "20200122", False),
            ("0D", "20200101", "20200101", True),
            ("6M-2Y", "20180101", "20201231", True),
            ("6M-2Y", "20180101", "20210101", False),
        ],
    )
    def test_is_told_by_the_day(self, wanted, birth, study, fits):
        assert age_fits(read_age_range(wanted), birth=birth, study=study, said="099Y") is fits

    @pytest.mark.parametrize(
        ("wanted", "said", "fits"),
        [
            ("18Y-", "018Y", True),
            ("18Y-", "017Y", False),
            ("-17Y", "017Y", True),
            ("18M-", "001Y", None),
            ("24M-", "001Y", False),
            ("12M-", "001Y", True),
            ("-30D", "001M", None),
            ("-29D", "000M", None),
            ("-30D", "000M", True),
            ("-30D", "002M", False),
            ("1Y-", "052W", None),
            ("1Y-", "053W", True),
            ("18Y-", "", None),
            ("18Y-", "old", None),
        ],
    )
    def test_is_what_the_source_says_where_the_dates_tell_nothing(self, wanted, said, fits):
        assert age_fits(read_age_range(wanted), birth="", study="20200101", said=said) is fits

    @pytest.mark.parametrize("birth", ["", "00010101", "20200102", "unknown"])
    def test_is_not_computed_from_a_birth_date_that_cannot_be_right(self, birth):
        assert age_fits(read_age_range("0D-150Y"), birth=birth, study="20200101", said="") is None

    @pytest.mark.parametrize("written", ["", "-", "18", "Y", "18Y-17Y", "2Y-12M", "18X", "18Y-x"])
    def test_range_that_is_none_is_not_read(self, written):
        assert read_age_range(written) is None


class TestJudging:
    @pytest.mark.parametrize(
        ("on", "values", "keyword", "value", "fits"),
        [
            ("modality", ("CT", "MR"), "ModalitiesInStudy", ["PT", "CT"], True),
            ("modality", ("c?",), "ModalitiesInStudy", "CT", True),
            ("modality", ("CT",), "ModalitiesInStudy", ["MR", "SR"], False),
            ("study_description", ("*head*",), "StudyDescription", "CT HEAD without", True),
            ("study_description", ("*schädel*",), "StudyDescription", "MR SCHAEDEL", True),
            ("study_description", ("head",), "StudyDescription", "CT head", False),
            ("study_description", ("*head*",), "StudyDescription", "", False),
            ("institution", ("clinic*",), "InstitutionName", "Clinic A", True),
            ("institution", ("clinic*",), "InstitutionName", "", None),
            ("series_count", ("2-",), "NumberOfStudyRelatedSeries", "1", False),
            ("instances", ("-9", "100-"), "NumberOfStudyRelatedInstances", "120", True),
            ("instances", ("-9", "100-"), "NumberOfStudyRelatedInstances", "50", False),
            ("age", ("-1M", "80Y-"), "PatientAge", "081Y", True),
        ],
    )
    def test_takes_a_study_when_any_value_fits(self, on, values, keyword, value, fits):
        study = a_study(**{keyword: value})

        assert meets(Filter(on, values), study) is fits
        # What is not told is neither taken nor left out.
        assert meets(Filter(on, values, exclude=True), study) is (None if fits is None else not fits)

    def test_asks_the_series_for_what_the_study_does_not_tell(self):
        series = [
            a_series(Modality="CT", InstitutionName="Clinic A", NumberOfSeriesRelatedInstances="3"),
            a_series(Modality="SR", InstitutionName="", NumberOfSeriesRelatedInstances="1"),
        ]

        for on, value in (("modality", "CT"), ("institution", "clinic a"), ("series_count", "2"), ("instances", "4")):
            assert meets(Filter(on, (value,)), a_study(), series=series) is True, on

    @pytest.mark.parametrize(
        ("on", "value", "fits"),
        [
            ("series_modality", "CT", True),
            ("series_description", "ax*", True),
            ("series_number", "1-3", True),
            ("series_number", "3-", False),
            ("series_instances", "10-", True),
        ],
    )
    def test_chooses_series(self, on, value, fits):
        series = a_series(
            Modality="CT", SeriesDescription="Axial", SeriesNumber="2", NumberOfSeriesRelatedInstances="12"
        )

        assert meets(Filter(on, (value,)), series, study=a_study()) is fits

    def test_names_what_is_surely_not_met_before_what_is_not_told(self):
        untold, unmet = Filter("age", ("18Y-",)), Filter("modality", ("MR",))
        study = a_study(ModalitiesInStudy="CT")

        assert first_unmet((untold, unmet), study) == (unmet, True)
        assert first_unmet((untold,), study) == (untold, False)
        assert first_unmet((), study) is None

    @pytest.mark.parametrize(
        ("filters", "asked"),
        [
            ((), ()),
            ((Filter("modality", ("ct", "MR")),), ("CT", "MR")),
            ((Filter("modality", ("CT",), exclude=True),), ()),
            ((Filter("modality", ("C*", "MR")),), ()),
            ((Filter("modality", ("CT", "MR")), Filter("series_modality", ("MR",))), ("MR",)),
            # A study of CT and PT meets both.
            ((Filter("modality", ("CT",)), Filter("modality", ("PT", "MR"))), ("CT",)),
        ],
    )
    def test_lets_the_source_look_for_whole_modalities_only(self, filters, asked):
        assert modalities_asked(Criteria(filters)) == asked
