from collections import Counter
from pathlib import Path

import pytest

from adit.transfer.batches.columns import COLUMNS_OF, QUERY, TRANSFER
from adit.transfer.batches.headings import kind_of, names_of, read_headings

MANUAL = Path(__file__).parents[2] / "docs" / "user" / "batch-files.md"

KINDS = pytest.mark.parametrize("kind", [QUERY, TRANSFER])


def taken(written: str, kind: str) -> str:
    return read_headings([written], kind, required=()).taken[0].keyword


class TestAColumn:
    @KINDS
    def test_is_the_only_one_of_its_kind_that_has_its_names(self, kind):
        names = Counter(
            "".join(filter(str.isalnum, name.casefold()))
            for column in COLUMNS_OF[kind]
            for name in {"".join(filter(str.isalnum, name.casefold())) for name in names_of(column)}
        )

        assert [name for name, times in names.items() if times > 1] == []

    @KINDS
    def test_is_known_by_each_of_its_names(self, kind):
        for column in COLUMNS_OF[kind]:
            assert {taken(name, kind) for name in names_of(column)} == {column.keyword}

    @KINDS
    def test_says_what_it_is(self, kind):
        for column in COLUMNS_OF[kind]:
            assert column.explanation.endswith(".")
            assert column.example
            assert column.required

    @KINDS
    def test_is_explained_in_the_manual_as_in_the_templates(self, kind):
        manual = MANUAL.read_text(encoding="utf-8").splitlines()

        for column in COLUMNS_OF[kind]:
            cells = (column.keyword, column.required, column.explanation, f"`{column.example}`")
            assert f"| {' | '.join(cells)} |" in manual


class TestAHeader:
    @pytest.mark.parametrize(
        ("written", "keyword"),
        [
            ("patient id", "PatientID"),
            ("PATIENT_ID", "PatientID"),
            ("Patient-ID", "PatientID"),
            ("\ufeffPatientID", "PatientID"),
            ("Patienten-ID", "PatientID"),
            ("Patienten­nummer", "PatientID"),
            ("(0010,0020)", "PatientID"),
            ("PatientID (with zeros)", "PatientID"),
            ("Patient's Name", "PatientName"),
            ("Geburtsdatum (TT.MM.JJJJ)", "PatientBirthDate"),
            ("Geb.-Datum", "PatientBirthDate"),
            ("accession no.", "AccessionNumber"),
            ("von", "From"),
            ("Bis", "Until"),
            ("Modalität", "Modality"),
            ("MODALITAET", "Modality"),
            ("Ｍｏｄａｌｉｔｙ", "Modality"),
            ("Serien-Nr.", "SeriesNumber"),
            ("pseudonym ", "Pseudonym"),
            ("Vorname", ""),
            ("Remarks", ""),
        ],
    )
    def test_is_understood_however_it_is_written(self, written, keyword):
        assert taken(written, QUERY) == keyword

    @pytest.mark.parametrize(
        ("written", "keyword"),
        [
            ("study uid", "StudyInstanceUID"),
            ("Study_Instance_UID", "StudyInstanceUID"),
            ("0020000D", "StudyInstanceUID"),
            ("Serien-UIDs", "SeriesInstanceUID"),
            ("Modality", ""),
        ],
    )
    def test_is_understood_by_what_its_kind_has(self, written, keyword):
        assert taken(written, TRANSFER) == keyword

    def test_says_where_each_column_is_and_how_the_file_calls_it(self):
        headings = read_headings(["Remarks", "Patienten-ID", "von"], QUERY, required=())

        assert headings.at == {"PatientID": 1, "From": 2}
        assert headings.name("PatientID") == "Patienten-ID"
        assert headings.name("Until") == "Until"

    def test_misses_each_column_that_is_required(self):
        headings = read_headings(["Pseudonym"], TRANSFER, required=("PatientID", "StudyInstanceUID", "Pseudonym"))

        assert [(column, reason) for column, _, reason in headings.faults] == [
            ("PatientID", "The column is missing."),
            ("StudyInstanceUID", "The column is missing."),
        ]

    def test_has_no_column_twice_and_names_both(self):
        headings = read_headings(["PatientID", "von", "Patienten-ID"], QUERY, required=())

        ((column, _, reason),) = headings.faults
        assert column == "PatientID"
        assert "'PatientID' and 'Patienten-ID'" in reason

    def test_names_what_is_not_used_with_what_may_have_been_meant(self):
        headings = read_headings(
            ["PatientID", "Acession Number", "Ward", "StudyDate", "Vorname", "Line"], QUERY, required=()
        )

        assert headings.faults == ()
        near, day, name, others = headings.notices
        assert near == "Column 'Acession Number' is not used; did you mean AccessionNumber?"
        assert "From and Until" in day
        assert "PatientName" in name
        assert others == "Columns that are not used in a batch query: 'Ward' and 'Line'."

    def test_that_adit_wrote_is_not_told_how_to_call_its_columns(self):
        of_export = ["Line", "Status", "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "StudyDate", "Series"]

        headings = read_headings(of_export, TRANSFER, required=())

        assert headings.notices == (
            "Columns that are not used in a batch transfer: 'Line', 'Status', 'StudyDate' and 'Series'.",
        )

    def test_suggests_no_column_that_is_there(self):
        headings = read_headings(["PatientID", "PatientIDs2"], QUERY, required=())

        assert headings.notices == ("A column that is not used in a batch query: 'PatientIDs2'.",)

    def test_of_a_transfer_does_not_let_a_misspelt_pseudonym_be_ignored(self):
        headings = read_headings(["PatientID", "StudyInstanceUID", "Pseudonim"], TRANSFER, required=())

        ((column, _, reason),) = headings.faults
        assert column == "Pseudonim"
        assert "misspelt" in reason


class TestTheKindOfAFile:
    def test_is_a_transfer_where_studies_are_named(self):
        assert kind_of(["Patient", "study uid"]) == TRANSFER

    def test_is_a_query_where_they_are_looked_for(self):
        assert kind_of(["PatientID", "from"]) == QUERY
