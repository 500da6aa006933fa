"""What rows of a batch query find, in good servers and in sloppy ones."""

from __future__ import annotations

from datetime import date

import pytest

from adit.dicom.errors import Unreachable
from adit.dicom.refs import Level
from adit.endpoints.memory import Faults, Memory
from adit.transfer.batches.rows import QueryRow
from adit.transfer.finding import MOST_ANSWERS, MOST_HITS, Answer, Finding
from adit.transfer.querying import Nobody
from tests.endpoints.conformance import kept
from tests.peers.data import ct_study
from tests.transfer.register import Register, series

BORN = date(1960, 1, 2)


def row(**values: object) -> QueryRow:
    return QueryRow((2,), **values)


def answered(register: Register, *rows: QueryRow, most: int | None = None) -> Answer:
    """The answer to the last of *rows*."""
    finding = Finding(register, most=most)
    return [finding.answer(each) for each in rows][-1]


def studies(answer: Answer) -> list[str]:
    return [hit.study.text("StudyInstanceUID") for hit in answer.hits]


def keys(register: Register) -> list[dict[str, str]]:
    return [dict(query.keys) for query in register.asked]


class TestARow:
    def test_finds_the_studies_of_a_patient_the_newest_first(self):
        register = Register([series("1.1", date="20250101"), series("1.2"), series("2.1", "P2")])

        answer = answered(register, row(patient_id="P1"))

        assert (answer.outcome, answer.reason, studies(answer)) == ("found", "", ["1.2", "1.1"])
        assert keys(register) == [{"PatientID": "P1"}]

    def test_that_finds_nothing_is_answered_too(self):
        answer = answered(Register([series("1.1")]), row(patient_id="P9"))

        assert (answer.outcome, answer.reason, answer.hits) == ("not found", "", ())

    def test_finds_by_accession_number_alone(self):
        register = Register([series("1.1", AccessionNumber="A1"), series("1.2", AccessionNumber="A2")])

        answer = answered(register, row(accession_number="A2"))

        assert (answer.outcome, studies(answer)) == ("found", ["1.2"])
        assert keys(register) == [{"AccessionNumber": "A2"}]

    def test_asks_for_its_days(self):
        register = Register([series("1.1", date="20250101"), series("1.2", date="20260110")])

        answer = answered(register, row(patient_id="P1", first=date(2026, 1, 1), last=date(2026, 12, 31)))

        assert studies(answer) == ["1.2"]
        assert keys(register) == [{"PatientID": "P1", "StudyDate": "20260101-20261231"}]

    def test_asks_once_for_several_modalities(self):
        held = [series("1.1"), series("1.2", modality="MR"), series("1.3", modality="US")]
        register = Register(held)

        answer = answered(register, row(patient_id="P1", modalities=("CT", "MR")))

        assert sorted(studies(answer)) == ["1.1", "1.2"]
        assert len(register.asked) == 1

    @pytest.mark.parametrize("pattern", ["thorax*", "THORAX ?ATIV", "Thorax nativ"])
    def test_finds_a_description_in_any_case(self, pattern):
        register = Register([series("1.1"), series("1.2", StudyDescription="Abdomen")], literal=True)

        assert studies(answered(register, row(patient_id="P1", study_description=pattern))) == ["1.1"]

    def test_is_never_asked_for_when_it_says_nothing(self):
        register = Register([series("1.1")])

        with pytest.raises(Nobody):
            answered(register, row(first=date(2026, 1, 1), modalities=("CT",)))

        assert not register.asked

    def test_leaves_out_what_the_server_gave_although_it_does_not_fit(self):
        held = [series("1.1"), series("2.1", "P2"), series("1.2", date="20200101"), series("1.3", modality="MR")]
        register = Register(held, ignores=frozenset(("PatientID", "StudyDate")))

        answer = answered(register, row(patient_id="P1", first=date(2026, 1, 1), modalities=("CT",)))

        assert studies(answer) == ["1.1"]

    def test_asks_the_series_where_the_server_does_not_tell_the_modalities_of_a_study(self):
        held = [series("1.1"), series("1.2", modality="MR")]
        register = Register(held, leaves_out=frozenset(("ModalitiesInStudy",)))

        answer = answered(register, row(patient_id="P1", modalities=("MR",)))

        assert studies(answer) == ["1.2"]
        assert answer.hits[0].modalities == ("MR",)

    @pytest.mark.parametrize(
        ("wanted", "keyword", "said"),
        [
            ({"patient_id": "P1"}, "PatientID", "PatientID"),
            ({"accession_number": "A1"}, "AccessionNumber", "accession number"),
            ({"patient_name": "Doe^John", "birth_date": BORN}, "PatientName", "name"),
        ],
    )
    def test_is_not_answered_by_what_does_not_say_whose_it_is(self, wanted, keyword, said):
        register = Register([series("1.1", AccessionNumber="A1")], leaves_out=frozenset((keyword,)))

        answer = answered(register, row(**wanted))

        assert (answer.outcome, answer.hits) == ("not found", ())
        assert answer.reason == f"The server gave 1 study without saying the {said}: left out."

    def test_passes_a_broken_connection_on(self):
        def is_gone(query, cancel):
            raise Unreachable

        with pytest.raises(Unreachable):
            answered(Register([series("1.1")], before=is_gone), row(patient_id="P1"))


class TestSeries:
    HELD = (
        series("1.1", number="1"),
        series("1.1", number="2", SeriesDescription="Thorax axial"),
        series("1.1", number="3", modality="SR"),
        series("1.2", number="2", SeriesDescription="thorax cor"),
    )

    def found(self, register: Register, **values: object) -> list[str]:
        answer = answered(register, row(patient_id="P1", **values))
        return [hit.series.text("SeriesInstanceUID") for hit in answer.hits]

    def test_are_found_by_several_numbers_in_one_query_for_each_study(self):
        register = Register(self.HELD)

        assert self.found(register, series_numbers=("2", "3")) == ["1.1.2", "1.1.3", "1.2.2"]
        assert [query.level for query in register.asked] == [Level.STUDY, Level.SERIES, Level.SERIES]

    def test_are_found_by_description_and_modality(self):
        assert self.found(Register(self.HELD), series_description="thorax*") == ["1.1.2", "1.2.2"]
        assert self.found(Register(self.HELD), series_description="*", modalities=("SR",)) == ["1.1.3"]

    def test_are_numbered_as_numbers(self):
        assert self.found(Register([series("1.1", number="02")]), series_numbers=("2",)) == ["1.1.02"]

    def test_that_do_not_fit_say_that_the_study_was_there(self):
        answer = answered(Register(self.HELD), row(patient_id="P1", series_numbers=("9",)))

        assert (answer.outcome, answer.reason) == ("not found", "2 studies fit, but none of their series.")


class TestANameWithABirthDate:
    ROW = row(patient_name="Doe^John", birth_date=BORN)

    def test_finds_its_patient(self):
        register = Register([series("1.1"), series("2.1", "P2", "Roe^Jane"), series("3.1", "P3", born="19700101")])

        answer = answered(register, self.ROW)

        assert (answer.outcome, answer.reason, studies(answer)) == ("found", "", ["1.1"])

    def test_is_asked_for_once_whatever_else_its_rows_want(self):
        register = Register([series("1.1"), series("1.2", modality="MR")])
        mr = row(patient_name="Doe^John", birth_date=BORN, modalities=("MR",), first=date(2026, 1, 1))

        assert studies(answered(register, self.ROW, mr)) == ["1.2"]
        assert len(register.asked) == 1

    def test_of_several_patients_is_ambiguous_even_when_only_one_has_what_is_wanted(self):
        register = Register([series("1.1"), series("2.1", "P2", modality="MR")])

        answer = answered(register, row(patient_name="Doe^John", birth_date=BORN, modalities=("MR",)))

        assert answer.outcome == "ambiguous"
        assert answer.reason == "2 patients have this name and birth date: P1, P2."
        assert studies(answer) == ["2.1"]

    @pytest.mark.parametrize(
        ("written", "held"),
        [
            ("Müller^Jürgen", "MUELLER^JUERGEN"),
            ("Müller^Jürgen", "Muller^Jurgen"),
            ("Doe^John", "Doe^John^Quincy^Dr."),
            ("doe^john", "DOE^JOHN"),
            ("Mueller^Juergen", "Müller^Jürgen"),
            ("Doe^John", "Doe, John"),
        ],
    )
    def test_is_found_by_a_server_that_compares_letter_by_letter(self, written, held):
        register = Register([series("1.1", name=held), series("2.1", "P2", "Zoe^Ann")], literal=True)

        answer = answered(register, row(patient_name=written, birth_date=BORN))

        assert (answer.outcome, studies(answer)) == ("found", ["1.1"])
        assert len(register.asked) <= 7

    def test_of_one_id_that_several_gave_out_is_ambiguous(self):
        held = [series("1.1", IssuerOfPatientID="NORTH"), series("2.1", IssuerOfPatientID="SOUTH")]

        answer = answered(Register(held), self.ROW)

        assert (answer.outcome, answer.reason) == ("ambiguous", "This PatientID was given out by 2: NORTH, SOUTH.")

    def test_says_so_when_the_server_knows_no_birth_date(self):
        register = Register([series("1.1")], leaves_out=frozenset(("PatientBirthDate",)))

        answer = answered(register, self.ROW)

        assert (answer.outcome, answer.reason) == ("found", "The server does not say when the patient was born.")


class TestAPatientID:
    def test_of_several_issuers_is_ambiguous(self):
        held = [series("1.1", IssuerOfPatientID="NORTH"), series("2.1", IssuerOfPatientID="SOUTH")]

        answer = answered(Register(held), row(patient_id="P1"))

        assert answer.outcome == "ambiguous"
        assert answer.reason == "This PatientID was given out by 2: NORTH, SOUTH."

    def test_of_several_birth_dates_is_ambiguous(self):
        answer = answered(Register([series("1.1"), series("2.1", born="19700101")]), row(patient_id="P1"))

        assert answer.outcome == "ambiguous"
        assert answer.reason == "This PatientID belongs to patients of several birth dates: 1960-01-02, 1970-01-01."

    def test_of_somebody_else_is_ambiguous_and_says_what_contradicts(self):
        held = Register([series("1.1")])

        born = answered(held, row(patient_id="P1", birth_date=date(1999, 9, 9)))
        named = answered(held, row(patient_id="P1", patient_name="Roe^Jane"))

        assert born.outcome == named.outcome == "ambiguous"
        assert born.reason == "The server says that this patient was born on 1960-01-02, not on 1999-09-09."
        assert named.reason == "The server names this patient Doe, John, not Roe, Jane."

    def test_with_a_birth_date_leaves_the_other_patient_out_and_says_so(self):
        held = [series("1.1"), series("2.1", born="19700101", IssuerOfPatientID="SOUTH")]

        answer = answered(Register(held), row(patient_id="P1", birth_date=BORN))

        assert (answer.outcome, studies(answer)) == ("found", ["1.1"])
        assert answer.reason == "Left out: 1 study of somebody who was born on 1970-01-01."

    def test_with_the_right_birth_date_may_have_another_name_since(self):
        answer = answered(Register([series("1.1")]), row(patient_id="P1", patient_name="Roe^John", birth_date=BORN))

        assert (answer.outcome, answer.reason) == ("found", "The server names this patient Doe, John.")

    def test_is_compared_in_its_case(self):
        assert answered(Register([series("1.1", "p1")]), row(patient_id="P1")).outcome == "not found"


class TestAnAccessionNumber:
    def test_of_several_patients_is_ambiguous(self):
        held = [series("1.1", AccessionNumber="A1"), series("2.1", "P2", AccessionNumber="A1")]

        answer = answered(Register(held), row(accession_number="A1"))

        assert answer.outcome == "ambiguous"
        assert answer.reason == "This accession number belongs to 2 patients: P1, P2."


class TestAServerThatCutsItsAnswersOff:
    def test_is_asked_for_less_at_a_time(self):
        held = [*(series(f"1.{n}", modality="CR") for n in range(30)), series("1.99", modality="MR")]
        register = Register(held, most=10)

        answer = answered(register, row(patient_id="P1", modalities=("MR", "CT")), most=10)

        assert (answer.outcome, answer.reason, studies(answer)) == ("found", "", ["1.99"])
        assert [each.get("ModalitiesInStudy") for each in keys(register)] == [None, "MR", "CT"]

    def test_makes_the_row_say_that_there_may_be_more(self):
        register = Register([series(f"1.{n}") for n in range(30)], most=10)

        answer = answered(register, row(patient_id="P1"), most=10)

        assert (answer.outcome, len(answer.hits)) == ("found", 10)
        assert answer.reason == "The server gave 10 answers to a query, and may have more than 10: narrow the line."

    def test_never_makes_a_row_not_found(self):
        register = Register([series(f"2.{n}", "P2") for n in range(30)], most=10, ignores=frozenset(("PatientID",)))

        answer = answered(register, row(patient_id="P1"), most=10)

        assert answer.outcome == "failed"
        assert "narrow the line" in answer.reason

    def test_is_not_listened_to_for_ever(self):
        register = Register([series(f"1.{n}") for n in range(MOST_ANSWERS + 5)])

        answer = answered(register, row(patient_id="P1"))

        assert len(answer.hits) == MOST_HITS
        assert f"may have more than {MOST_ANSWERS}" in answer.reason
        assert f"Only {MOST_HITS} of {MOST_ANSWERS} are kept" in answer.reason


class TestAnEndpointWithFaults:
    ONE, OTHER = (ct_study(2, 1, name=name, patient_id=name, size=128) for name in ("P1", "P2"))

    def memory(self, **faults: object) -> Memory:
        held = [kept(file) for study in (self.ONE, self.OTHER) for file in study.files]
        return Memory(held, faults=Faults(**faults))

    def test_that_looks_at_no_key_is_filtered_here(self):
        memory = self.memory(ignores_filters=True)

        found = Finding(memory, most=None).answer(row(patient_id="P1"))
        second = Finding(memory, most=None).answer(row(patient_id="P1", series_numbers=("2",)))

        assert (found.outcome, studies(found)) == ("found", [self.ONE.uid])
        assert [hit.series.text("SeriesInstanceUID") for hit in second.hits] == [self.ONE.series[1]]

    def test_that_does_not_count_is_as_good(self):
        (hit,) = Finding(self.memory(counts=False), most=None).answer(row(patient_id="P1")).hits

        assert hit.study.instances is None

    def test_that_is_away_for_a_moment_answers_then(self):
        finding = Finding(self.memory(unreachable=1), most=None)

        with pytest.raises(Unreachable):
            finding.answer(row(patient_id="P1"))

        assert finding.answer(row(patient_id="P1")).outcome == "found"
