"""A list of identifiers that must not be found in files: names, ids, birth dates, as people have them in a table."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date
from io import StringIO

from pydicom.datadict import keyword_for_tag

from adit.deid.carried import CARRIERS, Carried, Kind

_COLUMNS = {keyword_for_tag(tag).lower(): kind for tag, kind in CARRIERS.items()}

_DATES = (
    (re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{4})(\d{2})(\d{2})"), (0, 1, 2)),
    (re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})"), (2, 1, 0)),
)


def read_identifiers(text: str) -> list[Carried]:
    """What *text* names: a table with columns such as PatientID and PatientName, or one identifier a line.

    Columns are parted by comma, semicolon or tab; those that are no identifiers count for nothing. In a list
    without such a head, dates are birth dates, what has digits is an id, and the rest are names.
    """
    rows = list(csv.reader(StringIO(text.lstrip("\ufeff")), delimiter=_delimiter(text)))
    head = [_COLUMNS.get(re.sub(r"[\s_']", "", name).lower()) for name in rows[0]] if rows else []
    found = _of_table(rows[1:], head) if any(head) else _of_list(text.lstrip("\ufeff"))
    return list(dict.fromkeys(found))


def _of_table(rows: list[list[str]], head: list[Kind | None]) -> Iterator[Carried]:
    for row in rows:
        for kind, cell in zip(head, row, strict=False):
            if kind and cell.strip():
                yield kind, _as_date(cell) or cell.strip() if kind is Kind.BIRTH else cell.strip()


def _of_list(text: str) -> Iterator[Carried]:
    for line in filter(None, map(str.strip, text.splitlines())):
        day = _as_date(line)
        if day:
            yield Kind.BIRTH, day
        else:
            yield (Kind.ID if any(map(str.isdigit, line)) else Kind.NAME), line


def _as_date(written: str) -> str:
    """As DA; empty when it is no date."""
    for form, order in _DATES:
        if found := form.fullmatch(written.strip()):
            parts = [int(part) for part in found.groups() if part]
            try:
                return date(*(parts[at] for at in order)).strftime("%Y%m%d")
            except ValueError:
                return ""
    return ""


def _delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(",;\t", key=first.count)
