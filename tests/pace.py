"""How long something may take on a machine that has other things to do, too."""

from __future__ import annotations

import os


def within(seconds: float) -> float:
    """What *seconds* on a quiet machine are on this one now: more, where more wants to run than it has cores."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
