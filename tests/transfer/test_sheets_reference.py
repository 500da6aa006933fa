"""Where pandas reads a spreadsheet well, as text, we read the same (docs/decisions/0019)."""

from __future__ import annotations

import io

import pandas
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from adit.transfer.sheets.reading import read_sheet
from adit.transfer.sheets.returning import new_table

_LETTERS = st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="'=+-@#Ãâ\ufffd\u115f\u1160")

_TEXTS = st.text(st.sampled_from('0123456789.,;"\\^*? abcÄß\u0142\n') | _LETTERS, max_size=12).map(
    lambda text: text.strip().lstrip("'=+-@#")
)

_TABLES = st.lists(st.tuples(*[_TEXTS] * 3), max_size=6).map(
    lambda rows: [("PatientID", "PatientName", "Modality"), *(row for row in rows if any(row))]
)


def _ours(content: bytes) -> list[tuple[str, ...]]:
    sheet = read_sheet(content, "list")
    return [sheet.columns, *(row.cells for row in sheet.rows)]


def _theirs(frame: pandas.DataFrame) -> list[tuple[str, ...]]:
    return [tuple(text.strip() for text in row) for row in frame.itertuples(index=False)]


class TestATableOfTexts:
    @settings(max_examples=60, deadline=None)
    @given(_TABLES)
    def test_as_csv_is_read_as_pandas_reads_it(self, table):
        frame = pandas.DataFrame(table[1:], columns=table[0], dtype=str)
        for delimiter in ",;\t":
            content = frame.to_csv(index=False, sep=delimiter, quoting=1).encode()
            read = pandas.read_csv(io.BytesIO(content), header=None, dtype=str, keep_default_na=False, sep=delimiter)

            assert _ours(content) == _theirs(read)

    @settings(max_examples=30, deadline=None)
    @given(_TABLES)
    def test_as_workbook_is_read_as_pandas_reads_it(self, table):
        book = Workbook(write_only=True)
        sheet = book.create_sheet()
        for row in table:
            sheet.append(row)
        written = io.BytesIO()
        book.save(written)
        read = pandas.read_excel(written, header=None, dtype=str, keep_default_na=False, engine="calamine")

        assert _ours(written.getvalue()) == _theirs(read)

    @settings(max_examples=30, deadline=None)
    @given(_TABLES)
    def test_that_we_write_is_read_by_pandas_and_by_us(self, table):
        for form in ("csv", "xlsx"):
            content = io.BytesIO(new_table(table[0], table[1:], form=form))
            kind, more = (pandas.read_csv, {}) if form == "csv" else (pandas.read_excel, {"engine": "calamine"})
            read = kind(content, header=None, dtype=str, keep_default_na=False, **more)

            assert _ours(content.getvalue()) == _theirs(read) == table
