"""Check of a file: what a batch transfer would find, permit and move, by queries only."""

from __future__ import annotations

from adit.jobs.kinds.kind import Kind, Priority

BATCH_CHECK = Kind(
    key="batch_check",
    title="check of a file",
    permission="jobs.can_transfer_in_batches",
    priority=Priority(normal=25, urgent=65),
    interactive=False,
    most=None,
)
