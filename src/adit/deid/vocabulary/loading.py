"""Reading the vocabulary, and asking it."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files

from adit.deid.folding import merged, plain

_ADJECTIVE = "~"

_NOUN_ENDINGS = ("e", "en", "n", "s", "es")
_ADJECTIVE_ENDINGS = ("e", "en", "er", "es", "em")
_PLURAL = ("s", "es")

_JOINTS = ("", "s", "es", "n", "en", "e")
"""What German puts between the parts of a compound."""

_LEAST_PART = 4
"""Letters of a part of a compound: of shorter ones, names are made (`Arm` + `and`)."""


@cache
def entries(file: str) -> frozenset[str]:
    """The words of a file beside this module, each `folding.plain`: parted by white space, `#` begins a comment."""
    written = (files(__package__) / file).read_text("utf-8").splitlines()
    return frozenset(plain(word) for line in written for word in line.partition("#")[0].split())


@cache
def _german() -> frozenset[str]:
    return frozenset(merged(word.rstrip(_ADJECTIVE)) for word in entries("german.txt"))


@cache
def _whole() -> frozenset[str]:
    """All words that stand for themselves, with their endings."""
    words = set(_german())
    for file in ("english.txt", "coded.txt", "vendors.txt"):
        words.update(map(merged, entries(file)))
    words.update(merged(word + ending) for word in entries("english.txt") if len(word) > 3 for ending in _PLURAL)
    for word in entries("german.txt"):
        endings = _ADJECTIVE_ENDINGS if word.endswith(_ADJECTIVE) else _NOUN_ENDINGS if len(word) > 3 else ()
        words.update(merged(word.rstrip(_ADJECTIVE) + ending) for ending in endings)
    return frozenset(words)


@cache
def _short() -> frozenset[str]:
    return entries("short.txt") | entries("units.txt")


@cache
def _parts() -> frozenset[str]:
    stems = (word[:-1] for word in _german() if word.endswith("e"))
    return frozenset(word for word in (*_german(), *stems) if len(word) >= _LEAST_PART)


@lru_cache(maxsize=1 << 14)
def is_imaging(word: str) -> bool:
    """Whether a word (`folding.fold`) of three letters and more is one of imaging, also inflected or put together."""
    return len(word) >= 3 and (word in _whole() or word in _short() or _is_compound(word))


@lru_cache(maxsize=1 << 14)
def is_term(word: str) -> bool:
    """Whether a word (`folding.plain`) is one of imaging, an abbreviation or a unit."""
    return word in _short() or merged(word) in _whole() or _is_compound(merged(word))


def _is_compound(word: str) -> bool:
    return len(word) >= 2 * _LEAST_PART and any(
        word[:end] in _parts() and _goes_on(word[end:]) for end in range(_LEAST_PART, len(word) - _LEAST_PART + 1)
    )


def _goes_on(rest: str) -> bool:
    return any(
        rest.startswith(joint) and (rest[len(joint) :] in _whole() or _is_compound(rest[len(joint) :]))
        for joint in _JOINTS
        if len(rest) - len(joint) >= _LEAST_PART
    )
