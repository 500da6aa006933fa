"""The filters of the form, as rows that can be added and removed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import QueryDict

from adit.transfer.mass.criteria import FIELDS, MOST_FILTERS, BadCriteria, Criteria, Filter, Form

EXAMPLES = {
    Form.TEXT: "*head*",
    Form.NUMBER: "5-10\n20-",
    Form.AGE: "18Y-65Y",
}


@dataclass(slots=True)
class FilterRow:
    """One row.

    Attributes:
        key: What tells its fields from those of the others.
        text: Its values, a line each.
        errors: What is wrong with it, as sentences.
    """

    key: str
    on: str = "modality"
    exclude: bool = False
    text: str = ""
    errors: tuple[str, ...] = ()

    @property
    def example(self) -> str:
        """What such values look like."""
        if self.on in ("modality", "series_modality"):
            return "CT\nMR"
        return EXAMPLES[FIELDS[self.on].form] if self.on in FIELDS else ""

    @property
    def empty(self) -> bool:
        return not self.text.strip()


def rows_in(posted: QueryDict) -> list[FilterRow]:
    """The rows of a form, in its order. What no page of ours posts is passed over."""
    keys = [key for key in dict.fromkeys(posted.getlist("filter")) if key.isalnum()][:MOST_FILTERS]
    return [
        FilterRow(
            key,
            posted.get(f"on-{key}", "modality"),
            posted.get(f"verb-{key}") == "exclude",
            posted.get(f"values-{key}", ""),
        )
        for key in keys
    ]


def rows_of(criteria: Criteria) -> list[FilterRow]:
    """The rows that show *criteria*."""
    return [
        FilterRow(str(number), each.on, each.exclude, "\n".join(each.values))
        for number, each in enumerate(criteria.filters)
    ]


def one_more(rows: list[FilterRow]) -> list[FilterRow]:
    """*rows* with an empty one at their end."""
    taken = {row.key for row in rows}
    key = next(str(number) for number in range(MOST_FILTERS + 1) if str(number) not in taken)
    return [*rows, FilterRow(key)] if len(rows) < MOST_FILTERS else rows


def criteria_of(rows: Iterable[FilterRow]) -> Criteria | None:
    """What *rows* ask for, empty ones left out; None where one is wrong, which it says then."""
    filters: list[Filter] = []
    wrong = False
    for row in rows:
        if row.empty:
            continue
        try:
            filters.append(Filter(row.on, tuple(row.text.splitlines()), row.exclude))
        except BadCriteria as error:
            row.errors = error.reasons
            wrong = True
    return None if wrong else Criteria(tuple(filters))
