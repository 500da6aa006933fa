from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from adit.nodes.windows import BadWindows, Windows, closes_next, open_at, opens_next

BERLIN = ZoneInfo("Europe/Berlin")
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]


def weekly(*windows, zone="Europe/Berlin"):
    opened = [{"days": days, "from": opens, "until": closes} for days, opens, closes in windows]
    return Windows.from_json({"zone": zone, "open": opened})


def local(*parts, fold=0):
    return datetime(*parts, tzinfo=BERLIN, fold=fold)


NIGHTS = weekly((WEEKDAYS, "18:00", "06:00"))


class TestWindows:
    @pytest.mark.parametrize(
        ("when", "is_open"),
        [
            (local(2026, 11, 23, 17, 59, 59), False),  # Monday
            (local(2026, 11, 23, 18), True),
            (local(2026, 11, 24, 5, 59, 59), True),
            (local(2026, 11, 24, 6), False),
            (local(2026, 11, 28, 3), True),  # Saturday morning belongs to Friday's window
            (local(2026, 11, 28, 19), False),
            (local(2026, 11, 23, 3), False),  # Monday morning would belong to Sunday's
        ],
    )
    def test_lie_over_midnight(self, when, is_open):
        assert open_at(NIGHTS, when) == is_open

    def test_are_kept_in_the_nodes_own_time_zone(self):
        assert open_at(NIGHTS, datetime(2026, 11, 23, 17, tzinfo=UTC))
        assert not open_at(NIGHTS, datetime(2026, 7, 20, 15, 59, tzinfo=UTC))
        assert open_at(NIGHTS, datetime(2026, 7, 20, 16, tzinfo=UTC))

    def test_are_always_open_where_there_are_none(self):
        when = local(2026, 11, 24, 12)

        assert open_at(None, when)
        assert opens_next(None, when) == when

    def test_of_a_whole_day_begin_and_end_at_the_same_time(self):
        sundays = weekly((["sun"], "00:00", "00:00"))

        assert open_at(sundays, local(2026, 11, 29, 0))
        assert open_at(sundays, local(2026, 11, 29, 23, 59))
        assert not open_at(sundays, local(2026, 11, 30, 0))

    def test_say_when_they_close(self):
        assert closes_next(NIGHTS, local(2026, 11, 23, 20)) == local(2026, 11, 24, 6)
        assert closes_next(NIGHTS, local(2026, 11, 24, 12)) is None
        assert closes_next(None, local(2026, 11, 24, 12)) is None

    def test_close_when_the_last_of_those_that_overlap_does(self):
        both = weekly((["mon"], "08:00", "12:00"), (["mon"], "10:00", "16:00"), (["mon"], "16:00", "17:00"))

        assert closes_next(both, local(2026, 11, 23, 9)) == local(2026, 11, 23, 17)

    def test_of_all_days_never_close(self):
        days = [*WEEKDAYS, "sat", "sun"]

        assert closes_next(weekly((days, "00:00", "00:00")), local(2026, 11, 23, 9)) is None

    def test_say_when_they_open_next(self):
        assert opens_next(NIGHTS, local(2026, 11, 24, 12)) == local(2026, 11, 24, 18)
        assert opens_next(NIGHTS, local(2026, 11, 28, 12)) == local(2026, 11, 30, 18)
        assert opens_next(NIGHTS, local(2026, 11, 24, 20)) == local(2026, 11, 24, 20)
        assert opens_next(weekly((["tue"], "01:00", "02:00")), local(2026, 11, 24, 2)) == local(2026, 12, 1, 1)

    def test_may_be_several(self):
        both = weekly((WEEKDAYS, "22:00", "05:00"), (["sat", "sun"], "00:00", "00:00"))

        assert open_at(both, local(2026, 11, 28, 12))
        assert not open_at(both, local(2026, 11, 27, 12))
        assert opens_next(both, local(2026, 11, 27, 12)) == local(2026, 11, 27, 22)


class TestWindowsWhenTheClockChanges:
    """In Berlin 2026 the clock skips 02:00 to 03:00 on 29 March and repeats it on 25 October."""

    def test_are_an_hour_shorter_in_spring_and_longer_in_autumn(self):
        nights = weekly((["sat"], "18:00", "06:00"))

        assert opens_next(nights, local(2026, 3, 28, 12)) == datetime(2026, 3, 28, 17, tzinfo=UTC)
        assert open_at(nights, datetime(2026, 3, 29, 3, 59, tzinfo=UTC))
        assert not open_at(nights, datetime(2026, 3, 29, 4, tzinfo=UTC))
        assert open_at(nights, datetime(2026, 10, 25, 4, 59, tzinfo=UTC))
        assert not open_at(nights, datetime(2026, 10, 25, 5, tzinfo=UTC))

    def test_that_open_in_the_skipped_hour_open_as_long_after_it(self):
        early = weekly((["sun"], "02:30", "05:00"))

        assert opens_next(early, local(2026, 3, 28, 12)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
        assert open_at(early, local(2026, 3, 29, 3, 30))

    def test_that_the_skipped_hour_swallows_open_a_week_later(self):
        swallowed = weekly((["sun"], "02:30", "03:00"))

        assert opens_next(swallowed, local(2026, 3, 28, 12)) == local(2026, 4, 5, 2, 30)

    def test_that_lie_in_the_repeated_hour_open_once(self):
        short = weekly((["sun"], "02:15", "02:45"))

        assert open_at(short, local(2026, 10, 25, 2, 30))
        assert not open_at(short, local(2026, 10, 25, 2, 30, fold=1))


class TestStoredWindows:
    @pytest.mark.parametrize(
        ("stored", "sentence"),
        [
            ([], "written as"),
            ({"zone": "Europe/Berlin"}, "written as"),
            ({"zone": "Europe/Berlin", "open": []}, "never open"),
            ({"zone": "Berlin", "open": [{}]}, "no time zone"),
            ({"zone": "../../etc/passwd", "open": [{}]}, "no time zone"),
            ({"open": [{}]}, "no time zone"),
            ({"zone": "UTC", "open": ["mon"]}, "has days"),
            ({"zone": "UTC", "open": [{"days": [], "from": "1:00", "until": "2:00"}]}, "days of a window"),
            ({"zone": "UTC", "open": [{"days": ["monday"], "from": "1:00", "until": "2:00"}]}, "days of a window"),
            ({"zone": "UTC", "open": [{"days": ["mon"], "from": "25:00", "until": "2:00"}]}, "no time of day"),
            ({"zone": "UTC", "open": [{"days": ["mon"], "from": "18", "until": "2:00"}]}, "no time of day"),
            ({"zone": "UTC", "open": [{"days": ["mon"], "until": "2:00"}]}, "no time of day"),
        ],
    )
    def test_that_make_no_sense_are_refused_with_a_sentence(self, stored, sentence):
        with pytest.raises(BadWindows, match=sentence):
            Windows.from_json(stored)
