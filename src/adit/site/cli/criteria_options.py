"""The options that say which days and what of them: the same for every command that needs them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from adit.dicom.values import read_date
from adit.site.cli.output import Misused
from adit.site.cli.reading import content
from adit.transfer.mass.criteria import FIELDS, BadCriteria, Field, Filter, Form
from adit.transfer.mass.partitions import BadRange, Partition, Sweep

_WRITTEN = {
    Form.TEXT: "may be repeated; * and ? are wildcards",
    Form.NUMBER: "5, 5-10, 5- or -10; may be repeated",
    Form.AGE: "18Y-65Y, 18Y-, -30D or 6M; may be repeated",
}

_RANGE: dict[str, Any] = {
    "first": Annotated[str | None, typer.Option(help="First study date, as 2020-01-31.", metavar="DATE")],
    "last": Annotated[str | None, typer.Option(help="Last study date.", metavar="DATE")],
    "partition": Annotated[
        Partition | None, typer.Option(help="How long a piece is that is searched by itself; weekly without it.")
    ],
    "criteria": Annotated[
        Path | None, typer.Option(help="Dates and filters as JSON, as 'adit mass plan' gives it.", metavar="FILE")
    ],
}


def with_sweep(command: Callable[..., None]) -> Callable[..., None]:
    """*command*, whose parameter `sweep` comes from options: the dates, the partitions, and two for every filter."""
    filters = {
        f"{prefix}{name}": _option(field, exclude=bool(prefix))
        for name, field in FIELDS.items()
        for prefix in ("", "exclude_")
    }
    own = inspect.signature(command, eval_str=True).parameters

    @wraps(command)
    def called(**given: Any) -> None:
        sweep = _sweep({name: given.pop(name) for name in (*_RANGE, *filters)})
        command(sweep=sweep, **given)

    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in (_RANGE | filters).items()
    ]
    kept = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for name, parameter in own.items() if name != "sweep"
    ]
    called.__signature__ = inspect.Signature([*kept, *added])  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in (*kept, *added)}
    return called


def _option(field: Field, *, exclude: bool) -> Any:
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
        asked = [_filter(name, values) for name, values in given.items() if name not in _RANGE and values]
        sweep = Sweep.from_json(stored)
        return Sweep(sweep.first, sweep.last, sweep.partition, sweep.criteria.with_filters(*asked))
    except BadCriteria as error:
        raise Misused(f"{'; '.join(error.reasons)}.") from error
    except BadRange as error:
        raise Misused(str(error)) from error


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
