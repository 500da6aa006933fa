"""Weekly transfer windows: when a node may be used, as a pure function of the time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class BadWindows(ValueError):
    """The weekly windows cannot be understood."""


@dataclass(frozen=True, slots=True)
class Window:
    """One window a day on some days of the week.

    Attributes:
        days: Days on which it opens, 0 is Monday.
        opens: Wall-clock time.
        closes: Wall-clock time of the same day, or of the next where it is not after *opens*:
            18:00 to 06:00 lies over midnight, 00:00 to 00:00 is a whole day.
    """

    days: frozenset[int]
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Windows:
    """All windows of a node, in its own time zone.

    Stored as `{"zone": "Europe/Berlin", "open": [{"days": ["mon", "fri"], "from": "18:00", "until": "06:00"}]}`.
    """

    zone: ZoneInfo
    windows: tuple[Window, ...]

    @classmethod
    def from_json(cls, stored: Any) -> Self | None:
        """Read the stored form; None stands for no windows: always open.

        Raises:
            BadWindows: With a sentence that says what is wrong.
        """
        if stored is None:
            return None
        if not isinstance(stored, dict) or not isinstance(stored.get("open"), list):
            raise BadWindows('Windows are written as {"zone": …, "open": [{"days": …, "from": …, "until": …}]}.')
        if not stored["open"]:
            raise BadWindows("A node without any window would never open; leave the windows empty for always.")
        try:
            zone = ZoneInfo(str(stored.get("zone", "")))
        except (KeyError, ValueError, OSError) as error:
            raise BadWindows(f"'{stored.get('zone', '')}' is no time zone, such as Europe/Berlin.") from error
        return cls(zone, tuple(_window(entry) for entry in stored["open"]))


def open_at(windows: Windows | None, when: datetime) -> bool:
    """Whether *when*, an aware time, lies in a window. The opening minute does, the closing does not."""
    return windows is None or any(start <= when < end for start, end in _around(windows, when))


def opens_next(windows: Windows | None, when: datetime) -> datetime | None:
    """The first moment from *when* on at which a window is open, in UTC; None if there is none within two weeks."""
    if open_at(windows, when):
        return when.astimezone(UTC)
    assert windows is not None
    return min((start for start, _ in _around(windows, when) if start > when), default=None)


def closes_next(windows: Windows | None, when: datetime) -> datetime | None:
    """The first moment after *when*, at which they are open, when no window is, in UTC; None if that is not within
    two weeks."""
    if windows is None:
        return None
    spans, until = list(_around(windows, when)), when
    while later := max((end for start, end in spans if start <= until < end), default=None):
        until = later
    last = max((end for _, end in spans), default=when)
    return until.astimezone(UTC) if when < until < last else None


def _around(windows: Windows, when: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield start and end in UTC of the windows from the day before *when* until two weeks later.

    Two weeks, because a window may be swallowed once by a change of the clock.
    """
    yesterday = when.astimezone(windows.zone).date() - timedelta(days=1)
    for offset in range(16):
        day = yesterday + timedelta(days=offset)
        for window in windows.windows:
            if day.weekday() in window.days:
                start = _instant(day, window.opens, windows.zone)
                last = day if window.closes > window.opens else day + timedelta(days=1)
                end = _instant(last, window.closes, windows.zone)
                if start < end:
                    yield start, end


def _instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The moment at which a clock on the wall shows *wall*: the first of two, and where the clock
    skips it, as many minutes after the skip."""
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)


def _window(entry: Any) -> Window:
    if not isinstance(entry, dict):
        raise BadWindows("A window has days, from and until.")
    days = entry.get("days", [])
    if not isinstance(days, list) or not days or any(day not in DAYS for day in days):
        raise BadWindows(f"The days of a window are one or more of {', '.join(DAYS)}.")
    return Window(frozenset(map(DAYS.index, days)), _wall(entry.get("from")), _wall(entry.get("until")))


def _wall(text: Any) -> time:
    try:
        hour, minute = str(text).split(":")
        return time(int(hour), int(minute))
    except ValueError as error:
        raise BadWindows(f"'{text}' is no time of day, such as 18:00.") from error
