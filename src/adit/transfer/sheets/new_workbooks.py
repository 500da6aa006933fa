"""A new Excel workbook of texts, its XML written line by line: tables of results may have a million cells."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from itertools import islice
from xml.sax.saxutils import quoteattr

from adit.transfer.sheets.worksheet_edits import text_cell
from adit.transfer.sheets.worksheets import column_letters

_NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

_CONTENT_TYPES = f"""{_HEAD}<Types xmlns="{_PACKAGE}/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/>
<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>
</Types>"""

_ROOT = f"""{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>
</Relationships>"""

_PARTS = f"""{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>
<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/>
</Relationships>"""

_STYLES = f"""{_HEAD}<styleSheet xmlns="{_NAMESPACE}">
<fonts count="2">
<font><sz val="11"/><name val="Calibri"/></font>
<font><b/><sz val="11"/><name val="Calibri"/></font>
</fonts>
<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>
<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>
<cellXfs count="3">
<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>
<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>
<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>
</cellXfs>
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>
</styleSheet>"""

_TEXT, _TITLE = "1", "2"
"""Styles: cells formatted as text, so that they stay what they are when somebody edits them."""

_WIDEST = 60
"""Characters of a column that are shown."""

_MEASURED = 200
"""Rows whose texts say how wide a column is."""


def workbook_of(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str) -> bytes:
    """A workbook with one worksheet, its header frozen.

    Args:
        title: Of the worksheet. What Excel does not allow there is left out.
    """
    remaining = iter(rows)
    first = list(islice(remaining, _MEASURED))
    # ECMA-376 18.2.19 and Excel: up to 31 characters, none of these.
    title = "".join(sign for sign in title if sign.isprintable() and sign not in r"[]:*?/\'")[:31].strip() or "Table"
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", _CONTENT_TYPES)
        file.writestr("_rels/.rels", _ROOT)
        file.writestr("xl/workbook.xml", _workbook(title))
        file.writestr("xl/_rels/workbook.xml.rels", _PARTS)
        file.writestr("xl/styles.xml", _STYLES)
        with file.open("xl/worksheets/sheet1.xml", "w") as part:
            part.write(_before_rows(columns, first).encode())
            letters = [column_letters(at) for at in range(max(len(columns), 1))]
            part.write(_row(1, letters, columns, _TITLE))
            for table in (first, remaining):
                for line, row in enumerate(table, 2 if table is first else len(first) + 2):
                    part.write(_row(line, letters, row, _TEXT))
            part.write(b"</sheetData></worksheet>")
    return written.getvalue()


def _workbook(title: str) -> str:
    return (
        f'{_HEAD}<workbook xmlns="{_NAMESPACE}" xmlns:r="{_OFFICE}">'
        f'<sheets><sheet name={quoteattr(title)} sheetId="1" r:id="rId1"/></sheets></workbook>'
    )


def _before_rows(columns: Sequence[str], first: Sequence[Sequence[str]]) -> str:
    widths = "".join(
        f'<col min="{at}" max="{at}" width="{min(longest + 2, _WIDEST)}" style="{_TEXT}" customWidth="1"/>'
        for at, longest in enumerate(
            (max(len(row[at]) for row in (columns, *first) if at < len(row)) for at in range(len(columns))), 1
        )
    )
    return (
        f'{_HEAD}<worksheet xmlns="{_NAMESPACE}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        + (f"<cols>{widths}</cols>" if widths else "")
        + "<sheetData>"
    )


def _row(line: int, letters: Sequence[str], texts: Sequence[str], style: str) -> bytes:
    cells = (
        text_cell(f"{letter}{line}", text, style=style) for letter, text in zip(letters, texts, strict=False) if text
    )
    return f'<row r="{line}">{"".join(cells)}</row>'.encode()
