import threading

import pytest

from adit.dicom.errors import Canceled
from adit.endpoints.cancel import NEVER, CancelToken, linked


class TestACancelToken:
    def test_calls_each_closer_once_though_one_of_them_fails(self):
        token, called = CancelToken(), []

        def broken():
            called.append("broken")
            raise OSError

        with token.closing(broken), token.closing(lambda: called.append("good")):
            token.set("by the user")
            token.set("again")

        assert sorted(called) == ["broken", "good"]
        assert token.reason == "by the user"

    def test_leaves_alone_what_is_closed_already(self):
        token, called = CancelToken(), []
        with token.closing(lambda: called.append(1)):
            pass
        token.set()

        assert called == []

    def test_calls_a_late_closer_at_once(self):
        token, called = CancelToken(), []
        token.set()
        with token.closing(lambda: called.append(1)):
            assert called == [1]

    def test_wakes_who_waits_and_says_why(self):
        token = CancelToken()
        setter = threading.Thread(target=token.set, args=("lost its lease",))
        setter.start()
        with pytest.raises(Canceled, match="lost its lease"):
            token.wait(30)
        setter.join()

    def test_sets_those_linked_to_it_but_not_the_other_way_round(self):
        parent = CancelToken()
        with linked(parent) as one, linked(parent) as other:
            one.set()
            assert not parent.canceled
            parent.set("stop")
            assert other.reason == "stop"

    def test_never_is_never_set(self):
        NEVER.check()
        assert not NEVER.canceled
