"""The options that say which days and what of them: the same for every command that needs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from adit.dicom.values import read_date
from adit.site.cli.option_groups import Group, option, replaced
from adit.site.cli.output import Misused
from adit.site.cli.reading import content
from adit.transfer.mass.criteria import FIELDS, BadCriteria, Field, Filter, Form
from adit.transfer.mass.partitions import BadRange, Partition, Sweep

_WRITTEN = {
    Form.TEXT: "may be repeated; * and ? are wildcards",
    Form.NUMBER: "5, 5-10, 5- or -10; may be repeated",
    Form.AGE: "18Y-65Y, 18Y-, -30D or 6M; may be repeated",
}

_RANGE = (
    option("first", Annotated[str | None, typer.Option(help="First study date, as 2020-01-31.", metavar="DATE")]),
    option("last", Annotated[str | None, typer.Option(help="Last study date.", metavar="DATE")]),
    option(
        "partition",
        Annotated[
            Partition | None, typer.Option(help="How long a piece is that is searched by itself; weekly without it.")
        ],
    ),
    option(
        "criteria",
        Annotated[
            Path | None, typer.Option(help="Dates and filters as JSON, as 'adit mass plan' gives it.", metavar="FILE")
        ],
    ),
)


def with_sweep(command: Callable[..., None]) -> Callable[..., None]:
    """*command*, whose parameter `sweep` comes from options: the dates, the partitions, and two for every filter."""
    filters = [
        option(f"{prefix}{name}", _filtered(field, exclude=bool(prefix)))
        for name, field in FIELDS.items()
        for prefix in ("", "exclude_")
    ]
    return replaced(command, {"sweep": Group((*_RANGE, *filters), _sweep)})


def _filtered(field: Field, *, exclude: bool) -> Any:
    verb = "Leave out by" if exclude else "Only by"
    what = f"{verb} {field.title.lower()}: {_WRITTEN[field.form]}."
    return Annotated[list[str] | None, typer.Option(help=what, metavar=field.form.value.upper())]


def _sweep(given: Mapping[str, Any]) -> Sweep:
    """What the options ask for; those of the command line count more than the file.

    Raises:
        Misused: With everything that is wrong.
    """
    stored = _read(given["criteria"]) if given["criteria"] else {}
    for name in ("first", "last"):
        if given[name] is not None:
            stored[name] = _day(name, given[name]).isoformat()
        elif name not in stored:
            raise Misused(f"Say which days: --{name} is missing.")
    if given["partition"] is not None:
        stored["partition"] = given["partition"].value
    try:
        ranged = {each.name for each in _RANGE}
        asked = [_filter(name, values) for name, values in given.items() if name not in ranged and values]
        sweep = Sweep.from_json(stored)
        return Sweep(sweep.first, sweep.last, sweep.partition, sweep.criteria.with_filters(*asked))
    except BadCriteria as error:
        raise Misused(f"{'; '.join(_typed(reason, given) for reason in error.reasons)}.") from error
    except BadRange as error:
        raise Misused(str(error)) from error


def _typed(reason: str, given: Mapping[str, Any]) -> str:
    """*reason* under the option with which its filter was given; one of a file keeps the filter's title."""
    for name, field in FIELDS.items():
        for asked in (name, f"exclude_{name}"):
            if given[asked] and reason.startswith(f"{field.title}: "):
                return f"--{asked.replace('_', '-')}: {reason.removeprefix(f'{field.title}: ')}"
    return reason


def _read(file: Path) -> dict[str, Any]:
    try:
        stored = json.loads(content(file))
    except ValueError as error:
        raise Misused(f"{file} holds no JSON.") from error
    if not isinstance(stored, dict):
        raise Misused(f"{file} holds no JSON object.")
    # As 'adit mass plan --json' prints it, beside the estimate.
    return dict(stored.get("sweep", stored))


def _day(name: str, written: str) -> date:
    day = read_date(written)
    if day is None:
        raise Misused(f"--{name}: '{written[:64]}' is no date such as 2020-01-31.")
    return day


def _filter(name: str, values: list[str]) -> Filter:
    return Filter(name.removeprefix("exclude_"), tuple(values), name.startswith("exclude_"))
