"""Permission as an answer: yes, or no with the sentence a person reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


class Denied(Exception):
    """You may not do this."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or type(self).__doc__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What forms, buttons, views, API and worker get from the one function that decides.

    True in a condition when it is a yes.

    Attributes:
        reason: Why not, as a whole sentence for the person who asked; empty for a yes.
    """

    allowed: bool
    reason: str = ""

    def __post_init__(self) -> None:
        if self.allowed == bool(self.reason):
            raise ValueError("a no comes with its reason, a yes without")

    @classmethod
    def no(cls, reason: str) -> Self:
        return cls(False, reason)

    def __bool__(self) -> bool:
        return self.allowed

    def require(self) -> None:
        """Go on if this is a yes.

        Raises:
            Denied: It is a no; its text is the reason.
        """
        if not self.allowed:
            raise Denied(self.reason)


ALLOWED = Verdict(True)
