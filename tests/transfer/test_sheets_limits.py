"""Files that want more than they get, and files that are large and get it."""

from __future__ import annotations

import io
import time
import tracemalloc
import zipfile

import pytest

from adit.transfer.sheets.reading import BadSheet, read_sheet
from tests.pace import within
from tests.transfer.sheets.by_hand import rows, workbook

_SHEET = "xl/worksheets/sheet1.xml"


def _row(line: int, cells: str) -> bytes:
    return f'<row r="{line}">{cells}</row>'.encode()


class TestAWorkbookThatIsABomb:
    def test_is_refused_by_what_it_says_of_its_size(self):
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            file.writestr("_rels/.rels", b"")
            with file.open(_SHEET, "w", force_zip64=True) as part:
                for _ in range(257):
                    part.write(bytes(1 << 20))

        with pytest.raises(BadSheet, match="larger than 256 MB when decompressed"):
            read_sheet(written.getvalue(), "bomb.xlsx")

    def test_is_read_no_further_than_the_size_that_it_admits(self):
        bomb = bytearray(workbook(rows(_row(2, '<c r="A2"><v>7</v></c>') + b" " * 100_000)))
        sizes = bomb.rindex(_SHEET.encode(), 0, bomb.rindex(b"PK\x05\x06")) - 46 + 24
        bomb[sizes : sizes + 4] = (500).to_bytes(4, "little")

        with pytest.raises(BadSheet, match="damaged"):
            read_sheet(bytes(bomb), "bomb.xlsx")

    def test_of_empty_elements_is_left_after_as_many_as_a_table_could_have(self):
        many = workbook(rows(b"<a/>" * 13_100_000))

        with pytest.raises(BadSheet, match="more than 250,000 lines"):
            read_sheet(many, "bomb.xlsx")

    def test_of_entities_is_not_expanded(self):
        entities = "".join(f'<!ENTITY e{one} "&e{one - 1};&e{one - 1};">' for one in range(1, 40))
        bomb = workbook(f'<!DOCTYPE x [<!ENTITY e0 "x">{entities}]><x>&e39;</x>'.encode())

        with pytest.raises(BadSheet, match="damaged"):
            read_sheet(bomb, "bomb.xlsx")

    def test_of_merged_areas_is_refused(self):
        content = rows(b"".join(_row(line, f'<c r="B{line}"><v>7</v></c>') for line in range(2, 1002)))
        areas = b'<mergeCell ref="A1:XFD1048576"/>' * 600
        bomb = workbook(content.replace(b"</worksheet>", b"<mergeCells>%b</mergeCells></worksheet>" % areas))

        with pytest.raises(BadSheet, match="too many merged cells"):
            read_sheet(bomb, "bomb.xlsx")

    def test_of_columns_is_refused_before_its_lines_are_filled_up(self):
        wide = ";".join(f"c{at}" for at in range(5_000)) + "\n" + "1\n" * 1_000

        with pytest.raises(BadSheet, match="4,000,000 cells"):
            read_sheet(wide.encode(), "wide.csv")


class TestALongTable:
    """Of 100,000 lines and 10 columns."""

    def test_of_excel_is_read_in_ten_seconds_and_holds_little_more_than_its_texts(self):
        content = _large_workbook()

        started = time.monotonic()
        sheet = read_sheet(content, "large.xlsx")
        taken = time.monotonic() - started

        assert len(sheet.rows) == 100_000
        assert sheet.rows[-1].cells[:2] == ("00099999", "1.2.840.113619.2.99999")
        assert taken < within(10)

    def test_of_csv_is_read_in_ten_seconds(self):
        content = "\n".join([";".join(_TITLES), *(";".join(_cells(at)) for at in range(100_000))]).encode()

        started = time.monotonic()
        sheet = read_sheet(content, "large.csv")
        taken = time.monotonic() - started

        assert len(sheet.rows) == 100_000
        assert sheet.rows[-1].line == 100_001
        assert taken < within(10)

    def test_of_more_than_250_000_lines_is_refused(self):
        with pytest.raises(BadSheet, match="more than 250,000 lines"):
            read_sheet(b"PatientID\n" + b"7\n" * 250_001, "long.csv")

    def test_of_excel_needs_no_more_memory_than_two_hundred_bytes_a_cell(self):
        content = _large_workbook(lines=10_000)

        tracemalloc.start()
        read_sheet(content, "large.xlsx")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert peak < 10_000 * 10 * 200


_TITLES = tuple(f"Column{at}" for at in range(10))


def _cells(at: int) -> list[str]:
    return [f"{at:08}", f"1.2.840.113619.2.{at}", f"Doe^John {at % 5000}", "1954-03-12", f"A{at}", *["2024-01-01"] * 5]


def _large_workbook(*, lines: int = 100_000) -> bytes:
    """Written as Excel does: texts that occur again are shared."""
    texts: dict[str, int] = {}
    table = [_TITLES, *(_cells(at) for at in range(lines))]
    body = "".join(
        "<row>" + "".join(f'<c t="s"><v>{texts.setdefault(text, len(texts))}</v></c>' for text in row) + "</row>"
        for row in table
    )
    shared = "".join(f"<si><t>{text}</t></si>" for text in texts)
    content = io.BytesIO(workbook(f"<worksheet><sheetData>{body}</sheetData></worksheet>".encode()))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/sharedStrings.xml", f"<sst>{shared}</sst>")
    return content.getvalue()
