"""Cells of tables that a spreadsheet opens."""

from __future__ import annotations

from typing import Any

_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")


def not_a_formula(cell: Any) -> Any:
    """*cell*, with a mark in front where a spreadsheet would compute what it begins.

    Names, ids and descriptions come from outside: what begins with = there must not run here.
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_BEGINNINGS) else cell


def as_it_was(cell: str) -> str:
    """What `not_a_formula` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_BEGINNINGS) else cell
