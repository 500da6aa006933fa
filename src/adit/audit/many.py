"""Thousands of rows written at once: the database gets them as one value, not as a hundred thousand parameters.

Django's `bulk_create` spends most of its time on the parameters where a table has arrays or JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault

Row = TypeVar("Row", bound=Model)

AT_ONCE = 5000
"""Rows of one statement."""


@transaction.atomic
def insert_all(rows: Iterable[Row], *, ignore_conflicts: bool = False) -> None:
    """Insert *rows*, which are new and of one table, in their order; all of them, or none.

    None becomes null, in a column of JSON too.

    Args:
        ignore_conflicts: Leave out those of which the database has one already. Without it each gets its id.
    """
    for together in _blocks(rows):
        _insert(together, ignore_conflicts)


@transaction.atomic
def update_all(rows: Iterable[Row], names: Sequence[str]) -> None:
    """Write the fields *names* of *rows*, which are of one table; of all of them, or of none."""
    for together in _blocks(rows):
        _update(together, names)


def _blocks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while block := list(islice(left, AT_ONCE)):
        yield block


def _insert(rows: Sequence[Model], ignore_conflicts: bool) -> None:
    meta = type(rows[0])._meta
    fields = [field for field in meta.concrete_fields if not field.primary_key and not _left_out(rows[0], field)]
    table, columns = _quoted(meta.db_table), ", ".join(_quoted(field.column) for field in fields)
    end = "ON CONFLICT DO NOTHING" if ignore_conflicts else f"RETURNING {_quoted(meta.pk.column)}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_recordset(NULL::{table}, %s) {end}",
            [_json_of(rows, fields)],
        )
        if not ignore_conflicts:
            for row, (pk,) in zip(rows, cursor.fetchall(), strict=True):
                row.pk, row._state.adding, row._state.db = pk, False, connection.alias


def _update(rows: Sequence[Model], names: Sequence[str]) -> None:
    meta = type(rows[0])._meta
    fields = [field for field in meta.concrete_fields if field.name in names]
    table, key = _quoted(meta.db_table), _quoted(meta.pk.column)
    changed = ", ".join(f"{_quoted(field.column)} = new.{_quoted(field.column)}" for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {changed} FROM jsonb_populate_recordset(NULL::{table}, %s) new"
            f" WHERE {table}.{key} = new.{key}",
            [_json_of(rows, [meta.pk, *fields])],
        )


def _quoted(name: str | None) -> str:
    return connection.ops.quote_name(name or "")


def _json_of(rows: Iterable[Model], fields: Sequence[Field[Any, Any]]) -> str:
    values = [{field.column: field.get_prep_value(getattr(row, field.attname)) for field in fields} for row in rows]
    return json.dumps(values, default=_written)


def _left_out(row: Model, field: Field[Any, Any]) -> bool:
    """Whether the database knows what stands there."""
    return isinstance(getattr(row, field.attname), DatabaseDefault)


def _written(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError(f"a {type(value).__name__} does not go into JSON")
