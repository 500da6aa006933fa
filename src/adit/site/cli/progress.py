"""How far a command is, for a person who watches: a line on standard error that a script never sees."""

from __future__ import annotations

import sys
import time
from typing import Self

_EVERY = 0.2
"""Seconds between two updates."""


class Progress:
    """Counts *what* on a terminal, and nothing elsewhere."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._count = 0
        self._said = time.monotonic()
        self._on = sys.stderr.isatty()

    def step(self) -> None:
        """One more is done."""
        self._count += 1
        if self._on and (now := time.monotonic()) - self._said >= _EVERY:
            self._said = now
            print(f"\r{self._count} {self._what}", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._on and self._count:
            # What was said makes room for the result.
            print("\r\033[K", end="", file=sys.stderr, flush=True)
