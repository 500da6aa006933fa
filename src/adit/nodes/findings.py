"""What the steps of a test of a node show."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ADMINISTRATOR = "the administrator of ADIT"


class Outcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step showed.

    Attributes:
        name: Of the step, such as `TCP` or `C-ECHO`.
        sentence: What was found, and what to change where that is known.
        who: Who can change it; empty where nothing is wrong.
    """

    name: str
    outcome: Outcome
    sentence: str
    who: str = ""


def in_vain(name: str) -> Finding:
    """The finding of the step *name*, which makes no sense after what failed before."""
    return Finding(name, Outcome.SKIPPED, "Not tried, because of the failure above.")
