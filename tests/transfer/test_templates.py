import io

import pytest
from openpyxl import load_workbook

from adit.transfer.batches.columns import COLUMNS_OF, QUERY, TRANSFER
from adit.transfer.batches.templates import EXAMPLES, EXPLANATIONS, template
from adit.transfer.batches.validating import Pseudonyms, check_queries, check_transfers
from adit.transfer.sheets.reading import read_sheet
from tests.transfer.sheets_made import TODAY

KINDS = pytest.mark.parametrize("kind", [QUERY, TRANSFER])
FORMS = pytest.mark.parametrize("form", ["csv", "xlsx"])


def checked(kind, form):
    sheet = read_sheet(template(kind, form), f"template.{form}")
    if kind == QUERY:
        return check_queries(sheet, today=TODAY)
    return check_transfers(sheet, pseudonyms=Pseudonyms.REQUIRED)


class TestATemplate:
    @KINDS
    @FORMS
    def test_is_right_as_it_is(self, kind, form):
        found = checked(kind, form)

        assert found.faults == ()
        assert len(found.good) == len(EXAMPLES[kind])
        assert [taken.keyword for taken in found.columns] == [column.keyword for column in COLUMNS_OF[kind]]

    @KINDS
    def test_holds_the_same_as_csv_and_as_workbook(self, kind):
        assert checked(kind, "csv").rows == checked(kind, "xlsx").rows

    @KINDS
    def test_explains_every_column_in_a_second_worksheet(self, kind):
        workbook = load_workbook(io.BytesIO(template(kind, "xlsx")))

        (header, *rows) = workbook[EXPLANATIONS].iter_rows(values_only=True)
        assert workbook.sheetnames[1] == EXPLANATIONS
        assert header[:4] == ("Column", "Required", "What it is", "Example")
        assert [row[:4] for row in rows] == [
            (column.keyword, column.required, column.explanation, column.example) for column in COLUMNS_OF[kind]
        ]

    @KINDS
    def test_keeps_what_is_typed_into_it_as_text(self, kind):
        sheet = load_workbook(io.BytesIO(template(kind, "xlsx"))).worksheets[0]

        formats = {sheet.column_dimensions[cell.column_letter].number_format for cell in sheet[1]}
        assert formats == {"@"}
