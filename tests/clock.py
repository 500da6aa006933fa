"""Time, as a test tells it."""

from __future__ import annotations


class Clock:
    """Seconds, which pass when the test says so."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
