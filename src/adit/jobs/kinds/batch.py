"""Batch transfer: rows of a file, by study."""

from __future__ import annotations

from adit.jobs.kinds.kind import Kind, Priority

BATCH_TRANSFER = Kind(
    key="batch_transfer",
    title="batch transfer",
    permission="jobs.can_transfer_in_batches",
    priority=Priority(normal=20, urgent=60),
    interactive=False,
    most=500,
)
