"""Columns in a workbook that is somebody's own: cells are written into its XML, and everything else stays as it is."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence

from adit.transfer.sheets.found_columns import places_of
from adit.transfer.sheets.office_files import OfficeFile, damage_explained
from adit.transfer.sheets.values import Sheet
from adit.transfer.sheets.workbooks import read_workbook, tabs_of
from adit.transfer.sheets.worksheet_edits import Columns, edited

_COMPUTED_IN_ORDER = ("xl/calcChain.xml", b"calcChain")
"""In what order Excel computes formulas: where there is none it makes one, where one is wrong it reports damage."""


def with_cells(
    content: bytes,
    sheet: Sheet,
    titles: Sequence[str],
    values: Mapping[int, Sequence[str]],
    *,
    lines: frozenset[int] | None,
) -> bytes:
    """The workbook *content* with columns in the worksheet that *sheet* was read from; as `returning.with_columns`.

    Raises:
        BadSheet: It cannot be read.
    """
    columns = Columns(sheet.header, _places(content, sheet, titles), {**values, sheet.header: titles}, lines)
    office = OfficeFile(content)
    part = next(tab.part for tab in tabs_of(office)[0] if tab.name == sheet.worksheet)
    with damage_explained():
        changed = edited(office.read(part), columns)
    # Comments, tables and drawings hang on places of cells, which are others now.
    gone = {_relations_of(part)} if lines is not None else set()
    return _packed(office, part, changed, gone)


def _places(content: bytes, sheet: Sheet, titles: Sequence[str]) -> list[int]:
    rows = [row for row in read_workbook(content, worksheet=sheet.worksheet).rows if row.line >= sheet.header]
    header = next(row.cells for row in rows if row.line == sheet.header)
    return places_of(titles, header, max(at for row in rows for at in row.cells) + 1)


def _packed(office: OfficeFile, part: str, changed: bytes, gone: set[str]) -> bytes:
    written = io.BytesIO()
    chain, word = _COMPUTED_IN_ORDER
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as package:
        for info in office.infos:
            name = info.filename
            if name == chain or name in gone or info.is_dir():
                continue
            if name == part:
                package.writestr(name, changed)
            elif name in {"[Content_Types].xml", _relations_of(office.workbook)}:
                package.writestr(
                    name, re.sub(rb"<(?:Relationship|Override)\b[^>]*%b[^>]*/>" % word, b"", office.read(name))
                )
            else:
                with office.opened(name) as old, package.open(name, "w") as new:
                    shutil.copyfileobj(old, new, 1 << 16)
    return written.getvalue()


def _relations_of(part: str) -> str:
    folder, _, name = part.rpartition("/")
    return f"{folder}/_rels/{name}.rels"
