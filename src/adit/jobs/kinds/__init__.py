"""The kinds of job, spelled out: one file each."""

from __future__ import annotations

from adit.jobs.kinds.batch import BATCH_TRANSFER
from adit.jobs.kinds.check import BATCH_CHECK
from adit.jobs.kinds.kind import Kind, Priority
from adit.jobs.kinds.mass import MASS
from adit.jobs.kinds.query import BATCH_QUERY
from adit.jobs.kinds.selective import SELECTIVE

KINDS: dict[str, Kind] = {kind.key: kind for kind in (SELECTIVE, BATCH_QUERY, BATCH_CHECK, BATCH_TRANSFER, MASS)}

__all__ = ["KINDS", "Kind", "Priority"]
