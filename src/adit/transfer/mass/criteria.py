"""What a mass transfer is about: filters on studies and on their series, as a frozen value.

JSON, for repetition and for the command line:

    {"version": 1, "filters": [
        {"on": "modality", "values": ["CT", "MR"]},
        {"on": "series_description", "values": ["*scout*", "*localizer*"], "exclude": true},
        {"on": "age", "values": ["18Y-"]}]}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from adit.dicom.values import read_whole
from adit.transfer.mass.ages import read_age_range

VERSION = 1
"""Of the JSON form. Raise it when a filter changes its meaning."""

MOST_FILTERS = 50
MOST_VALUES = 200
"""In one filter."""

LONGEST = 64
"""Characters of a value: what LO and SH hold (PS3.5 6.2)."""


class BadCriteria(ValueError):
    """Filters cannot be used as they stand. All that is wrong, a sentence each."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class Form(StrEnum):
    """How the values of a filter are written."""

    TEXT = "text"
    """`*` and `?` are wildcards; case and accents do not count."""
    NUMBER = "number"
    """`5`, `5-10`, `5-` or `-10`."""
    AGE = "age"
    """`18Y-65Y`, `18Y-`, `-30D`, `6M`: days, weeks, months, years."""


@dataclass(frozen=True, slots=True)
class Field:
    """Something that can be filtered on.

    Attributes:
        title: For people.
        keyword: The attribute that is compared; of a study or of a series.
        of_series: It chooses series of a study; else whole studies.
    """

    name: str
    title: str
    keyword: str
    form: Form = Form.TEXT
    of_series: bool = False


FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("modality", "Modality of the study", "ModalitiesInStudy"),
        Field("study_description", "Study description", "StudyDescription"),
        Field("institution", "Institution name", "InstitutionName"),
        Field("age", "Age of the patient", "PatientAge", Form.AGE),
        Field("series_count", "Number of series", "NumberOfStudyRelatedSeries", Form.NUMBER),
        Field("instances", "Number of instances of the study", "NumberOfStudyRelatedInstances", Form.NUMBER),
        Field("series_modality", "Modality of the series", "Modality", of_series=True),
        Field("series_description", "Series description", "SeriesDescription", of_series=True),
        Field("series_number", "Series number", "SeriesNumber", Form.NUMBER, of_series=True),
        Field(
            "series_instances",
            "Number of instances of the series",
            "NumberOfSeriesRelatedInstances",
            Form.NUMBER,
            of_series=True,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition.

    Attributes:
        on: Name of a field.
        values: Any of them fits; written as the form of the field says.
        exclude: What fits is left out; else only what fits is taken.

    Raises:
        BadCriteria: It makes no sense.
    """

    on: str
    values: tuple[str, ...]
    exclude: bool = False

    def __post_init__(self) -> None:
        if self.on not in FIELDS:
            raise BadCriteria(f"'{self.on[:64]}' cannot be filtered on, only {', '.join(FIELDS)}")
        tidy = tuple(dict.fromkeys(value.strip() for value in self.values if value.strip()))
        object.__setattr__(self, "values", tidy)
        title = self.field.title
        if not tidy:
            raise BadCriteria(f"{title}: the filter has no value")
        if len(tidy) > MOST_VALUES:
            raise BadCriteria(f"{title}: the filter has {len(tidy)} values, {MOST_VALUES} are the most")
        if wrong := [f"{title}: {reason}" for value in tidy if (reason := _wrong(self.field.form, value))]:
            raise BadCriteria(*wrong)

    @property
    def field(self) -> Field:
        """What is filtered on."""
        return FIELDS[self.on]

    def __str__(self) -> str:
        verb = "is none of" if self.exclude else "is one of"
        if len(self.values) == 1:
            verb = "is not" if self.exclude else "is"
        return f"{self.field.title} {verb} {', '.join(self.values)}"


def _wrong(form: Form, value: str) -> str:
    """Why a value cannot be used; empty where it can."""
    if form is Form.NUMBER:
        return "" if read_numbers(value) else f"'{value[:64]}' is no number and no range such as 5-10, 5- or -10"
    if form is Form.AGE:
        return "" if read_age_range(value) else f"'{value[:64]}' is no age such as 18Y, 6M, 30D or 18Y-65Y, 18Y-, -30D"
    if len(value) > LONGEST:
        return f"'{value[:64]}…' is longer than {LONGEST} characters"
    if "\\" in value or any(character < " " for character in value):
        return f"'{value}' holds a backslash or a control character"
    return ""


NumberRange = tuple[int | None, int | None]
"""Least and most, both included; None is open."""


def read_numbers(written: str) -> NumberRange | None:
    """`5`, `5-10`, `5-` or `-10`; None where it is neither, or ends before it starts."""
    found = re.fullmatch(r"(\d{0,9})\s*(-?)\s*(\d{0,9})", written.strip(), re.ASCII)
    if not found or not (found[1] or found[3]) or (found[3] and not found[2]):
        return None
    least = read_whole(found[1])
    most = read_whole(found[3]) if found[2] else least
    return None if least is not None and most is not None and least > most else (least, most)


@dataclass(frozen=True, slots=True)
class Criteria:
    """All conditions must hold. Without any, everything is meant."""

    filters: tuple[Filter, ...] = ()

    @property
    def of_study(self) -> tuple[Filter, ...]:
        """Those that choose studies."""
        return tuple(one for one in self.filters if not one.field.of_series)

    @property
    def of_series(self) -> tuple[Filter, ...]:
        """Those that choose series of a study; without any, all its series go."""
        return tuple(one for one in self.filters if one.field.of_series)

    def with_filters(self, *filters: Filter) -> Criteria:
        """The same, with more conditions."""
        return Criteria((*self.filters, *filters))

    def to_json(self) -> dict[str, Any]:
        """The criteria as JSON, readable by `from_json` of this and later releases."""
        return {
            "version": VERSION,
            "filters": [
                {"on": one.on, "values": list(one.values), **({"exclude": True} if one.exclude else {})}
                for one in self.filters
            ],
        }

    @classmethod
    def from_json(cls, stored: object) -> Self:
        """Read what `to_json`, or a person, wrote.

        Raises:
            BadCriteria: With everything that is wrong.
        """
        if not isinstance(stored, Mapping):
            raise BadCriteria('the criteria are no JSON object such as {"version": 1, "filters": []}')
        if stored.get("version", VERSION) != VERSION:
            raise BadCriteria(f"the criteria have version {stored['version']}, this release reads {VERSION}")
        wrong = [f"'{key}' is not known" for key in stored if key not in ("version", "filters")]
        written = stored.get("filters", [])
        if not isinstance(written, list) or len(written) > MOST_FILTERS:
            raise BadCriteria(*wrong, f"'filters' is no list of at most {MOST_FILTERS} filters")
        filters: list[Filter] = []
        for number, one in enumerate(written, 1):
            try:
                filters.append(_filter(one))
            except BadCriteria as error:
                wrong += (f"filter {number}: {reason}" for reason in error.reasons)
        if wrong:
            raise BadCriteria(*wrong)
        return cls(tuple(filters))


EVERYTHING = Criteria()


def _filter(stored: object) -> Filter:
    if not isinstance(stored, Mapping):
        raise BadCriteria('it is no JSON object such as {"on": "modality", "values": ["CT"]}')
    if unknown := [str(key) for key in stored if key not in ("on", "values", "exclude")]:
        raise BadCriteria(f"'{unknown[0][:64]}' is not known, only on, values and exclude")
    on, values, exclude = stored.get("on"), stored.get("values"), stored.get("exclude", False)
    if not isinstance(on, str):
        raise BadCriteria(f"'on' is missing: one of {', '.join(FIELDS)}")
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadCriteria("'values' is no list of texts")
    if not isinstance(exclude, bool):
        raise BadCriteria("'exclude' is neither true nor false")
    return Filter(on, tuple(values), exclude)
