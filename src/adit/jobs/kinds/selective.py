"""Selective transfer: chosen rows of a search, one study each."""

from __future__ import annotations

from adit.jobs.kinds.kind import Kind, Priority

SELECTIVE = Kind(
    key="selective",
    title="selective transfer",
    permission="jobs.can_transfer_selectively",
    priority=Priority(normal=40, urgent=80),
    interactive=True,
    most=10,
)
