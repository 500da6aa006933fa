"""Batch query: rows of a file, and what a server has for them."""

from __future__ import annotations

from adit.jobs.kinds.kind import Kind, Priority

BATCH_QUERY = Kind(
    key="batch_query",
    title="batch query",
    permission="jobs.can_query_in_batches",
    priority=Priority(normal=30, urgent=70),
    interactive=False,
    most=1000,
)
