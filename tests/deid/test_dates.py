"""Moving dates, and telling an age."""

from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adit.deid.dates import age_of, coarser_age, shift_date, shift_datetime
from adit.dicom.values import read_date

DAYS = st.integers(-729, -62)
DATES = st.dates(date(1905, 1, 1), date(2199, 12, 31)).filter(lambda day: (day.month, day.day) != (1, 1))


def da(day: date) -> str:
    return f"{day:%Y%m%d}"


class TestADate:
    @pytest.mark.parametrize(
        ("written", "moved"),
        [
            ("20200301", "20200229"),
            ("20200301 ", "20200229"),
            (" 20200301\0", "20200229"),
            ("2020.03.01", "20200229"),
            ("2020-03-01", "20200229"),
            ("20200301\\20200101", "20200229\\20191231"),
            ("20200301\\", "20200229\\"),
            ("20200301-20200302", "20200229-20200301"),
            ("20200301 - 20200302", "20200229-20200301"),
            ("20200301-", "20200229-"),
            ("-20200301", "-20200229"),
            ("2020-03-01-2020-03-02", "20200229-20200301"),
            ("", ""),
            (" ", ""),
        ],
    )
    def test_is_moved(self, written, moved):
        assert shift_date(written, -1) == moved

    @pytest.mark.parametrize(
        "written",
        [
            "20201341",
            "20190229",
            "00000000",
            "1947",
            "202003",
            "2020030",
            "unknown",
            "20200301x",
            "20200301\\1947",
            "20200301-2020",
            "-",
            "20200301-20200302-20200303",
            "２０２００３０１",
        ],
    )
    def test_that_is_none_is_unreadable(self, written):
        assert shift_date(written, -100) is None

    @pytest.mark.parametrize("stand_in", ["00010101", "19000101", "18991230", "18581117", "19700101", "99991231"])
    def test_that_stands_for_unknown_would_give_the_shift_away(self, stand_in):
        assert shift_date(stand_in, -100) is None
        assert shift_datetime(stand_in + "000000", -100) is None

    @given(DATES, DATES, DAYS)
    def test_keeps_its_distance_to_others(self, one, other, days):
        moved, moved_other = (read_date(shift_date(da(day), days)) for day in (one, other))

        assert moved - moved_other == one - other
        assert moved - one == timedelta(days)

    @given(st.text() | st.from_regex(r"[0-9 .\\-]{0,20}"), st.integers(-(10**9), 10**9))
    def test_never_fails(self, written, days):
        for shift in (shift_date, shift_datetime):
            moved = shift(written, days)
            assert moved is None or moved.isascii()


class TestADateTime:
    @pytest.mark.parametrize(
        ("written", "moved"),
        [
            ("20200301", "20200229"),
            ("20200301103000", "20200229103000"),
            ("20200301103000.123456+0100", "20200229103000.123456+0100"),
            ("2020030110-0500 ", "2020022910-0500"),
            ("20200301+0100", "20200229+0100"),
            ("20200301235960", "20200229235960"),
            ("20200301103000-20200302103000", "20200229103000-20200301103000"),
            ("20200301-0500-20200302-0500", "20200229-0500-20200301-0500"),
            ("20200301-20200302", "20200229-20200301"),
            ("20200301-", "20200229-"),
            ("20200301\\20200302", "20200229\\20200301"),
            ("", ""),
        ],
    )
    def test_is_moved_and_keeps_time_and_offset(self, written, moved):
        assert shift_datetime(written, -1) == moved

    @pytest.mark.parametrize(
        "written",
        ["2020", "202003", "20200301256000", "20200301Mueller", "20200301+9900", "2020030110300", "20200301-2020"],
    )
    def test_that_is_none_or_no_day_is_unreadable(self, written):
        assert shift_datetime(written, -100) is None


class TestAnAge:
    @pytest.mark.parametrize(
        ("birth", "at", "age"),
        [
            ("19540312", "20200311", "065Y"),
            ("19540312", "20200312", "066Y"),
            ("20180301", "20200229", "023M"),
            ("20180301", "20200301", "002Y"),
            ("20200101", "20200131", "000M"),
            ("20200101", "20200201", "001M"),
            ("20200131", "20200229", "000M"),
            ("19200101", "20200101", "090Y"),
            ("19300601", "20200601", "090Y"),
            ("1954.03.12", "20200312", "066Y"),
            ("19540312", "20200312103000", "066Y"),
            ("20200102", "20200101", ""),
            ("18000101", "20200101", ""),
            ("", "20200101", ""),
            ("19540312", "", ""),
            ("1954", "20200101", ""),
        ],
    )
    def test_is_told_in_years_or_months(self, birth, at, age):
        assert age_of(birth, at) == age

    def test_of_a_newborn_is_told_in_days_where_the_profile_wants_it(self):
        assert age_of("20200101", "20200113", days_too=True) == "012D"
        assert age_of("20200101", "20200201", days_too=True) == "001M"

    @given(DATES, DATES)
    def test_never_tells_the_birth_date_closer_than_its_own_unit(self, birth, at):
        assume(birth <= at)
        age = age_of(da(birth), da(at))

        for day in range(1, 28):
            if birth.day < at.day and day < at.day:
                # Any other day of the same month before the same day of the month gives the same age.
                assert age_of(da(birth.replace(day=day)), da(at)) == age

    @pytest.mark.parametrize(
        ("written", "age"),
        [
            ("063Y", "063Y"),
            ("63Y ", "063Y"),
            ("095y", "090Y"),
            ("001Y", "012M"),
            ("018M", "018M"),
            ("030M", "002Y"),
            ("012W", "002M"),
            ("012D", "000M"),
            ("500D", "016M"),
            ("999D", "002Y"),
            ("", ""),
            ("old", ""),
            ("1954", ""),
        ],
    )
    def test_that_somebody_wrote_gets_the_same_units(self, written, age):
        assert coarser_age(written) == age

    def test_in_days_that_somebody_wrote_stays_where_the_profile_wants_it(self):
        assert coarser_age("012D", days_too=True) == "012D"
        assert coarser_age("002W", days_too=True) == "014D"
        assert coarser_age("090D", days_too=True) == "002M"

    @given(st.text(), st.text())
    def test_of_anything_is_a_text(self, one, other):
        assert isinstance(age_of(one, other), str)
        assert isinstance(coarser_age(one), str)
