"""What is wrong with the fields of a row, in our words, and under the options that fill them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.core.exceptions import ValidationError

_OPTIONS = {
    "quota_gb": "--quota",
    "dicomweb_url": "--dicomweb",
    "qido_prefix": "--prefixes",
    "wado_prefix": "--prefixes",
    "stow_prefix": "--prefixes",
    "authorization": "--authorization-file",
    "dicomweb_ca": "--ca-bundle",
    "dicomweb_certificate": "--client-certificate",
    "path": "--folder",
    "suspended_reason": "--reason",
    "email": "--mail",
}
"""Of fields whose option is called otherwise."""

_CONSTRAINT = "Constraint"
"""With this word begins what Django says of a constraint that has no sentence of its own."""

_SPELLED = {"name": "The name", "username": "The user name", "password": "The password"}
"""Fields that no option fills, or not always: our own sentences name them."""

_UNNAMED = frozenset(("__all__", "kind"))

_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "blank": lambda _: "is empty",
    "null": lambda _: "is empty",
    "max_length": lambda limits: f"has more than {limits['limit_value']} characters",
    "min_value": lambda limits: f"is less than {limits['limit_value']:g}",
    "max_value": lambda limits: f"is more than {limits['limit_value']:g}",
    "unique": lambda _: "is taken already",
    "null_characters_not_allowed": lambda _: "holds a NUL character",
}
"""By the code that Django gives a fault."""

_INVALID = {
    "email": "is no mail address",
    "username": "holds other than letters, digits and @ . + - _",
}
"""By field, what is wrong where Django says only that something is."""


def complaints(error: ValidationError) -> Iterator[str]:
    """A sentence for each fault; one that several fields share is said once, under all their options."""
    if not hasattr(error, "error_dict"):
        yield from error.messages
        return
    fields: dict[str, list[str]] = {}
    for field, errors in error.error_dict.items():
        for sentence in _of_field(field, errors):
            fields.setdefault(sentence, []).append(field)
    for sentence, named in fields.items():
        options = ", ".join(dict.fromkeys(_option(field) for field in named if field not in _SPELLED.keys() | _UNNAMED))
        # Where it says itself which option it is about, that is enough.
        yield f"{options}: {sentence}" if options and not sentence.startswith("--") else sentence
    if not fields:
        yield "These values do not go together."


def _of_field(field: str, errors: Iterable[ValidationError]) -> list[str]:
    """Our own sentences; where there are none, Django's first fault in our words."""
    ours, theirs = [], []
    for each in errors:
        code = str(each.code)
        words = _INVALID.get(field) if code == "invalid" else None
        if words is None and code in _WORDS:
            words = _WORDS[code](each.params or {})
        if words is None:
            # A constraint is broken where something else is wrong that has a sentence.
            ours += [message for message in each.messages if not message.startswith(_CONSTRAINT)]
        else:
            theirs.append(f"{_SPELLED.get(field) or _option(field)} {words}.")
    return ours or theirs[:1]


def _option(field: str) -> str:
    return _OPTIONS.get(field, f"--{field.replace('_', '-')}")
