"""A kept file as the page shows it: how it was read, what is wrong with it, grouped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils import timezone

from adit.accounts.models import User
from adit.jobs.files import read_file
from adit.jobs.models import BatchFile
from adit.jobs.permissions import may_send
from adit.projects.models import Project
from adit.transfer.batches.columns import QUERY
from adit.transfer.batches.faults import Checked, Fault, Group, grouped
from adit.transfer.batches.validating import Pseudonyms, check_queries, check_transfers
from adit.transfer.sheets.reading import Sheet

FIRST = 8
"""Lines of the file that the page shows."""

MOST_FAULTS = 50
"""Faults of one group that the page lists; the file with the Errors column has all."""


REMEMBERED = 8
"""Files that a process does not read again for every look: what was brought never changes."""

REMEMBERED_LINES = 5000
"""Of a file that is remembered; larger ones take too much memory."""

_known: dict[tuple[int, Pseudonyms, date], tuple[Sheet, Checked[Any]]] = {}


@dataclass(frozen=True, slots=True)
class Reading:
    """One file, read and held against all rules."""

    file: BatchFile
    sheet: Sheet
    checked: Checked[Any]

    @property
    def good_lines(self) -> int:
        return len(self.checked.lines) - self.bad_lines

    @property
    def bad_lines(self) -> int:
        return len(self.checked.bad_lines.intersection(self.checked.lines))

    @property
    def first(self) -> list[dict[str, Any]]:
        """The first lines, with those cells marked that have a fault."""
        bad = {(line, fault.column) for fault in self.checked.faults[:1000] for line in fault.lines if fault.column}
        return [
            {
                "line": row.line,
                "bad": row.line in self.checked.bad_lines,
                "cells": [
                    {"text": text, "bad": (row.line, column) in bad}
                    for column, text in zip(self.sheet.columns, row.cells, strict=True)
                ],
            }
            for row in self.sheet.rows[:FIRST]
        ]

    @property
    def unused(self) -> list[str]:
        """Columns that mean nothing here."""
        return [taken.written for taken in self.checked.columns if not taken.keyword]

    @property
    def troubles(self) -> list[Trouble]:
        """What is wrong, the same mistakes together."""
        return troubles_of(self.checked)


@dataclass(frozen=True, slots=True)
class Trouble:
    """The same mistake, made in several lines.

    Attributes:
        faults: The first ones.
        more: How many there are beyond.
        involves_several: Each of them is a contradiction between lines.
    """

    group: Group
    faults: Sequence[Fault]
    more: int
    involves_several: bool


def reading_of(file: BatchFile, user: User) -> Reading:
    """Read *file* for *user*, whose rights say whether every line needs a pseudonym.

    Raises:
        BadSheet: It cannot be read, with one sentence why.
    """
    pseudonyms = Pseudonyms.OPTIONAL if file.kind == QUERY else pseudonyms_for(user)
    key = (file.pk, pseudonyms, timezone.now().date())
    if (known := _known.get(key)) is not None:
        return Reading(file, *known)
    sheet = read_file(file)
    checked = check_queries(sheet) if file.kind == QUERY else check_transfers(sheet, pseudonyms=pseudonyms)
    if len(sheet.rows) <= REMEMBERED_LINES:
        while len(_known) >= REMEMBERED:
            _known.pop(next(iter(_known), key), None)
        _known[key] = (sheet, checked)
    return Reading(file, sheet, checked)


def pseudonyms_for(user: User) -> Pseudonyms:
    """Whether lines without pseudonym can be of any use to *user*: with a project, or the right to do without."""
    identified = may_send(None, user=user, group=user.active_group, project=None, destination=None)
    if identified or Project.objects.sendable_by(user, timezone.now()).exists():
        return Pseudonyms.OPTIONAL
    return Pseudonyms.REQUIRED


def troubles_of(checked: Checked[Any]) -> list[Trouble]:
    """The faults of *checked*, grouped."""
    together: dict[tuple[str, str], list[Fault]] = {}
    for fault in checked.faults:
        together.setdefault((fault.column, fault.reason), []).append(fault)
    troubles = []
    for group in grouped(checked):
        faults = together[group.column, group.reason]
        several = any(len(fault.lines) > 1 for fault in faults)
        troubles.append(Trouble(group, faults[:MOST_FAULTS], max(0, len(faults) - MOST_FAULTS), several))
    return troubles
