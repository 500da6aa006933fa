"""Mass transfer: whatever a server has of a range of dates, by partitions. Never urgent."""

from __future__ import annotations

from adit.jobs.kinds.kind import Kind, Priority

MASS = Kind(
    key="mass",
    title="mass transfer",
    permission="jobs.can_transfer_in_mass",
    priority=Priority(normal=10, urgent=10),
    interactive=False,
    most=None,
)
