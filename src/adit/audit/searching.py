"""Finding events: what is wanted as one value, and the pages and files that are made of what is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.db import connection
from django.db.models import Q, QuerySet

from adit.audit.models import Event

AT_ONCE = 1000
"""Events that a file is written of at a time."""

# A loose index scan: one probe for each action, however many events there are.
_ACTIONS = """
WITH RECURSIVE known AS (
  (SELECT action FROM audit_event ORDER BY action LIMIT 1)
  UNION ALL
  SELECT (SELECT action FROM audit_event WHERE action > known.action ORDER BY action LIMIT 1)
  FROM known WHERE known.action IS NOT NULL
)
SELECT action FROM known WHERE action IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events. Empty means any; all that is given must fit.

    Attributes:
        since, until: From the first on, and before the second.
        action: As it is recorded; or only its noun, such as `job`.
        study: A Study Instance UID.
    """

    since: datetime | None = None
    until: datetime | None = None
    actor: str = ""
    action: str = ""
    outcome: str = ""
    node: str = ""
    job: int | None = None
    patient: str = ""
    study: str = ""

    def __bool__(self) -> bool:
        return self != Wanted()


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two events, in the order newest first."""

    time: datetime
    id: int

    @classmethod
    def of(cls, event: Event) -> Self:
        return cls(event.time, event.pk)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `str` wrote; None for anything else."""
        when, _, number = text.partition("_")
        try:
            cursor = cls(datetime.fromisoformat(when), int(number))
        except ValueError:
            return None
        return cursor if cursor.time.tzinfo else None

    def __str__(self) -> str:
        return f"{self.time.isoformat()}_{self.id}"

    def older(self) -> Q:
        # The first condition is what the index on time is read by.
        return Q(time__lte=self.time) & (Q(time__lt=self.time) | Q(id__lt=self.id))

    def newer(self) -> Q:
        return Q(time__gte=self.time) & (Q(time__gt=self.time) | Q(id__gt=self.id))


def events(wanted: Wanted) -> QuerySet[Event]:
    """The events that are wanted, newest first."""
    found = Event.objects.order_by("-time", "-id")
    if wanted.since:
        found = found.filter(time__gte=wanted.since)
    if wanted.until:
        found = found.filter(time__lt=wanted.until)
    if wanted.action:
        noun = f"{wanted.action}."
        found = found.filter(
            action__in=[each for each in known_actions() if each == wanted.action or each.startswith(noun)]
        )
    if wanted.node:
        found = found.filter(nodes__contains=[wanted.node])
    if wanted.job is not None:
        found = found.filter(job=wanted.job)
    exact = {
        "actor": wanted.actor,
        "outcome": wanted.outcome,
        "patient_id": wanted.patient,
        "study_uid": wanted.study,
    }
    return found.filter(**{name: value for name, value in exact.items() if value})


def known_actions() -> list[str]:
    """Every action that was ever recorded, by name."""
    with connection.cursor() as cursor:
        cursor.execute(_ACTIONS)
        return [action for (action,) in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, newest first.

    Attributes:
        newer, older: Where the neighbouring pages begin; None where there is none.
    """

    events: list[Event]
    newer: Cursor | None
    older: Cursor | None


def page(wanted: Wanted, *, size: int, after: Cursor | None = None, before: Cursor | None = None) -> Page:
    """A page of what is wanted.

    Args:
        after: It begins with the first event older than this.
        before: It ends with the last event newer than this.
    """
    found = events(wanted)
    if before is not None:
        rows = list(found.filter(before.newer()).order_by("time", "id")[: size + 1])
        more, rows = len(rows) > size, rows[:size][::-1]
        if not rows:
            return page(wanted, size=size)
        return Page(rows, Cursor.of(rows[0]) if more else None, Cursor.of(rows[-1]))
    if after is not None:
        found = found.filter(after.older())
    rows = list(found[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    newer = Cursor.of(rows[0]) if after is not None and rows else None
    return Page(rows, newer, Cursor.of(rows[-1]) if more else None)


def everything(wanted: Wanted) -> Iterator[list[Event]]:
    """All that is wanted, newest first, in pieces, however much it is. No connection is held between two pieces."""
    after: Cursor | None = None
    while True:
        found = events(wanted) if after is None else events(wanted).filter(after.older())
        piece = list(found[:AT_ONCE])
        if piece:
            yield piece
        if len(piece) < AT_ONCE:
            return
        after = Cursor.of(piece[-1])
