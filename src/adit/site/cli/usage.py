"""What is wrong with the words of a command, in our words: Typer's own differ by release, and quote libraries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_KINDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "int_parsing": lambda _: "is no whole number",
    "int_parsing_size": lambda _: "is too large a number",
    "float_parsing": lambda _: "is no number",
    "finite_number": lambda _: "is no number",
    "greater_than_equal": lambda limits: f"is too small: {limits['ge']:g} is the least",
    "less_than_equal": lambda limits: f"is too large: {limits['le']:g} is the most",
}
"""By the name that pydantic gives a fault (its documentation lists them): what is wrong with the value."""

_LONGEST = 64
"""Letters of a value that are repeated."""


def misuse(error: Exception) -> str:
    """The sentence for *error*, a usage error of Typer: which option or argument, what is wrong, what would do.

    It is told apart by what it carries, because Typer exports no more than its base class.
    """
    option, parameter = getattr(error, "option_name", None), getattr(error, "param", None)
    if parameter is not None:
        if hasattr(error, "param_type"):
            return f"{_called(parameter)} is missing{_help(error)}"
        return f"{_called(parameter)}: {_fault(error)}."
    if option is not None and hasattr(error, "possibilities"):
        near = " or ".join(sorted(set(error.possibilities or ()) - {"--help"}))
        hint = f"; did you mean {near}?" if near else _help(error)
        return f"There is no option {option}{hint}"
    message = str(getattr(error, "message", error))
    if option is not None:
        return f"{option} takes no value." if "does not take" in message else f"{option} needs a value."
    if message.startswith("No such command"):
        return f"There is no command {message.removeprefix('No such command').strip(' .')}; {_commands(error)}."
    if message.startswith("Missing command") or type(error).__name__ == "NoArgsIsHelpError":
        return f"A command is missing; {_commands(error)}."
    if message.startswith("Got unexpected extra argument"):
        return f"'{message.partition(') (')[2].removesuffix(')')}' is too much{_help(error)}"
    return message


def _called(parameter: Any) -> str:
    """An option as it is typed, an argument as the help names it."""
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name).upper()


def _fault(error: Exception) -> str:
    found: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    words = _KINDS.get(found[0]["type"]) if found else None
    if words is None:
        # Of a choice, which Typer checks itself.
        return str(getattr(error, "message", error)).removeprefix("Value error, ").rstrip(".")
    written = str(found[0]["input"])
    if written.lower() == "nan":
        words = _KINDS["finite_number"]
    shown = written if len(written) <= _LONGEST else f"{written[:_LONGEST]}…"
    return f"'{shown}' {words(found[0].get('ctx', {}))}"


def _commands(error: Exception) -> str:
    """What follows the word that has commands below it."""
    context: Any = getattr(error, "ctx", None)
    return f"{context.command_path} has {', '.join(context.command.list_commands(context))}"


def _help(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return f": '{context.command_path} --help' says more." if context is not None else "."
