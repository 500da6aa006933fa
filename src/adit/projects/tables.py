"""Tables as CSV and Excel: the linking list out, a list of pseudonyms in."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

from django.db import transaction

from adit.accounts.models import User
from adit.audit.record import record
from adit.deid.keys import Patient
from adit.projects.aliases import add_free, pseudonym_for
from adit.projects.models import Project
from adit.transfer.pseudonyms import UnfitPseudonym, checked
from adit.transfer.sheets.cells import as_it_was, not_a_formula

_ENCODINGS = ("utf-8-sig", "cp1252")

_COLUMNS = {"pseudonym": "pseudonym", "patientid": "id", "issuer": "issuer", "issuerofpatientid": "issuer",
            "domain": "domain", "patientname": "name"}  # fmt: skip
"""How a column may be called, without blanks, underscores and capitals."""


class BadTable(ValueError):
    """The table cannot be used; the text names every line that is wrong."""


def as_csv(kind: type[Any], rows: Sequence[Any]) -> bytes:
    """*rows*, dataclasses of *kind*, with the names of their fields above; UTF-8 with a mark, for Excel."""
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\r\n")
    table.writerow(field.name for field in fields(kind))
    table.writerows(map(not_a_formula, astuple(row)) for row in rows)
    return written.getvalue().encode("utf-8-sig")


def as_excel(kind: type[Any], rows: Sequence[Any]) -> bytes:
    """*rows*, dataclasses of *kind*, as a workbook. All cells are text: neither formulas nor numbers."""
    # Not before: every command would pay for it.
    from openpyxl import Workbook  # noqa: PLC0415

    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.freeze_panes = "A2"
    for number, row in enumerate([tuple(field.name for field in fields(kind)), *map(astuple, rows)], 1):
        for column, value in enumerate(row, 1):
            cell = sheet.cell(number, column)
            cell.value = "".join(one for one in str(value) if one.isprintable())
            # What begins with = would be a formula.
            cell.data_type = "s"
            cell.number_format = "@"
    written = io.BytesIO()
    workbook.save(written)
    return written.getvalue()


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought: pseudonyms of patients, and free ones."""

    given: int
    free: int


@transaction.atomic
def import_pseudonyms(project: Project, content: bytes, *, by: User) -> Imported:
    """Take over a list of pseudonyms: all of it, or nothing.

    A CSV table (comma, semicolon or tab) with a column Pseudonym, and PatientID where they are given to patients
    already, with Issuer, Domain and PatientName where they matter. Lines without PatientID are free: patients get
    them in their order.

    Raises:
        BadTable: With every line that is wrong.
        NoKey, UnreadableKey: Nothing can be derived.
    """
    wrong: list[str] = []
    free: list[str] = []
    given = 0
    for line, row in _rows(content):
        try:
            if patient := row.get("id", ""):
                whose = Patient(patient, row.get("issuer", ""), row.get("domain", ""))
                pseudonym_for(project, whose, row.get("pseudonym", ""), by=by, name=row.get("name", ""))
                given += 1
            else:
                free.append(checked(row.get("pseudonym", "")))
        except UnfitPseudonym as error:
            wrong.append(f"line {line}: {error}")
    if wrong:
        raise BadTable(" ".join(wrong))
    added = add_free(project, free, by=by) if free else 0
    record("project.list_imported", by=by, details={"project": project.name, "given": given, "free": added})
    return Imported(given, added)


def _rows(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    text = _decoded(content)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    head = [_COLUMNS.get("".join(name.split()).replace("_", "").casefold(), "") for name in next(table, [])]
    if "pseudonym" not in head:
        raise BadTable("The table has no column 'Pseudonym'.")
    for row in table:
        if any(cell.strip() for cell in row):
            yield table.line_num, {name: as_it_was(cell.strip()) for name, cell in zip(head, row, strict=False) if name}


def _decoded(content: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadTable("The table is no text.")
