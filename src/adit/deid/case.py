"""What else than an element itself decides what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass

from adit.deid.descriptors import Words
from adit.deid.engine import Engine
from adit.deid.keys import Key
from adit.deid.known import Known
from adit.deid.rules.resolve import Rules


@dataclass(frozen=True, slots=True)
class Case:
    """The patient, the profile and the key: equal for all instances whose equal elements become equal ones.

    Attributes:
        rules: The profile, for one SOP class.
        known: What the instance says of who is meant.
        days: By which dates are shifted.
        pseudonym: Replaces PatientID and PatientName; empty where there is none.
        age: PatientAge (AS) as computed; empty where it cannot be told.
        released: Paths of attributes that a person let through, as `walking.path_of` writes them.
    """

    rules: Rules
    key: Key
    words: Words
    engine: Engine
    known: Known
    days: int
    pseudonym: str
    age: str
    released: frozenset[str]
