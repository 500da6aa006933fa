"""What is wrong with a batch file, and what is right: for a page, for an Errors column, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

_MOST_LINES = 20
"""Lines that one sentence names."""

_LONGEST_VALUE = 60
"""Characters of a cell that one sentence repeats."""


class HasLines(Protocol):
    """What stands in some lines of a file."""

    @property
    def lines(self) -> tuple[int, ...]: ...


R = TypeVar("R", bound=HasLines)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that has to be mended.

    Attributes:
        lines: All that are involved, as a person sees them; that of the header where it is about columns.
        column: As the file calls it; where it is missing, as ADIT does.
        value: Of the cell, or several that contradict each other; empty where something is missing.
        reason: A sentence without the value, so that the same mistakes have the same reason.
    """

    lines: tuple[int, ...]
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        value = f" '{shortened(self.value)}'" if self.value else ""
        others = f" (lines {enumerated(self.lines)})" if len(self.lines) > 1 else ""
        return f"{self.column}{value}: {self.reason}{others}" if self.column else f"{self.reason}{others}"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a column of the file was taken for.

    Attributes:
        written: Its header.
        keyword: Of the column; empty where it is not used.
    """

    written: str
    keyword: str


@dataclass(frozen=True)
class Checked(Generic[R]):
    """A batch file that was read and held against all rules.

    Attributes:
        rows: All lines whose cells can be understood, in the order of the file, identical ones as one.
        faults: All that is wrong, in the order of the lines.
        notices: Sentences about what is not wrong, but may be other than somebody thinks; those of reading first.
        merged: How many lines are the same as an earlier one.
        columns: What each column was taken for.
        lines: The numbers of all lines that are not empty.
        header: The number of the line that has the names of the columns.
        without: Lines that a batch query could name no study for, each with its status there; nothing is wrong there.
    """

    rows: tuple[R, ...]
    faults: tuple[Fault, ...]
    notices: tuple[str, ...]
    merged: int
    columns: tuple[Taken, ...]
    lines: tuple[int, ...]
    header: int
    without: Mapping[int, str] = field(default_factory=dict)

    @cached_property
    def bad_lines(self) -> frozenset[int]:
        """Lines with a fault; all of them where the header has one."""
        bad = frozenset(line for fault in self.faults for line in fault.lines)
        return frozenset(self.lines) if self.header in bad else bad

    @cached_property
    def good(self) -> tuple[R, ...]:
        """The rows without a fault, which may be sent while the others are given back."""
        return tuple(row for row in self.rows if self.bad_lines.isdisjoint(row.lines))


@dataclass(frozen=True, slots=True)
class Group:
    """The same mistake, made in several lines.

    Attributes:
        count: How many faults.
        lines: All that are involved, in order.
        values: The first few different ones.
    """

    column: str
    reason: str
    count: int
    lines: tuple[int, ...]
    values: tuple[str, ...]


def grouped(checked: Checked[Any], *, values: int = 5) -> tuple[Group, ...]:
    """The faults by column and reason, in the order of their first lines.

    Args:
        values: How many examples each group has.
    """
    together: dict[tuple[str, str], list[Fault]] = {}
    for fault in checked.faults:
        together.setdefault((fault.column, fault.reason), []).append(fault)
    return tuple(
        Group(
            column,
            reason,
            len(faults),
            tuple(sorted({line for fault in faults for line in fault.lines})),
            _first(values, (fault.value for fault in faults)),
        )
        for (column, reason), faults in together.items()
    )


def errors_of(checked: Checked[Any]) -> Mapping[int, list[str]]:
    """The sentences for the Errors column, by line. What is wrong with the header stands in the first line below it."""
    below = min(checked.lines, default=checked.header + 1)
    errors: dict[int, list[str]] = {}
    for fault in checked.faults:
        sentence = str(fault)
        for line in fault.lines:
            errors.setdefault(below if line == checked.header else line, []).append(sentence)
    return errors


def faults_json(checked: Checked[Any]) -> dict[str, Any]:
    """All about the file as JSON."""
    return {
        "lines": len(checked.lines),
        "rows": len(checked.rows),
        "good": len(checked.good),
        "merged": checked.merged,
        "columns": [{"written": taken.written, "taken_for": taken.keyword or None} for taken in checked.columns],
        "notices": list(checked.notices),
        "faults": [
            {"lines": list(fault.lines), "column": fault.column, "value": fault.value, "reason": fault.reason}
            for fault in checked.faults
        ],
    }


def enumerated(parts: Iterable[object], *, most: int = _MOST_LINES) -> str:
    """`3, 5 and 9`; of more than *most* the first ones, and how many more there are."""
    written = [str(part) for part in parts]
    if len(written) > most:
        return f"{', '.join(written[:most])} and {len(written) - most} more"
    return " and ".join(filter(None, (", ".join(written[:-1]), *written[-1:])))


def of_lines(lines: Iterable[int], said: Callable[[int], object] = str) -> str:
    """`line 3`, `lines 3, 5 and 9`."""
    numbers = list(lines)
    return f"line{'s' * (len(numbers) != 1)} {enumerated(map(said, numbers))}"


def shortened(value: str, *, most: int = _LONGEST_VALUE) -> str:
    """*value*, cut where it is longer than anybody wants to read."""
    return value if len(value) <= most else f"{value[: most - 1]}…"


def _first(most: int, values: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for value in filter(None, values):
        found.setdefault(value)
        if len(found) == most:
            break
    return tuple(found)
