"""What distinguishes one kind of job from another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Priority:
    """Higher goes first. Every kind has its own: by its priority the queue tells of which kind a task is.

    Attributes:
        urgent: The same as *normal* where the kind is never urgent.
    """

    normal: int
    urgent: int


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job.

    Attributes:
        key: As in `Job.kind` and in folder names.
        title: For people, in the middle of a sentence.
        permission: Whoever makes one needs it, as "app.codename".
        interactive: Somebody is waiting for it: its tasks may use the association of a node that
            is kept free, and do not wait for the node's window.
        most: Items that a user who is not staff may order at once without verification; None for any number.
    """

    key: str
    title: str
    permission: str
    priority: Priority
    interactive: bool
    most: int | None

    @property
    def can_be_urgent(self) -> bool:
        return self.priority.urgent != self.priority.normal
