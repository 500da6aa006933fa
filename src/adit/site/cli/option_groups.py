"""Options that belong together: a group of them is one parameter of every command that has it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


@dataclass(frozen=True, slots=True)
class Group:
    """Options, and what they become.

    Attributes:
        options: Parameters of keywords, annotated as Typer wants them.
        read: Makes the command's one argument of what was given.
    """

    options: tuple[inspect.Parameter, ...]
    read: Callable[[Mapping[str, Any]], object]


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """*command*, in which a frozen dataclass as a parameter stands for an option for each of its fields."""
    own = inspect.signature(command, eval_str=True).parameters
    return replaced(
        command, {name: _of_fields(each.annotation) for name, each in own.items() if is_dataclass(each.annotation)}
    )


def replaced(command: Callable[..., None], groups: Mapping[str, Group]) -> Callable[..., None]:
    """*command*, whose parameters named in *groups* come from options that stand in their places."""

    @wraps(command)
    def called(**given: Any) -> None:
        read = {
            name: group.read({option.name: given.pop(option.name) for option in group.options})
            for name, group in groups.items()
        }
        command(**read, **given)

    shown: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        if name in groups:
            shown += groups[name].options
        else:
            shown.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    called.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return called


def option(name: str, annotation: Any, default: object = None) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _of_fields(kind: Any) -> Group:
    annotations = get_type_hints(kind, include_extras=True)
    options = tuple(option(field.name, annotations[field.name], _default(field)) for field in fields(kind))
    return Group(options, lambda given: kind(**given))


def _default(field: Field[Any]) -> object:
    return inspect.Parameter.empty if field.default is MISSING else field.default
