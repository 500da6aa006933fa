"""Files that go back with more columns, and tables that are written anew."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.table import Table

from adit.transfer.sheets.reading import read_sheet
from adit.transfer.sheets.returning import new_table, with_columns
from tests.transfer.sheets.by_hand import workbook
from tests.transfer.sheets.with_openpyxl import FILES


def _read(content, name="list.xlsx"):
    return read_sheet(content, name)


def _added(content, titles, values, **more):
    return with_columns(content, "list", _read(content), titles, values, **more)


class TestACSV:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "cp1252"])
    @pytest.mark.parametrize("delimiter", [";", ",", "\t"])
    @pytest.mark.parametrize("end", ["\r\n", "\n"])
    def test_keeps_its_encoding_separator_and_ends_of_lines(self, encoding, delimiter, end):
        mark = "\ufeff" if encoding == "utf-16-le" else ""
        lines = [["PatientID", "PatientName"], ["007", "Müller"]]
        content = (mark + "".join(delimiter.join(line) + end for line in lines)).encode(encoding)

        returned = _added(content, ["Errors"], {2: ["Süß"]})

        expected = [["PatientID", "PatientName", "Errors"], ["007", "Müller", "Süß"]]
        assert returned == (mark + "".join(delimiter.join(line) + end for line in expected)).encode(encoding)

    def test_keeps_every_sign_of_its_lines(self):
        content = b'sep=;\r\nOur list;;\r\n\r\n"PatientID";=Name\r\n="007";"a\r\nb"\r\n;\r\n"8"'

        returned = _added(content, ["Errors"], {5: ["x;y"]})

        assert returned == (
            b'sep=;\r\nOur list;;\r\n\r\n"PatientID";=Name;Errors\r\n="007";"a\r\nb";"x;y"\r\n;\r\n"8";;\r\n'
        )

    def test_gets_the_columns_of_last_time_anew(self):
        once = _added(b"PatientID;Errors;Modality\n1;old;CT\n2;old\n", ["errors", "Status"], {2: ["new", "a\nb"]})

        assert once == b'PatientID;errors;Modality;Status\n1;new;CT;"a\nb"\n2;;;\n'

    def test_gets_nothing_that_would_be_computed(self):
        returned = _added(b"PatientID\n1\n", ["Reason"], {2: ["=HYPERLINK(1)"]})

        assert returned == b"PatientID;Reason\n1;'=HYPERLINK(1)\n"
        assert _read(returned).rows[0].cells == ("1", "=HYPERLINK(1)")

    def test_of_chosen_lines_has_its_header_and_these(self):
        content = b"Our list;\n\nPatientID;Modality\n1;CT\n\n2;MR\n3;US\n"

        assert _added(content, ["Errors"], {6: ["x"]}, lines=[6, 7]) == (
            b"Our list;\n\nPatientID;Modality;Errors\n2;MR;x\n3;US;\n"
        )

    def test_whose_encoding_cannot_hold_the_new_texts_becomes_utf_8(self):
        returned = _added("PatientID;N\n1;Ü\n".encode("cp1252"), ["Name"], {2: ["Łukasz"]})

        assert returned.decode("utf-8-sig") == "PatientID;N;Name\n1;Ü;Łukasz\n"


class TestAWorkbook:
    def test_keeps_everything_else_byte_for_byte(self):
        content = _dressed()

        returned = _added(content, ["Errors"], {2: ["wrong"]})

        old, new = zipfile.ZipFile(io.BytesIO(content)), zipfile.ZipFile(io.BytesIO(returned))
        changed = {name for name in old.namelist() if old.read(name) != new.read(name)}
        assert set(old.namelist()) == set(new.namelist())
        assert changed == {"xl/worksheets/sheet1.xml"}

    def test_has_the_new_columns_after_the_last_one_with_the_look_of_the_header(self):
        sheet = openpyxl.load_workbook(io.BytesIO(_added(_dressed(), ["Errors", "Line"], {2: ["<a> & b", "2"]})))[
            "Patients"
        ]

        assert [cell.value for cell in sheet[1]][:4] == ["PatientID", "Worth", "Errors", "Line"]
        assert [cell.value for cell in sheet[2]][:4] == ["007", 1234, "<a> & b", "2"]
        assert sheet["C1"].font.bold
        assert sheet["B2"].number_format == "000000"
        assert sheet["B3"].value == "=B2+1"
        assert sheet.freeze_panes == "A2"
        assert sheet["A2"].comment.text == "look"
        assert sheet.tables["List"].ref == "A1:B4"
        assert sheet.data_validations.dataValidation[0].sqref.ranges

    def test_is_read_again_as_it_was_with_what_was_added(self):
        for name, content in FILES.items():
            if "empty" in name:
                continue
            before = _read(content)

            after = _read(_added(content, ["Status"], {row.line: [f"ok {row.line}"] for row in before.rows}))

            assert after.columns == (*before.columns, "Status"), name
            assert [row.cells for row in after.rows] == [(*row.cells, f"ok {row.line}") for row in before.rows], name
            assert [(row.line, row.doubts) for row in after.rows] == [(row.line, row.doubts) for row in before.rows], (
                name
            )

    def test_gets_the_columns_of_last_time_anew_and_cells_stay_in_their_order(self):
        once = _added(_dressed(), ["Errors", "Status"], {2: ["old", "x"], 4: ["old", "y"]})

        again = _added(once, ["Receipt", "Errors"], {2: ["r", ""], 3: ["r", "new"]})

        sheet = openpyxl.load_workbook(io.BytesIO(again))["Patients"]
        assert [[cell.value for cell in row][2:5] for row in sheet.iter_rows()] == [
            ["Errors", "Status", "Receipt"],
            [None, "x", "r"],
            ["new", None, "r"],
            [None, "y", None],
        ]
        part = zipfile.ZipFile(io.BytesIO(again)).read("xl/worksheets/sheet1.xml")
        assert part.index(b'r="C3"') < part.index(b'r="E3"')

    def test_of_chosen_lines_has_them_one_below_the_other_with_their_look(self):
        content = _dressed()

        returned = _added(content, ["Errors"], {4: ["wrong"]}, lines=[3, 4])

        sheet = openpyxl.load_workbook(io.BytesIO(returned))["Patients"]
        assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
            ["PatientID", "Worth", "Errors"],
            ["008", None, None],
            ["009", 3, "wrong"],
        ]
        assert sheet["B3"].number_format == "000000"
        assert sheet["A2"].comment is None
        assert openpyxl.load_workbook(io.BytesIO(returned)).sheetnames == ["Patients", "Other"]
        assert not sheet.row_dimensions[2].hidden

    def test_whose_cells_do_not_say_where_they_are_is_written_too(self):
        content = workbook(
            b'<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData><x:row>'
            b'<x:c t="str"><x:v>PatientID</x:v></x:c></x:row><x:row/><x:row spans="1:1"><x:c t="str"><x:v>7</x:v></x:c>'
            b'<x:c s="1"/><x:c/></x:row></x:sheetData></x:worksheet>'
        )

        after = _read(_added(content, ["Errors"], {3: ["wrong\x00"]}))

        assert after.columns == ("PatientID", "Errors")
        assert [(row.line, row.cells) for row in after.rows] == [(3, ("7", "wrong"))]

    def test_without_the_order_of_its_formulas_lets_excel_find_it(self):
        with_chain = io.BytesIO(_dressed())
        with zipfile.ZipFile(with_chain, "a") as file:
            file.writestr("xl/calcChain.xml", b"<calcChain/>")

        returned = zipfile.ZipFile(io.BytesIO(_added(with_chain.getvalue(), ["Errors"], {})))

        assert "xl/calcChain.xml" not in returned.namelist()


class TestANewTable:
    @pytest.mark.parametrize("form", ["csv", "xlsx"])
    def test_is_read_as_it_was_written(self, form):
        rows = [
            ("007", "=1+1", "1.10"),
            ("12345678901234567890", "Müller^Łukasz", "2024-01-01"),
            ("", "a;b,c\t\nd", "-x"),
        ]

        sheet = _read(new_table(["PatientID", "Text", "Number"], rows, form=form, title="Found: [CT]"))

        assert sheet.columns == ("PatientID", "Text", "Number")
        assert [row.cells for row in sheet.rows] == rows
        assert not any(row.doubts for row in sheet.rows)
        assert not sheet.notices

    def test_of_excel_has_texts_that_stay_texts_and_its_title(self):
        book = openpyxl.load_workbook(io.BytesIO(new_table(["A"], [["=1+1"], ["a\x01b"]], form="xlsx", title="x" * 40)))

        assert book.sheetnames == ["x" * 31]
        assert [(cell.value, cell.data_type, cell.number_format) for (cell,) in book.worksheets[0]["A2:A3"]] == [
            ("'=1+1", "s", "@"),
            ("ab", "s", "@"),
        ]
        assert book.worksheets[0]["A1"].font.bold
        assert book.worksheets[0].freeze_panes == "A2"

    @pytest.mark.parametrize("form", ["csv", "xlsx"])
    def test_may_have_no_rows(self, form):
        assert _read(new_table(["PatientID"], [], form=form)).columns == ("PatientID",)


def _dressed() -> bytes:
    """With all that people put into a workbook."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Patients"
    for row in (("PatientID", "Worth"), ("007", 1234), ("008", "=B2+1"), ("009", 3)):
        sheet.append(row)
    sheet["A1"].font = sheet["B1"].font = Font(bold=True)
    sheet["B2"].number_format = sheet["B4"].number_format = "000000"
    sheet["D2"].font = Font(italic=True)
    sheet["A2"].comment = Comment("look", "me")
    sheet.freeze_panes = "A2"
    sheet.row_dimensions[3].hidden = True
    sheet.add_table(Table(displayName="List", ref="A1:B4"))
    sheet.merge_cells("F2:F3")
    sheet.add_data_validation(DataValidation("list", formula1='"1,2"', sqref="B2:B9"))
    book.create_sheet("Other").append(["x"])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()
