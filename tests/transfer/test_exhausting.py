"""All studies of some days, from sources that give only so many answers."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adit.dicom.errors import Refused
from adit.dicom.refs import UID
from adit.transfer.mass.exhausting import Exhausting
from adit.transfer.mass.spans import Span
from tests.transfer.strict import Strict, Study

WEEK = Span(date(2020, 1, 6), date(2020, 1, 12))
DAY = Span(date(2020, 1, 6), date(2020, 1, 6))

WITHOUT_UID_PATTERNS = frozenset(("StudyInstanceUID",))


def exhausted(
    source: Strict, span: Span = WEEK, *, most: int | None = None, queries: int = 3000
) -> tuple[list[str], str]:
    """The studies in the order found, and why some may be missing."""
    found = []
    studies = Exhausting(source, most=most if most is not None else source.most, most_queries=queries).run(span)
    while True:
        try:
            match = next(studies)
        except StopIteration as end:
            return found, end.value.sentence if end.value else ""
        found.append(match.text("StudyInstanceUID"))


def many(number: int, *, day: int = 6, time: str | None = None, modality: str = "CT", start: int = 0) -> list[Study]:
    return [
        Study(
            UID(f"1.2.{start + n}"),
            f"202001{day:02d}",
            f"{n // 60 % 24:02d}{n % 60:02d}00" if time is None else time,
            modality,
            f"P{start + n}",
        )
        for n in range(number)
    ]


class TestASourceThatCutsItsAnswersOff:
    def test_is_asked_once_when_it_has_less_than_it_gives(self):
        source = Strict(many(9), most=10)

        assert exhausted(source) == ([study.uid for study in source.studies], "")
        assert len(source.asked) == 1

    def test_is_asked_by_days(self):
        studies = [study for day in range(6, 13) for study in many(9, day=day, start=100 * day)]
        source = Strict(studies, most=10)

        found, missing = exhausted(source)

        assert sorted(found) == sorted(study.uid for study in studies)
        assert not missing

    @pytest.mark.parametrize("says_so", [True, False])
    def test_gives_all_of_one_day(self, says_so):
        source = Strict(many(150), most=20, says_so=says_so)

        found, missing = exhausted(source)

        assert sorted(found) == sorted(study.uid for study in source.studies)
        assert not missing

    def test_gives_studies_without_a_time_too(self):
        timeless = many(30, time="", start=1000)
        source = Strict([*many(50), *timeless], most=20)

        found, missing = exhausted(source, DAY)

        assert {study.uid for study in timeless} <= set(found)
        assert not missing

    def test_gives_studies_with_a_broken_time_too(self):
        broken = [Study(UID(f"1.2.99{n}"), time=time) for n, time in enumerate(("noon", "10:15", "9", "2460", "24:00"))]
        source = Strict([*many(50), *broken], most=20)

        found, missing = exhausted(source, DAY)

        assert {study.uid for study in broken} <= set(found)
        assert not missing

    def test_gives_what_lies_on_the_border_of_two_times(self):
        times = ("115959", "115959.999", "120000", "120000.001", "235959.999999", "000000", "000000.5", "235960")
        source = Strict([Study(UID(f"1.2.{n}"), time=time) for n, time in enumerate(times)], most=2)

        found, missing = exhausted(source, DAY)

        assert sorted(found) == sorted(study.uid for study in source.studies)
        assert not missing


class TestASourceWithoutWildcardsForUids:
    """As PS3.4 C.2.2.2.4 has it."""

    def test_is_asked_by_modality(self):
        studies = [*many(15), *many(15, time="", modality="MR", start=100), *many(15, modality="US", start=200)]
        source = Strict(studies, most=20, literal=WITHOUT_UID_PATTERNS)

        found, missing = exhausted(source, DAY)

        assert sorted(found) == sorted(study.uid for study in studies)
        assert not missing

    def test_that_refuses_them_is_asked_by_modality(self):
        studies = [*many(15), *many(15, time="", modality="CR", start=100)]
        source = Strict(studies, most=20, refuses=WITHOUT_UID_PATTERNS)

        found, missing = exhausted(source, DAY)

        assert sorted(found) == sorted(study.uid for study in studies)
        assert not missing

    def test_is_never_taken_as_complete_where_one_modality_is_too_many(self):
        studies = [*many(30), *many(30, time="", start=100)]
        source = Strict(studies, most=20, literal=WITHOUT_UID_PATTERNS)

        found, missing = exhausted(source, DAY)

        # By their PatientIDs they are found; that nothing has neither can be asked of nobody.
        assert sorted(found) == sorted(study.uid for study in studies)
        assert missing == (
            "it gives at most 20 answers to a query, and may have more of 2020-01-06 (CT): "
            "those that have neither a time of day nor a PatientID of plain letters cannot be asked for in smaller "
            "parts"
        )

    def test_names_every_day_of_which_something_may_be_missing(self):
        crowded = [*many(30), *many(30, time="", start=100), *many(30, day=8, start=200), *many(3, day=9, start=300)]
        source = Strict(crowded, most=20, literal=WITHOUT_UID_PATTERNS)

        missing = exhausted(source)[1]

        assert "may have more of 2020-01-06 (CT) and 2020-01-08 (CT): those" in missing

    def test_does_not_name_a_modality_where_the_source_cannot_be_asked_by_it(self):
        ignores = frozenset(("StudyTime", "ModalitiesInStudy", "PatientID"))
        source = Strict(many(30), most=20, literal=WITHOUT_UID_PATTERNS, ignores=ignores)

        assert "may have more of 2020-01-06: some cannot be asked for in smaller parts" in exhausted(source, DAY)[1]

    def test_whose_database_has_wildcards_of_its_own_is_asked_by_modality_all_the_same(self):
        studies = [*many(15), *many(15, time="", modality="MR", start=100)]
        source = Strict(studies, most=20, literal=WITHOUT_UID_PATTERNS, sql=True)

        found, missing = exhausted(source, DAY)

        assert sorted(found) == sorted(study.uid for study in studies)
        assert not missing


class TestASourceThatIgnoresKeys:
    @pytest.mark.parametrize("key", ["StudyTime", "StudyInstanceUID", "ModalitiesInStudy", "PatientID"])
    def test_gives_all_by_the_others(self, key):
        source = Strict([*many(15), *many(15, modality="MR", start=100)], most=20, ignores=frozenset((key,)))

        found, missing = exhausted(source, DAY)

        assert sorted(found) == sorted(study.uid for study in source.studies)
        assert not missing

    def test_is_not_taken_as_complete_when_it_ignores_the_date(self):
        source = Strict([*many(15, day=1), *many(15, start=100)], most=20, ignores=frozenset(("StudyDate",)))

        assert exhausted(source)[1] == (
            "it gives at most 20 answers to a query, and does not look at the dates and other keys that it is asked "
            "for: it may have more of 2020-01-06 to 2020-01-12"
        )

    def test_is_not_taken_as_complete_when_it_ignores_all_but_the_date(self):
        every = frozenset(("StudyTime", "StudyInstanceUID", "ModalitiesInStudy", "PatientID"))
        source = Strict(many(30), most=20, ignores=every)

        found, missing = exhausted(source, DAY)

        assert len(found) == 20
        assert missing
        assert len(source.asked) < 20


class TestASourceWhoseLimitNobodyKnows:
    def test_is_asked_again_after_a_round_number(self):
        source = Strict(many(130), most=100)

        found, missing = exhausted(source, DAY, most=1000)

        assert len(found) == 130
        assert not missing

    def test_has_a_round_number_of_studies_by_chance(self):
        source = Strict(many(100), literal=WITHOUT_UID_PATTERNS)

        found, missing = exhausted(source, DAY)

        assert len(found) == 100
        assert not missing

    def test_that_cannot_be_asked_in_parts_is_suspected_when_it_gives_a_round_number(self):
        every = frozenset(("StudyTime", "StudyInstanceUID", "ModalitiesInStudy", "PatientID"))

        found, missing = exhausted(Strict(many(100), ignores=every), DAY)

        assert len(found) == 100
        assert missing == (
            "it gave exactly 100 studies of 2020-01-06, as servers do that cut their answers off, "
            "and cannot be asked for them in parts"
        )

    def test_that_is_full_with_studies_without_time_is_asked_by_other_keys(self):
        source = Strict(many(130, time=""), most=100)

        found, missing = exhausted(source, DAY, most=1000)

        assert len(found) == 130
        assert not missing


class TestASourceThatDoesNotAnswer:
    def test_is_not_searched_any_further(self):
        class Broken(Strict):
            def find(self, query):
                raise Refused("it is tired", status=0xA700)

        source = Broken([])

        with pytest.raises(Refused):
            exhausted(source)


STUDIES = st.lists(
    st.builds(
        Study,
        st.integers(1, 10**6).map(lambda n: UID(f"1.2.840.{n}")),
        st.integers(6, 8).map(lambda day: f"2020010{day}"),
        st.sampled_from(("", "101500", "101501", "235959", "0930", "noon", "000000.25")),
        st.sampled_from(("", "CT", "MR", "CR", "CT\\SR", "MR\\PR")),
        st.sampled_from(("", "P1", "P2", "p2", "17", "ä")),
    ),
    max_size=40,
    unique_by=lambda study: study.uid,
)
KEYS = st.frozensets(st.sampled_from(("StudyDate", "StudyTime", "StudyInstanceUID", "ModalitiesInStudy", "PatientID")))


@settings(max_examples=150, deadline=None)
@given(
    studies=STUDIES,
    most=st.integers(1, 30),
    says_so=st.booleans(),
    ignores=KEYS,
    literal=KEYS,
    refuses=KEYS,
    hides=KEYS,
)
def test_finds_every_study_once_or_says_that_it_may_not_have(studies, most, says_so, ignores, literal, refuses, hides):
    source = Strict(studies, most, says_so, ignores, refuses, literal, hides - {"StudyInstanceUID"})

    found, missing = exhausted(source, queries=400)

    assert len(found) == len(set(found))
    if not missing:
        assert {study.uid for study in studies} <= set(found)


@settings(max_examples=15, deadline=None)
@given(
    day=st.lists(st.sampled_from(("", "101500", "noon", "235959")), min_size=40, max_size=140),
    most=st.sampled_from((50, 64, 100, 128)),
    modality=st.sampled_from(("CT", "")),
    ignores=KEYS,
    literal=KEYS,
)
def test_finds_every_study_of_a_source_that_stops_without_a_word_or_says_that_it_may_not_have(
    day, most, modality, ignores, literal
):
    studies = [Study(UID(f"1.2.840.{n}"), "20200106", time, modality, f"P{n}") for n, time in enumerate(day)]

    found, missing = exhausted(Strict(studies, most, ignores=ignores, literal=literal), DAY, most=10_000, queries=300)

    assert len(found) == len(set(found))
    assert missing or len(found) == len(studies)


@settings(max_examples=100, deadline=None)
@given(studies=STUDIES, most=st.integers(1, 30))
def test_finds_every_study_where_uids_can_be_asked_for_by_their_end(studies, most):
    found, missing = exhausted(Strict(studies, most), queries=10**6)

    assert sorted(found) == sorted(study.uid for study in studies)
    assert not missing
