"""Bytes in flight: what a share may count on, and who waits for whom."""

import threading

import pytest

from adit.dicom.errors import Canceled
from adit.endpoints.budget import Budget
from adit.endpoints.cancel import CancelToken


class Taking:
    """Takes in a thread of its own."""

    def __init__(self, share, size, cancel=None):
        self.error = None
        self.got = threading.Event()
        self._cancel = cancel or CancelToken()
        self._thread = threading.Thread(target=self._take, args=(share, size))
        self._thread.start()

    def _take(self, share, size):
        try:
            share.take(size, self._cancel)
            self.got.set()
        except Canceled as canceled:
            self.error = canceled

    def ended(self):
        self._thread.join(10)
        assert not self._thread.is_alive(), "it still waits"
        return self.got.is_set()


def waiting(budget, number):
    """Wait until *number* stand in the queue."""
    deadline = threading.Event()
    for _ in range(1000):
        if len(budget._waiting) == number:
            return
        deadline.wait(0.005)
    raise AssertionError(f"{len(budget._waiting)} wait instead of {number}")


@pytest.fixture
def budget():
    return Budget(100, guaranteed=20)


class TestAShare:
    def test_has_its_guarantee_whatever_the_others_hold(self, budget):
        with budget.share("greedy") as greedy, budget.share("small") as small:
            greedy.take(20)
            greedy.take(60)
            small.take(20)

            assert budget.held == 100

    def test_waits_until_another_gives_back(self, budget):
        with budget.share("one") as one, budget.share("other") as other:
            one.take(80)
            other.take(20)
            late = Taking(other, 10)
            waiting(budget, 1)
            one.give(80)

            assert late.ended()
            assert (one.held, other.held) == (0, 30)

    def test_gets_what_is_larger_than_everything_when_it_holds_nothing(self, budget):
        with budget.share("one") as one, budget.share("other") as other:
            one.take(80)
            other.take(1000)

            assert other.held == 1000

    def test_stops_waiting_when_canceled(self, budget):
        token = CancelToken()
        with budget.share("one") as one:
            one.take(100)
            late = Taking(one, 50, token)
            waiting(budget, 1)
            token.set("by the user")

            assert not late.ended()
            assert str(late.error) == "by the user"
            assert budget.held == 100

    def test_stops_waiting_when_it_is_closed(self, budget):
        share = budget.share("one")
        share.take(100)
        late = Taking(share, 50)
        waiting(budget, 1)
        share.close()

        assert not late.ended()
        with pytest.raises(Canceled):
            share.take(1)

    def test_counts_on_after_closing_until_all_is_given_back(self, budget):
        share = budget.share("one")
        share.take(70)
        share.close()
        assert budget.held == 70

        share.give(70)
        assert budget.held == 0
        with budget.share("next") as another:
            another.take(20)
            another.take(80)


class TestABudget:
    def test_serves_in_the_order_of_asking(self, budget):
        with budget.share("one") as one, budget.share("two") as two, budget.share("three") as three:
            one.take(60)
            two.take(20)
            three.take(20)
            first = Taking(two, 30)
            waiting(budget, 1)
            second = Taking(three, 10)
            waiting(budget, 2)
            # Enough for the second alone, who does not pass the first.
            one.give(15)
            assert not second.got.is_set()

            one.give(45)
            assert first.ended()
            assert second.ended()

    def test_lets_who_needs_its_guarantee_pass_who_waits_for_more(self, budget):
        with budget.share("one") as one, budget.share("two") as two:
            one.take(80)
            large = Taking(one, 50)
            waiting(budget, 1)
            two.take(20)

            assert two.held == 20
            one.give(80)
            assert large.ended()

    def test_serves_the_next_when_the_one_in_front_gives_up(self, budget):
        token = CancelToken()
        with budget.share("one") as one, budget.share("two") as two, budget.share("three") as three:
            one.take(50)
            two.take(20)
            three.take(20)
            front = Taking(two, 90, token)
            waiting(budget, 1)
            behind = Taking(three, 10)
            waiting(budget, 2)
            token.set()

            assert not front.ended()
            assert behind.ended()

    def test_never_locks_up_and_never_passes_its_bounds(self):
        budget = Budget(400, guaranteed=20)
        most = []

        def move(share, number):
            for n in range(200):
                size = (n * 7 + number) % 19 + 1
                share.take(size)
                most.append(budget.held)
                share.give(size)

        shares = [budget.share(str(number)) for number in range(8)]
        threads = [threading.Thread(target=move, args=(share, n)) for n, share in enumerate(shares * 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

        assert not any(thread.is_alive() for thread in threads)
        assert max(most) <= 400
        assert budget.held == 0
