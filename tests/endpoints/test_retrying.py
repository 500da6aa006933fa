"""How long one waits, what one keeps meanwhile, and what is not tried again."""

import pytest

from adit.dicom.errors import Canceled, NotFound, Refused, Unreachable
from adit.dicom.protocols import Outcome
from adit.dicom.query import Query
from adit.dicom.refs import Level
from adit.endpoints.cancel import NEVER, CancelToken
from adit.endpoints.memory import Faults, Memory
from adit.endpoints.retrying import MOST_HELD, Patience, RetryingSink, RetryingSource
from tests.endpoints.conformance import instance, kept
from tests.peers.data import ct_study

STUDY = ct_study(instances=30, size=128, name="tried")


class Clock:
    """A token that writes down how long one wants to wait, and is set while waiting when told so."""

    canceled = False

    def __init__(self, *, sets_at=None):
        self.waits = []
        self._sets_at = sets_at

    def check(self):
        return

    def wait(self, seconds):
        self.waits.append(seconds)
        if len(self.waits) == self._sets_at:
            raise Canceled("by the user")

    def closing(self, close):
        return NEVER.closing(close)


class Failing:
    """An action that fails so many times."""

    def __init__(self, times, error):
        self.calls = 0
        self._times, self._error = times, error

    def __call__(self):
        self.calls += 1
        if self.calls <= self._times:
            raise self._error
        return "done"


class TestPatience:
    def test_waits_longer_each_time(self):
        clock = Clock()

        assert Patience((1, 4, 16), chance=lambda: 0.5, cancel=clock)(Failing(3, Unreachable())) == "done"
        assert clock.waits == [1, 4, 16]

    @pytest.mark.parametrize(("chance", "waits"), [(0, [0.7, 2.8]), (0.5, [1, 4]), (1, [1.3, 5.2])])
    def test_spreads_its_waits(self, chance, waits):
        clock = Clock()
        Patience((1, 4), chance=lambda: chance, cancel=clock)(Failing(2, Unreachable()))

        assert clock.waits == pytest.approx(waits)

    def test_ends_with_the_last_error(self):
        clock, action = Clock(), Failing(9, Refused(status=0xA700))
        with pytest.raises(Refused):
            Patience((1, 4), chance=lambda: 0.5, cancel=clock)(action)

        assert (action.calls, clock.waits) == (3, [1, 4])

    @pytest.mark.parametrize("error", [NotFound(), Refused(status=0xA900), Canceled(), ValueError()])
    def test_does_not_try_again_what_will_not_pass(self, error):
        clock, action = Clock(), Failing(1, error)
        with pytest.raises(type(error)):
            Patience((1, 4), chance=lambda: 0.5, cancel=clock)(action)

        assert (action.calls, clock.waits) == (1, [])

    def test_ends_when_canceled_while_it_waits(self):
        action = Failing(9, Unreachable())
        with pytest.raises(Canceled):
            Patience((1, 4), chance=lambda: 0.5, cancel=Clock(sets_at=2))(action)

        assert action.calls == 2


class TestASource:
    def test_is_not_asked_again_when_it_has_begun_to_answer(self):
        class BreakingOff(Memory):
            asked = 0

            def find(self, query):
                self.asked += 1
                yield next(super().find(query))
                raise Unreachable

        source = BreakingOff(map(kept, STUDY.files))
        matches = RetryingSource(source, Patience((0, 0), chance=lambda: 0.5, cancel=NEVER)).find(Query.of(Level.STUDY))

        assert next(matches).ref
        with pytest.raises(Unreachable):
            next(matches)
        assert source.asked == 1

    def test_is_asked_once_when_it_finds_nothing(self):
        clock = Clock()
        source = RetryingSource(Memory(), Patience((1,), chance=lambda: 0.5, cancel=clock))

        assert list(source.find(Query.of(Level.STUDY))) == []
        assert clock.waits == []


class TestASink:
    def store(self, memory, clock, tries=3, files=STUDY.files):
        mine = [instance(file) for file in files]
        sink = RetryingSink(memory, Patience((1, 4, 16)[:tries], chance=lambda: 0.5, cancel=clock))
        with sink:
            receipts = list(sink.store(iter(mine)))
        assert [each.body.size for each in mine] == [0] * len(mine)
        return receipts

    def test_gets_again_what_it_was_too_busy_for(self):
        memory, clock = Memory(faults=Faults(busy=3)), Clock()
        receipts = self.store(memory, clock, files=STUDY.files[:5])

        assert [each.outcome for each in receipts] == [Outcome.STORED] * 5
        assert clock.waits == [1, 4, 16]
        assert memory.kept == {each.ref.instance: each for each in map(kept, STUDY.files[:5])}

    def test_gets_the_others_first(self):
        memory = Memory(faults=Faults(busy=1))
        clock = Clock()
        receipts = self.store(memory, clock)

        assert clock.waits == [1]
        # More than so many are not kept: they come back as they were refused, at once.
        refused = [each for each in receipts if each.outcome is Outcome.REFUSED]
        assert len(refused) == 30 - MOST_HELD
        assert all(each.transient for each in refused)
        assert receipts[: len(refused)] == refused
        assert len(memory.kept) == MOST_HELD

    def test_is_not_bothered_again_when_canceled(self):
        memory, clock = Memory(faults=Faults(busy=9)), Clock(sets_at=1)
        mine = [instance(file) for file in STUDY.files[:3]]
        sink = RetryingSink(memory, Patience((1, 4), chance=lambda: 0.5, cancel=clock))
        with pytest.raises(Canceled):
            list(sink.store(iter(mine)))

        assert [each.body.size for each in mine] == [0] * 3

    def test_may_get_the_same_instance_twice(self):
        receipts = self.store(Memory(faults=Faults(busy=1)), Clock(), files=[STUDY.files[0]] * 2)

        assert [each.outcome for each in receipts] == [Outcome.STORED] * 2

    def test_closes_everything_when_it_is_left_early(self):
        mine = [instance(file) for file in STUDY.files[:5]]
        sink = RetryingSink(Memory(faults=Faults(busy=1)), Patience((0,), chance=lambda: 0.5, cancel=CancelToken()))
        receipts = sink.store(iter(mine))
        next(receipts)
        receipts.close()

        assert [each.body.size for each in mine] == [0] * 5
