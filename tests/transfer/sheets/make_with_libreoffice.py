"""Makes the spreadsheets in libreoffice/ again, with the soffice of Debian (libreoffice-calc-nogui).

They are kept, so that the tests need no LibreOffice: `python tests/transfer/sheets/make_with_libreoffice.py`.
What is typed below goes through the import of LibreOffice, which makes numbers and dates of it as of a person's
typing, or through its table format, where formulas, merged and hidden cells are asked for.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).with_name("libreoffice")

_TYPED = """PatientID;Accession;Born;Version;Long;Worth;Flag
001234;A1;12.03.1954;1.10;12345678901234567890;1E5;TRUE
77;=1+1;1954-03-12;2;123456789012345;5%;wahr
"""

_OASIS = "urn:oasis:names:tc:opendocument:xmlns"

_TABLES = f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="{_OASIS}:office:1.0" xmlns:table="{_OASIS}:table:1.0" xmlns:text="{_OASIS}:text:1.0"
 xmlns:style="{_OASIS}:style:1.0" xmlns:number="{_OASIS}:datastyle:1.0" xmlns:of="{_OASIS}:of:1.2"
 office:version="1.2" office:mimetype="application/vnd.oasis.opendocument.spreadsheet">
<office:automatic-styles>
 <number:number-style style:name="N6">
  <number:number number:decimal-places="0" number:min-integer-digits="6"/>
 </number:number-style>
 <number:date-style style:name="ND">
  <number:day number:style="long"/><number:text>.</number:text>
  <number:month number:style="long"/><number:text>.</number:text><number:year number:style="long"/>
 </number:date-style>
 <number:date-style style:name="NS">
  <number:day number:style="long"/><number:text>.</number:text>
  <number:month number:style="long"/><number:text>.</number:text><number:year/>
 </number:date-style>
 <style:style style:name="six" style:family="table-cell" style:data-style-name="N6"/>
 <style:style style:name="day" style:family="table-cell" style:data-style-name="ND"/>
 <style:style style:name="short" style:family="table-cell" style:data-style-name="NS"/>
 <style:style style:name="away" style:family="table"><style:table-properties table:display="false"/></style:style>
</office:automatic-styles>
<office:body><office:spreadsheet>
 <table:table table:name="Patients">
  <table:table-row>
   <table:table-cell office:value-type="string" table:number-columns-spanned="4">
    <text:p>Our patients</text:p>
   </table:table-cell>
   <table:covered-table-cell table:number-columns-repeated="3"/>
  </table:table-row>
  <table:table-row/>
  <table:table-row>
   <table:table-cell office:value-type="string"><text:p>Patient ID</text:p></table:table-cell>
   <table:table-cell office:value-type="string"><text:p>Born</text:p></table:table-cell>
   <table:table-cell office:value-type="string"><text:p>Seen</text:p></table:table-cell>
   <table:table-cell office:value-type="string"><text:p>Next</text:p></table:table-cell>
  </table:table-row>
  <table:table-row>
   <table:table-cell table:style-name="six" office:value-type="float" office:value="1234"
    table:number-rows-spanned="2" table:number-columns-spanned="1"/>
   <table:table-cell table:style-name="day" office:value-type="date" office:date-value="1954-03-12"/>
   <table:table-cell table:style-name="short" office:value-type="date" office:date-value="2024-02-29"/>
   <table:table-cell office:value-type="float" office:value="0" table:formula="of:=40+2"/>
  </table:table-row>
  <table:table-row>
   <table:covered-table-cell/>
   <table:table-cell table:style-name="day" office:value-type="date" office:date-value="1930-01-01"/>
   <table:table-cell office:value-type="string"><text:p>\u00a0x\u200b </text:p></table:table-cell>
   <table:table-cell office:value-type="float" office:value="0" table:formula="of:=1/0"/>
  </table:table-row>
  <table:table-row table:visibility="collapse">
   <table:table-cell office:value-type="string"><text:p>00777</text:p></table:table-cell>
   <table:table-cell office:value-type="string"><text:p>M\u00fcller &amp; Co</text:p></table:table-cell>
   <table:table-cell/>
   <table:table-cell table:formula="of:=[.A6]&amp;&quot;-1&quot;" office:value-type="string"/>
  </table:table-row>
 </table:table>
 <table:table table:name="Notes" table:style-name="away">
  <table:table-row>
   <table:table-cell office:value-type="string"><text:p>secret</text:p></table:table-cell>
  </table:table-row>
 </table:table>
</office:spreadsheet></office:body></office:document>
"""


def main() -> None:
    """Write them all."""
    with tempfile.TemporaryDirectory() as folder:
        typed = Path(folder, "typed.csv")
        typed.write_text(_TYPED, encoding="utf-8")
        # 59 is the semicolon, 76 is UTF-8, 1031 is German.
        _convert(typed, "xlsx:Calc MS Excel 2007 XML", source="CSV:59,34,76,1,,1031,false,true")
        tables = Path(folder, "tables.fods")
        tables.write_text(_TABLES, encoding="utf-8")
        _convert(tables, "xlsx:Calc MS Excel 2007 XML")
        _convert(tables, "ods")
        _convert(tables, "xls:MS Excel 97")
        plain = Path(folder, "plain.csv")
        plain.write_text("PatientID;PatientName\n0012;Müller\n", encoding="utf-8")
        _convert(
            plain, "csv:Text - txt - csv (StarCalc):9,34,65535,1", source="CSV:59,34,76,1,1/2/2/2", name="tabs.csv"
        )


def _convert(path: Path, form: str, *, source: str = "", name: str = "") -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                *("soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless"),
                *([f"--infilter={source}"] if source else []),
                *("--convert-to", form, "--outdir", folder, str(path)),
            ],
            check=True,
            timeout=120,
        )
        made = Path(folder, path.with_suffix(f".{form.partition(':')[0]}").name)
        (HERE / (name or made.name)).write_bytes(made.read_bytes())


if __name__ == "__main__":
    main()
