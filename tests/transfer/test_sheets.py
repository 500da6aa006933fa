import random

import pytest

from adit.transfer.sheets.reading import BadSheet, Row, read_sheet
from tests.transfer.sheets import by_hand
from tests.transfer.sheets.with_openpyxl import FILES


class TestASheet:
    def test_has_its_texts_by_column_and_line(self):
        sheet = read_sheet(b"PatientID;Modality\n007;CT\n\n008;\n", "list.csv")

        assert (sheet.name, sheet.worksheet, sheet.worksheets) == ("list.csv", "", ())
        assert sheet.columns == ("PatientID", "Modality")
        assert sheet.rows == (Row(2, ("007", "CT")), Row(4, ("008", "")))

    @pytest.mark.parametrize("worksheet", ["Patients", ""])
    def test_of_a_workbook_is_the_worksheet_that_was_chosen(self, worksheet):
        sheet = read_sheet(FILES["several-worksheets.xlsx"], "list.xlsx", worksheet=worksheet)

        assert sheet.worksheet == "Patients"
        assert any("worksheets; 'Patients' was read" in notice for notice in sheet.notices) is not bool(worksheet)

    def test_may_be_a_hidden_one_where_it_was_chosen(self):
        sheet = read_sheet(FILES["several-worksheets.xlsx"], "list.xlsx", worksheet="Old")

        assert sheet.columns == ("PatientID",)
        assert sheet.notices == ("The worksheet 'Old' is hidden in Excel; it was read all the same.",)

    def test_that_was_chosen_and_is_not_there_is_refused_with_those_that_are(self):
        with pytest.raises(BadSheet, match="no worksheet 'New': choose one of 'Old', 'Cover', 'Patients', 'Secret'"):
            read_sheet(FILES["several-worksheets.xlsx"], "list.xlsx", worksheet="New")

    def test_that_was_chosen_and_is_empty_is_refused(self):
        with pytest.raises(BadSheet, match="Nothing is in"):
            read_sheet(FILES["several-worksheets.xlsx"], "list.xlsx", worksheet="Cover")

    def test_does_not_take_a_date_for_a_header(self):
        sheet = read_sheet(b"2024-01-01;12\nPatientID;Modality\n7;CT\n", "list.csv")

        assert sheet.header == 2


class TestAFileWithDamage:
    @pytest.mark.parametrize("name", sorted(by_hand.FILES.keys() | FILES.keys()))
    def test_is_read_or_refused_but_never_stops_us(self, name):
        """Bytes changed, left out and put in by chance, the same ones each time."""
        content = {**by_hand.FILES, **FILES}[name]
        chance = random.Random(name)
        for _ in range(20):
            damaged = bytearray(content)
            for _ in range(chance.randint(1, 4)):
                at = chance.randrange(len(damaged) + 1)
                damaged[at : at + chance.choice((0, 1, 9))] = bytes([chance.randrange(256)])
            try:
                sheet = read_sheet(bytes(damaged), name)
            except BadSheet as bad:
                refused = str(bad)
            else:
                refused = ""
            assert refused.endswith(".") or len(sheet.columns) > 0
