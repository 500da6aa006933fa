import threading

import pytest

from adit.dicom.errors import Canceled, Unreachable
from adit.dicom.instance import InMemory, Instance
from adit.dicom.refs import UID, Ref
from adit.endpoints.bridges import pulled
from adit.endpoints.cancel import CancelToken

NAME = "under test"


def instance(number):
    return Instance(Ref(UID("1"), UID("2"), UID(str(number))), UID("3"), UID("1.2.840.10008.1.2"), InMemory(b"x"))


def threads():
    return [thread for thread in threading.enumerate() if thread.name == NAME]


class Producer:
    """Pushes *count* instances; then ends, raises, or is blocked until stopped."""

    def __init__(self, count, then=None):
        self.made = [instance(n) for n in range(count)]
        self.pushed = []
        self.then = then
        self.stopped = threading.Event()

    def __call__(self, push):
        for each in self.made:
            self.pushed.append(each)
            push(each)
        if self.then == "block":
            self.stopped.wait(30)
            raise Unreachable("aborted")
        if self.then:
            raise self.then

    def pulled(self, cancel=None, ahead=2):
        return pulled(self, cancel=cancel or CancelToken(), ahead=ahead, stop=self.stopped.set, name=NAME)


class TestAPulledStream:
    def test_yields_everything_in_order_and_ends_its_thread(self):
        producer = Producer(50)

        assert list(producer.pulled()) == producer.made
        assert threads() == []

    def test_raises_what_the_producer_raised_after_what_came_before(self):
        got = []
        with pytest.raises(Unreachable, match="gone"):
            got.extend(Producer(1, Unreachable("gone")).pulled())
        stream = Producer(3, Unreachable("gone")).pulled()

        assert [next(stream).uid for _ in range(3)] == ["0", "1", "2"]
        with pytest.raises(Unreachable):
            next(stream)
        assert threads() == []

    @pytest.mark.parametrize("count", [1, 50])
    def test_closed_early_stops_the_producer_and_closes_what_nobody_took(self, count):
        producer = Producer(count, "block")
        stream = producer.pulled()
        first = next(stream)
        stream.close()

        assert threads() == []
        assert producer.stopped.is_set()
        assert first.body.size == 1
        assert [each.body.size for each in producer.pushed[1:]] == [0] * (len(producer.pushed) - 1)

    def test_closes_what_was_handed_over_and_not_taken(self):
        producer = Producer(40)
        stream = producer.pulled(ahead=32)
        next(stream).close()
        stream.close()

        assert all(list(each.body.chunks()) == [] for each in producer.pushed)
        assert threads() == []

    def test_a_cancel_wakes_a_blocked_reader(self):
        token, producer = CancelToken(), Producer(0, "block")
        setter = threading.Thread(target=token.set, args=("by the user",))
        setter.start()
        with pytest.raises(Canceled, match="by the user"):
            next(producer.pulled(token))
        setter.join()

        assert threads() == []

    def test_never_started_runs_nothing(self):
        Producer(1).pulled().close()

        assert threads() == []
