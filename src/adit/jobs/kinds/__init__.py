"""The kinds of job, spelled out: one file each."""

from __future__ import annotations

from adit.jobs.kinds.kind import Kind, Priority
from adit.jobs.kinds.selective import SELECTIVE

KINDS: dict[str, Kind] = {kind.key: kind for kind in (SELECTIVE,)}

__all__ = ["KINDS", "Kind", "Priority"]
