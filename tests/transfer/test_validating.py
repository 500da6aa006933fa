import json
import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit.transfer.batches.rows import QueryRow, TransferRow
from adit.transfer.batches.validating import (
    Pseudonyms,
    check_queries,
    check_transfers,
    errors_of,
    faults_json,
    grouped,
)
from tests.pace import within
from tests.transfer.sheets_made import TODAY, sheet


def queries(columns, *lines, **more):
    return check_queries(sheet(columns, *lines, **more), today=TODAY)


def transfers(columns, *lines, pseudonyms=Pseudonyms.OPTIONAL, **more):
    return check_transfers(sheet(columns, *lines, **more), pseudonyms=pseudonyms)


def told(checked):
    return [(fault.lines, fault.column, fault.value, fault.reason) for fault in checked.faults]


def fault(checked):
    (one,) = checked.faults
    return one


class TestARowOfAQuery:
    def test_holds_all_that_its_line_says(self):
        checked = queries(
            "Patienten-ID | Name | Geburtsdatum | Accession No | von | bis | Modality | StudyDescription"
            "| SeriesDescription | Serien-Nr. | Pseudonym",
            "0042|Doe, John|1.2.1960|A1|2020-01-02|20201231|CT; mr/pt,CT|CT*|T1 ?|3, 04|P-9",
        )

        assert checked.faults == ()
        assert checked.rows == (
            QueryRow(
                (2,), "0042", "Doe^John", date(1960, 2, 1), "A1", date(2020, 1, 2), date(2020, 12, 31),
                ("CT", "MR", "PT"), "CT*", "T1 ?", ("3", "4"), "P-9",
            ),
        )  # fmt: skip

    @pytest.mark.parametrize(
        "written", ["0042||||", "|Doe^John|19600201||", "|Do*|1.2.1960||", "|||A1|", "0042|Doe|1.2.1960|A1|P"]
    )
    def test_says_which_patient_by_id_or_by_name_and_birth_date_or_by_accession_number(self, written):
        checked = queries("PatientID|PatientName|PatientBirthDate|AccessionNumber|Pseudonym", written)

        assert checked.faults == ()
        assert len(checked.good) == 1

    @pytest.mark.parametrize(
        ("written", "column", "reason"),
        [
            ("|Doe, John|||CT", "PatientBirthDate", "the birth date is missing"),
            ("||1.2.1960||CT", "PatientName", "the name is missing"),
            ("||||CT", "PatientID", "Nothing says which patient"),
        ],
    )
    def test_says_what_is_missing_to_know_the_patient(self, written, column, reason):
        one = fault(queries("PatientID|PatientName|PatientBirthDate|AccessionNumber|Modality", written))

        assert (one.lines, one.column, one.value) == ((2,), column, "")
        assert reason in one.reason

    def test_is_not_told_twice_that_a_patient_is_missing(self):
        assert fault(queries("PatientName|PatientBirthDate", "Doe|31.2.1960")).value == "31.2.1960"
        lost = fault(queries("PatientID|Modality", "|CT", doubts={(2, 0): "Its formula has no value."}))
        assert (lost.column, lost.reason) == ("PatientID", "Its formula has no value.")

    @pytest.mark.parametrize(
        ("column", "value", "reason"),
        [
            ("PatientID", "004*", "exactly"),
            ("PatientID", "1.2E+10", "made a number"),
            ("PatientID", "1,23E+10", "made a number"),
            ("PatientID", "a\\b", "backslash"),
            ("PatientID", "a\nb", "line break"),
            ("PatientID", "#N/A", "formula"),
            ("PatientID", "#NV", "formula"),
            ("PatientID", "1" * 65, "64"),
            ("AccessionNumber", "A?", "exactly"),
            ("PatientName", "***", "no letters"),
            ("PatientName", "D" * 65, "64"),
            ("From", "01/02/2020", "day and what the month"),
            ("From", "31/12/2020", "day and what the month"),
            ("From", "1.2.20", "two digits"),
            ("From", "43831", "counts days"),
            ("From", "31.04.2020", "no such day"),
            ("From", "2021-02-29", "no such day"),
            ("From", "20201301", "no such day"),
            ("From", "last year", "no date"),
            ("From", "٢٠٢٠٠١٠١", "no date"),
            ("PatientBirthDate", "31.12.1849", "1850"),
            ("PatientBirthDate", "26.11.2026", "future"),
            ("Modality", "C", "2 to 16"),
            ("Modality", "CT*", "2 to 16"),
            ("Modality", "CT scan", "2 to 16"),
            ("Modality", ",", "2 to 16"),
            ("Modality", "C" * 17, "2 to 16"),
            ("SeriesNumber", "3-5", "whole number"),
            ("SeriesNumber", "1.5", "whole number"),
            ("SeriesNumber", ";", "whole number"),
            ("StudyDescription", "x" * 65, "64"),
            ("SeriesDescription", "a\\b", "backslash"),
            ("Pseudonym", "P^1", "none of"),
            ("Pseudonym", "P\\1", "none of"),
            ("Pseudonym", "x" * 65, "64"),
        ],
    )
    def test_has_nothing_in_a_cell_that_its_column_does_not_take(self, column, value, reason):
        # The other column says which patient, so that nothing else is wrong.
        one = fault(queries(f"{column}|{'Remarks' if column == 'PatientID' else 'MRN'}", [value, "77"]))

        assert (one.lines, one.column, one.value) == ((2,), column, value)
        assert reason in one.reason

    @pytest.mark.parametrize(
        "written", ["2020-01-05", "20200105", "05.01.2020", "5.1.2020", "2020-01-05 00:00:00", "05.01.2020 00:00"]
    )
    def test_takes_the_dates_that_can_be_understood_in_one_way(self, written):
        assert queries("PatientID|From", f"1|{written}").rows[0].first == date(2020, 1, 5)

    @given(st.dates(date(1850, 1, 1), TODAY))
    def test_takes_every_birth_date_in_each_of_its_forms(self, day):
        forms = (day.isoformat(), day.strftime("%Y%m%d"), f"{day.day}.{day.month}.{day.year}", day.strftime("%d.%m.%Y"))

        rows = queries(
            "PatientName|Geburtsdatum|Modality", *(f"Doe|{form}|M{at}" for at, form in enumerate(forms))
        ).rows

        assert [row.birth_date for row in rows] == [day] * 4

    def test_begins_before_it_ends(self):
        checked = queries("PatientID|From|bis", "1|2020-01-02|1.1.2020", "1|2.1.2020|20200102")

        assert (fault(checked).lines, fault(checked).column) == ((2,), "bis")

    def test_tells_of_doubts_in_the_columns_that_are_used_and_of_no_others(self):
        checked = queries(
            "PatientID|Ward", "1|17", "2|18", doubts={(2, 0): "It was a number", (3, 1): "It was a number"}
        )

        assert told(checked) == [((2,), "PatientID", "1", "It was a number.")]
        assert [row.patient_id for row in checked.good] == ["2"]

    def test_may_be_about_series_of_the_same_study_several_times(self):
        assert queries("PatientID|SeriesNumber", "1|2", "1|3").faults == ()

    def test_names_modalities_that_are_none_in_a_notice(self):
        checked = queries("PatientID|Modality", "1|MRT", "2|CT")

        assert checked.faults == ()
        assert checked.notices == ("MRT is no modality of DICOM (line 2); did you mean MR?",)


class TestARowOfATransfer:
    HEADER = "Patient ID|Study UID|Series UID|Pseudonym|Name|Geburtsdatum"

    def test_holds_all_that_its_line_says(self):
        checked = transfers(self.HEADER, "0042|1.2.3|1.2.3.4, 1.2.3.5;1.2.3.4|P-9|Doe, John|1.2.1960")

        assert checked.faults == ()
        assert checked.rows == (
            TransferRow((2,), "0042", "1.2.3", ("1.2.3.4", "1.2.3.5"), "P-9", "Doe^John", date(1960, 2, 1)),
        )

    @pytest.mark.parametrize(
        ("pseudonyms", "columns"),
        [
            (Pseudonyms.REQUIRED, ["Patient ID", "Study UID", "Pseudonym"]),
            (Pseudonyms.OPTIONAL, ["Patient ID", "Study UID"]),
        ],
    )
    def test_has_all_that_it_needs(self, pseudonyms, columns):
        checked = transfers(self.HEADER, "|||||1.2.1960", pseudonyms=pseudonyms)

        assert told(checked) == [((2,), column, "", "The cell is empty.") for column in columns]
        assert checked.rows == ()

    def test_is_not_told_twice_that_a_cell_is_empty(self):
        checked = transfers(self.HEADER, "|1.2.3", doubts={(2, 0): "Its formula has no value."})

        assert fault(checked).reason == "Its formula has no value."

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("1.2E+10", "made a number of this UID"),
            ("1,28401E+15", "made a number of this UID"),
            ("1.2.x", "digits and dots"),
            ("1.2.*", "not allowed"),
            ("1." * 33, "digits and dots"),
            ("12345678", "no UID but a number"),
            ("1.2.3, 1.2.4", "several"),
            ("#REF!", "formula"),
        ],
    )
    def test_names_its_study_by_a_uid(self, value, reason):
        one = fault(transfers(self.HEADER, ["1", value, "", "", "", ""]))

        assert (one.column, one.value) == ("Study UID", value)
        assert reason in one.reason

    def test_may_say_in_several_lines_which_series_of_a_study_are_meant(self):
        checked = transfers(self.HEADER, "1|1.2.3|1.2.3.4|P-A", "1|1.2.3|1.2.3.5|P-A")

        assert checked.faults == ()
        assert len(checked.good) == 2

    def test_is_left_out_where_a_query_found_no_study_for_it(self):
        checked = transfers(
            "PatientID|StudyInstanceUID|Status|Reason", "1|1.2.3|found|", "2||not found|The PACS knows none.", "3|||"
        )

        assert told(checked) == [((4,), "StudyInstanceUID", "", "The cell is empty.")]
        assert [row.patient_id for row in checked.good] == ["1"]
        assert "Left out, because a batch query could name no study for them: line 3." in checked.notices

    def test_has_to_be_decided_where_a_query_could_not_tell_who_is_meant(self):
        checked = transfers("PatientID|StudyInstanceUID|Status", "1|1.2.3|ambiguous", "2||ambiguous", "3|1.2.4|found")

        assert (fault(checked).lines, fault(checked).column, fault(checked).value) == ((2,), "Status", "ambiguous")
        assert [row.patient_id for row in checked.good] == ["3"]

    @pytest.mark.parametrize("name", ["*", "^^^^", "0815", "a\\b", "x" * 99])
    def test_may_have_the_name_and_birth_date_that_a_pacs_has(self, name):
        checked = transfers(self.HEADER, ["1", "1.2.3", "", "", name, "18000101"])

        assert checked.faults == ()
        assert checked.rows[0].birth_date == date(1800, 1, 1)


class TestAFile:
    HEADER = "PatientID|StudyInstanceUID|Pseudonym|PatientName"

    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            (
                ["1|1.1|A|", "1|1.2|B|", "2|1.3|C|", "1|1.4|A|"],
                ((2, 3, 5), "Pseudonym", "A and B", "One patient has more than one pseudonym."),
            ),
            (
                ["1|1.1|A|", "2|1.2|a|", "1|1.4|A|"],
                ((2, 3, 4), "Pseudonym", "A", "More than one patient has this pseudonym."),
            ),
            (
                ["1|1.1|A|", "2|1.1|B|", "3|1.2|C|"],
                ((2, 3), "StudyInstanceUID", "1.1", "The study is under more than one patient."),
            ),
            (
                ["1|1.1|A|", "1|1.1||", "3|1.2|C|"],
                ((2, 3), "Pseudonym", "A", "Some lines of one patient have a pseudonym, and others have none."),
            ),
            (["12345|1.1|P12345|"], ((2,), "Pseudonym", "P12345", "The pseudonym holds the PatientID.")),
            (
                ["1|1.1|P-DOE|Doe, John"],
                ((2,), "Pseudonym", "P-DOE", "The pseudonym holds a part of the patient's name."),
            ),
            (
                ["1|1.1|P-DOE|", "1|1.2|P-DOE|Doe, John"],
                ((2, 3), "Pseudonym", "P-DOE", "The pseudonym holds a part of the patient's name."),
            ),
            (
                ["12345|1.1|X67890|", "67890|1.2|12345|", "X67890|1.3|Y|"],
                None,
            ),
        ],
    )
    def test_does_not_contradict_itself(self, lines, expected):
        checked = transfers(self.HEADER, *lines)

        if expected is None:
            assert {(one.lines, one.reason) for one in checked.faults} == {
                ((2,), "This is the PatientID of another line's patient."),
                ((3,), "This is the PatientID of another line's patient."),
            }
        else:
            assert told(checked) == [expected]
            assert not {line for row in checked.good for line in row.lines} & set(expected[0])

    def test_contradicts_itself_also_in_lines_that_have_other_faults(self):
        checked = transfers(self.HEADER, "1|1.1|A|", "1|x|B|", "|1.1|C|")

        assert {(one.lines, one.reason) for one in checked.faults} >= {
            ((2, 3), "One patient has more than one pseudonym."),
            ((2, 4), "One study has more than one pseudonym."),
        }
        assert checked.good == ()

    def test_of_queries_knows_patients_by_name_and_birth_date_too(self):
        header = "PatientID|PatientName|PatientBirthDate|Pseudonym"
        checked = queries(header, "|Müller, Jo|1.2.1960|A", "|MUELLER^JO|19600201|B", "|Meier, Jo|19600201|A", "5|||B")

        assert {(one.lines, one.reason) for one in checked.faults} == {
            ((2, 3), "One patient has more than one pseudonym."),
            ((2, 4), "More than one patient has this pseudonym."),
        }

    def test_of_queries_does_not_take_patients_for_the_same_whose_names_are_patterns(self):
        checked = queries("PatientName|PatientBirthDate|Pseudonym", "Do*|1.2.1960|A", "Do*|1.2.1960|B")

        assert checked.faults == ()

    def test_of_queries_holds_pseudonyms_against_names_in_lines_that_have_none(self):
        checked = queries("PatientID|PatientName|Pseudonym", "1|Doe, John|", "1||P-DOE")

        assert told(checked) == [
            ((3,), "Pseudonym", "P-DOE", "The pseudonym holds a part of the patient's name."),
        ]

    def test_of_queries_may_have_pseudonyms_in_some_lines(self):
        assert queries("PatientID|Pseudonym|Modality", "1|A|CT", "1||MR", "2||CT").faults == ()

    def test_says_all_that_is_wrong_at_once_in_the_order_of_its_lines(self):
        checked = transfers("StudyInstanceUID|Pseudonym", "1.2.3|A^", "x|B", "1.2.3|C", header=3)

        assert [one.lines for one in checked.faults] == [(3,), (4,), (5,)]
        assert checked.faults[0].reason == "The column is missing."

    def test_has_no_good_lines_below_a_bad_header(self):
        checked = queries("PatientID|Patienten-ID", "1|1", "2|2")

        assert checked.good == ()
        assert checked.bad_lines == {2, 3}

    def test_needs_a_column_by_which_a_patient_is_known(self):
        checked = queries("PatientName|Modality", "Doe|CT", "|MR")

        assert checked.faults[0].lines == (1,)
        assert "Nothing says which patient" in checked.faults[0].reason

    def test_needs_a_line(self):
        assert fault(queries("PatientID")).reason == "There is no line below the header."

    def test_has_identical_lines_merged_however_they_are_written(self):
        checked = queries(
            "PatientID|From|Remarks", "1|1.2.2020|a", "2||", "1|20200201|b", "1|2020-02-01|", "1|2020-02-02|"
        )

        assert [row.lines for row in checked.rows] == [(2, 4, 5), (3,), (6,)]
        assert checked.merged == 2
        assert "Identical lines count once: 4 (as 2) and 5 (as 2)." in checked.notices

    def test_tells_of_ids_that_may_have_lost_their_zeros(self):
        checked = queries("PatientID", "0042", "42", "43")

        assert checked.faults == ()
        assert len(checked.notices) == 1
        assert "'0042' (line 2) and '42' (line 3)" in checked.notices[0]

    def test_tells_of_lines_without_a_pseudonym(self):
        checked = transfers(self.HEADER, "1|1.1|A|", "2|1.2||")

        assert checked.faults == ()
        assert checked.notices[-1].startswith("Without a pseudonym, while others have one: line 3.")

    def test_begins_its_notices_with_those_of_reading(self):
        assert queries("PatientID", "1", notices=("A formula was read.",)).notices == ("A formula was read.",)

    def test_of_a_hundred_thousand_lines_with_an_error_each_is_told_in_seconds(self):
        lines = [(f"{at:07}", f"1.2.{at}x", f"Q{at:x}", f"Doe, J{at:x}") for at in range(100_000)]
        large = sheet(self.HEADER, *lines)
        begun = time.process_time()

        checked = check_transfers(large, pseudonyms=Pseudonyms.REQUIRED)

        (group,) = (one for one in grouped(checked) if one.column == "StudyInstanceUID")
        assert group.count == 100_000
        assert len(errors_of(checked)) == 100_000
        assert time.process_time() - begun < within(5)

    def test_of_one_patient_with_very_many_names_and_pseudonyms_is_told_in_seconds(self):
        lines = [("0815", f"1.2.{at}", f"Q{at:x}", f"Doe, J{at:x}") for at in range(20_000)]
        large = sheet(self.HEADER, *lines)
        begun = time.process_time()

        checked = check_transfers(large, pseudonyms=Pseudonyms.REQUIRED)

        assert "One patient has more than one pseudonym." in {one.reason for one in checked.faults}
        assert time.process_time() - begun < within(5)


class TestTellingFaults:
    @pytest.fixture
    def checked(self):
        return transfers("PatientID|StudyInstanceUID|Pseudonym", "1|x|A", "1|y|B", "2|1.2|C", "3||D")

    def test_puts_the_same_mistakes_together_with_how_many_and_where(self, checked):
        assert [(group.column, group.count, group.lines, group.values) for group in grouped(checked)] == [
            ("StudyInstanceUID", 2, (2, 3), ("x", "y")),
            ("Pseudonym", 1, (2, 3), ("A and B",)),
            ("StudyInstanceUID", 1, (5,), ()),
        ]

    def test_has_a_sentence_for_each_line_and_fault(self, checked):
        errors = errors_of(checked)

        assert sorted(errors) == [2, 3, 5]
        assert errors[2] == [
            "StudyInstanceUID 'x': This is no UID: a UID is 1 to 64 digits and dots.",
            "Pseudonym 'A and B': One patient has more than one pseudonym. (lines 2 and 3)",
        ]
        assert errors[5] == ["StudyInstanceUID: The cell is empty."]

    def test_says_what_is_wrong_with_the_header_in_the_first_line_below(self):
        errors = errors_of(queries("Modality", "CT", "MR"))

        assert list(errors) == [2]

    def test_is_json(self, checked):
        written = json.loads(json.dumps(faults_json(checked)))

        assert (written["lines"], written["rows"], written["good"], written["merged"]) == (4, 1, 1, 0)
        assert written["columns"][0] == {"written": "PatientID", "taken_for": "PatientID"}
        assert written["faults"][0] == {
            "lines": [2],
            "column": "StudyInstanceUID",
            "value": "x",
            "reason": "This is no UID: a UID is 1 to 64 digits and dots.",
        }

    def test_keeps_sentences_short(self):
        checked = transfers(
            "PatientID|StudyInstanceUID|Pseudonym", ["1", "x" * 5000, ""], *([f"1|1.{at}|P{at}x" for at in range(99)])
        )

        assert all(len(sentence) < 400 for sentences in errors_of(checked).values() for sentence in sentences)
        assert len(checked.faults[0].value) == 200


CELLS = st.sampled_from(
    ("", "1", "01", "1.2.3", "1.2.4", "2020-01-01", "1.1.2020", "Doe, John", "CT", "P1", "p1", "*", "1.2E+10", "#N/A")
) | st.text(max_size=6)  # fmt: skip


class TestAnyFile:
    @given(st.lists(st.lists(CELLS, min_size=6, max_size=6), max_size=6))
    def test_has_each_line_in_one_row_or_among_the_bad_ones(self, lines):
        query = queries("PatientID|PatientName|PatientBirthDate|From|Modality|Pseudonym", *lines)
        transfer = transfers("PatientID|StudyInstanceUID|SeriesInstanceUID|PatientName|Modality|Pseudonym", *lines)

        for checked in (query, transfer):
            good = [line for row in checked.good for line in row.lines]
            bad = checked.bad_lines & set(checked.lines)
            assert sorted([*good, *bad]) == list(checked.lines)
            assert checked.merged == sum(len(row.lines) - 1 for row in checked.rows)
            assert set(errors_of(checked)) == (bad if lines else {2})
            assert len({row.lines for row in checked.rows}) == len(checked.rows)
            for row in checked.rows:
                assert type(row).from_json(json.loads(json.dumps(row.to_json()))) == row

    @given(st.lists(st.lists(CELLS, min_size=4, max_size=4), max_size=6), st.randoms())
    def test_has_the_same_good_lines_in_any_order(self, lines, shuffled):
        header = "PatientID|StudyInstanceUID|PatientName|Pseudonym"
        other = list(lines)
        shuffled.shuffle(other)

        assert {(r.patient_id, r.study, r.pseudonym) for r in transfers(header, *lines).good} == {
            (r.patient_id, r.study, r.pseudonym) for r in transfers(header, *other).good
        }
