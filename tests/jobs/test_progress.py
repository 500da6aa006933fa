import pytest

from adit.jobs.progress import SECONDS, Pace


class TestThePace:
    def test_is_unknown_before_two_looks(self):
        pace = Pace()
        assert (pace.bytes_per_second, pace.seconds_left) == (None, None)

        pace.note(10, 500, 0.1)
        assert (pace.bytes_per_second, pace.seconds_left) == (None, None)

    def test_is_that_of_the_last_seconds(self):
        pace = Pace()
        for second in range(100):
            pace.note(second, 1000 * second if second < 50 else 50_000 + 10 * (second - 50), second / 200)

        assert pace.bytes_per_second == pytest.approx(10)
        assert pace.seconds_left == pytest.approx((1 - 99 / 200) * 200)

    def test_says_nothing_of_the_end_while_nothing_moves(self):
        pace = Pace()
        for second in range(int(SECONDS) + 2):
            pace.note(second, 500, 0.5)

        assert (pace.bytes_per_second, pace.seconds_left) == (0, None)

    def test_begins_anew_when_the_job_does(self):
        pace = Pace()
        pace.note(1, 1000, 0.9)
        pace.note(2, 0, 0.0)
        pace.note(3, 100, 0.1)

        assert pace.bytes_per_second == 100
