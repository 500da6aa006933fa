"""Spreadsheets written byte by byte."""

from __future__ import annotations

import io
import zipfile

_WORKBOOK = b"""<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
 xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>
 <sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"""

_RELATIONS = b"""<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
 <Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/%b" Target="%b"/>
</Relationships>"""

_SHEETS = b"""<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
 <Relationship Id="rId1" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/worksheet"
  Target="worksheets/sheet1.xml"/>
 <Relationship Id="rId2" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/sharedStrings"
  Target="/xl/sharedStrings.xml"/>
</Relationships>"""

_TEXTS = b'<c r="A1" t="inlineStr"><is><t>PatientID</t></is></c><c r="B1" t="inlineStr"><is><t>PatientName</t></is></c>'


def workbook(sheet: bytes, *, workbook: bytes = _WORKBOOK, more: dict[str, bytes] | None = None) -> bytes:
    """A workbook with one worksheet, its XML."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", b"<Types/>")
        file.writestr("_rels/.rels", _RELATIONS % (b"officeDocument", b"xl/workbook.xml"))
        file.writestr("xl/workbook.xml", workbook)
        file.writestr("xl/_rels/workbook.xml.rels", _SHEETS)
        file.writestr("xl/worksheets/sheet1.xml", sheet)
        for name, content in (more or {}).items():
            file.writestr(name, content)
    return written.getvalue()


def rows(content: bytes) -> bytes:
    """The XML of a worksheet with the two titles, and rows below them."""
    return (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1">%b</row>%b</sheetData></worksheet>' % (_TEXTS, content)
    )


def archive(**parts: bytes) -> bytes:
    """A ZIP file of *parts*."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return written.getvalue()


FILES = {
    "comma.csv": b'PatientID,PatientName\n001,"Doe, John"\n1.10,x\n',
    "semicolon-1252.csv": "PatientID;PatientName\r\n0012;Müller^Änne\r\n12345678901234567890;€\r\n".encode("cp1252"),
    "tab-utf16.csv": "\ufeffPatientID\tPatientName\r\n007\tŁukasz\r\n".encode("utf-16-le"),
    "utf16-without-mark.csv": "PatientID;PatientName\r\n007;Ł\r\n".encode("utf-16-be"),
    "utf8-with-mark.csv": "PatientID;PatientName\n007;Ł\n".encode("utf-8-sig"),
    "old-mac.csv": b"PatientID;PatientName\r007;x\r008;y\r",
    "hint.csv": b"sep=|\r\nPatientID|PatientName\r\n007|x\r\n",
    "commas-in-semicolons.csv": b"PatientID;Modality;StudyDescription\n1;CT,MR;head, neck\n2;CT,MR,US,CR;a,b,c,d\n",
    "one-column.csv": b"PatientID\n007\n008\n",
    "newlines-in-quotes.csv": b'PatientID;PatientName\n1;"a\nb"\n\n2;"c\r\nd\r\ne"\n3;x\n',
    "longer-and-shorter.csv": b"PatientID,PatientName,Modality\n1,Doe,John,CT\n2,Roe\n3,Poe,MR,,\n",
    "blanks.csv": (
        "\ufeff PatientID ;Patient Name\u00a0;;\n\u00a0 007\u200b ;\u2009x ;;\n ; ;;\n;;;\n\u00a0;\t;;\n8;y;;\n"
    ).encode(),
    "title-above.csv": b"Patients of Dr. Who;;\nas of 2024-01-01;;\n\nPatientID;PatientName;Modality\n1;;CT\n",
    "no-title.csv": b"PatientID;;Modality\n1;x;CT\n2;;MR\n3;y;MR\n",
    "title-twice.csv": b"PatientID;Modality;patient id\n1;CT;2\n",
    "only-a-header.csv": b"PatientID;PatientName\n",
    "shortened-by-excel.csv": b"PatientID;AccessionNumber\n1,23457E+19;#NV\n1.2E+10;#REF!\n12E+4;########\n",
    "kept-from-excel.csv": b'PatientID,AccessionNumber\n="00123","=""1.10"""\n',
    "marked-against-formulas.csv": b"PatientID;PatientName\n'=1+1;'-x\n'plain;O'Neill\n",
    "letters-lost.csv": "PatientID;PatientName\n1;M\ufffdller\n2;MÃ¼ller\n3;JOÃO\n".encode(),
    "lines-in-quotes.csv": b'"PatientID,PatientName"\n"007,""Doe, John"""\n',
    "quote-never-closed.csv": b'PatientID;PatientName\n1;x\n2;"y\n3;z\n',
    "quote-in-the-middle.csv": b'PatientID;PatientName\n1;5" lesion\n2;x\n',
    "quote-closed-early.csv": b'PatientID;PatientName\n1;x\n2;"y" z\n',
    "zero-byte.csv": b"PatientID;PatientName\n1;x\n2;\0\0y\n",
    "no-text.csv": b"PatientID;\x81\x8d\n",
    "only-blanks.csv": b" \r\n \r\n",
    "only-delimiters.csv": b";;;\r\n;;\r\n",
    "empty.csv": b"",
    "a-workbook-by-name.xlsx": b"PatientID;PatientName\n007;x\n",
    "broken.xlsx": workbook(rows(b""))[:-40],
    "cut-in-the-middle.xlsx": workbook(rows(b"<row><c><v>1</v></c></row>" * 9)).replace(
        b"PK\x01\x02", b"PK\x01\x03", 1
    ),
    "no-workbook.xlsx": archive(readme=b"hello"),
    "no-xml.xlsx": workbook(b"PatientID;PatientName"),
    "no-such-text.xlsx": workbook(rows(b'<row r="2"><c r="A2" t="s"><v>7</v></c></row>')),
    "no-such-text-either.xlsx": workbook(
        rows(b'<row r="2"><c r="A2" t="s"><v>-1</v></c></row>'),
        more={"xl/sharedStrings.xml": b"<sst><si><t>x</t></si></sst>"},
    ),
    "too-many-cells-in-a-line.xlsx": workbook(rows(b'<row r="2">' + b"<c/>" * 16_385 + b"</row>")),
    "below-excel.xlsx": workbook(rows(b'<row r="1048577"><c><v>7</v></c></row>')),
    "beyond-excel.xlsx": workbook(rows(b'<row r="2"><c r="ZZZ2"><v>7</v></c></row>')),
    "entities.xlsx": workbook(
        b'<!DOCTYPE worksheet [<!ENTITY a "aaaa">]>' + rows(b'<row r="2"><c><v>&a;</v></c></row>')
    ),
    "a-word-document.xlsx": archive(**{"word/document.xml": b"", "_rels/.rels": b""}),
    "binary.xlsb": archive(**{"xl/workbook.bin": b""}),
    "open-document.ods": archive(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"),
    "with-a-password.xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le"),
    "old.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "Workbook".encode("utf-16-le"),
    "older.xls": b"\x09\x08\x10\x00\x00\x06\x05\x00",
    "a-page.xls": b"\r\n<html><table><tr><td>PatientID</td></tr></table></html>",
    "an-xml-file.xls": b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>',
    "a-pdf.csv": b"%PDF-1.7\n",
    "without-references.xlsx": workbook(rows(b'<row><c t="str"><v>007</v></c><c t="str"><v>x</v></c></row>')),
    "with-prefixes.xlsx": workbook(
        b'<x:worksheet xmlns:x="http://purl.oclc.org/ooxml/spreadsheetml/main"><x:sheetData><x:row><x:c t="inlineStr">'
        b"<x:is><x:t>PatientID</x:t></x:is></x:c></x:row><x:row><x:c><x:v>1234567890123456</x:v></x:c></x:row>"
        b"<x:row><x:c><x:v>1234567890123450</x:v></x:c></x:row></x:sheetData></x:worksheet>"
    ),
    "spoken-and-escaped.xlsx": workbook(
        rows(
            b'<row r="2"><c r="A2" t="inlineStr"><is><r><t>00</t></r><r><t>7</t></r><rPh sb="0" eb="1"><t>sm</t></rPh>'
            b'</is></c><c r="B2" t="inlineStr"><is><t>a_x000A_b_x005F_x0041_</t></is></c></row>'
        )
    ),
    "merged-without-end.xlsx": workbook(
        rows(b'<row r="2"><c r="A2"><v>7</v></c></row>').replace(
            b"</worksheet>",
            b'<mergeCells><mergeCell ref="A1:XFD1048576"/><mergeCell ref="B2"/></mergeCells></worksheet>',
        )
    ),
    "far-away.xlsx": workbook(
        rows(b'<row r="1048576"><c r="A1048576"><v>7</v></c><c r="XFD1048576"><v>8</v></c></row>')
    ),
    "dates-in-iso.xlsx": workbook(
        rows(
            b'<row r="2"><c r="A2" t="d"><v>2024-02-29T00:00:00Z</v></c>'
            b'<c r="B2" t="d"><v>2024-02-29T10:00:00</v></c></row>'
        )
    ),
    "numbers-that-are-none.xlsx": workbook(
        rows(
            b'<row r="2"><c r="A2"><v>NaN</v></c><c r="B2"><v>1e999</v></c></row>'
            b'<row r="3"><c r="A3"><v>x</v></c></row>'
        )
    ),
}
