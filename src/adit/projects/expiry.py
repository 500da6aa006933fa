"""The last day on which a project sends, and the moment at which that is over."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta


def end_of(last: date) -> datetime:
    """When the day *last* is over, in UTC."""
    return datetime.combine(last + timedelta(days=1), time(), tzinfo=UTC)


def last_day(end: datetime | None) -> date | None:
    """The day of which *end* is the end; None for a project that does not expire."""
    return None if end is None else (end.astimezone(UTC) - timedelta(microseconds=1)).date()
