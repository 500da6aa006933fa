import os
import subprocess
import sys
import threading

import pytest

from adit.dicom.errors import Canceled, Unreachable
from adit.endpoints.cancel import CancelToken
from adit.endpoints.spool import Budget, Spool, sweep

SMALL, LARGE = 100, 5000


@pytest.fixture
def share():
    with Budget(1 << 20).share("test") as share:
        yield share


@pytest.fixture
def token():
    return CancelToken()


@pytest.fixture
def spool(tmp_path, share, token):
    return Spool(tmp_path, share, token, in_memory=1000)


def write(body, content, piece=300):
    for start in range(0, len(content), piece):
        body.write(memoryview(content)[start : start + piece])


def read(body, start=0):
    return b"".join(bytes(chunk) for chunk in body.chunks(start))


class TestAGrowingBody:
    @pytest.mark.parametrize("size", [0, SMALL, LARGE])
    @pytest.mark.parametrize("piece", [1, 300])
    def test_is_read_as_it_was_written(self, spool, size, piece):
        content, body = os.urandom(size), spool.body()
        write(body, content, piece)
        body.finish()

        assert body.size == size
        assert read(body) == content == read(body)
        assert read(body, size // 2) == content[size // 2 :]
        body.close()

    @pytest.mark.parametrize("size", [SMALL, LARGE])
    def test_is_read_while_it_arrives(self, spool, size):
        content, body, got = os.urandom(size), spool.body(), []
        readers = [threading.Thread(target=lambda: got.append(read(body))) for _ in range(3)]
        for reader in readers:
            reader.start()
        write(body, content, 7)
        body.finish()
        for reader in readers:
            reader.join(10)

        assert got == [content] * 3
        body.close()

    def test_gives_readers_what_came_and_then_the_error(self, spool):
        body = spool.body()
        body.write(b"abc")
        body.fail(Unreachable())
        chunks = body.chunks()

        assert bytes(next(chunks)) == b"abc"
        with pytest.raises(Unreachable):
            next(chunks)

    @pytest.mark.parametrize("size", [SMALL, LARGE])
    def test_gives_everything_back_when_closed(self, spool, share, tmp_path, size):
        body = spool.body()
        write(body, bytes(size))
        assert share.held == (size if size == SMALL else 0)
        body.close()
        body.close()
        body.write(b"too late")

        assert share.held == 0
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(ValueError, match="closed"):
            read(body)

    def test_wakes_a_reader_when_nobody_sends_any_more(self, spool, token):
        body = spool.body()
        stopper = threading.Thread(target=token.set)
        stopper.start()
        with pytest.raises(Canceled):
            read(body)
        stopper.join()

    def test_under_a_token_of_its_own_does_not_stop_the_others(self, spool):
        stopping = CancelToken()
        stopped, other = spool.body(stopping), spool.body()
        stopping.set()
        other.write(b"abc")
        other.finish()

        assert read(other) == b"abc"
        with pytest.raises(Canceled):
            read(stopped)


class TestABudget:
    def test_lets_through_what_has_nothing_in_flight(self):
        budget = Budget(10, guaranteed=1)

        budget.share("large").take(1000)

        assert budget.held == 1000

    def test_holds_up_who_has_more_than_the_rest_until_something_comes_back(self):
        budget = Budget(100, guaranteed=10)
        one, other = budget.share("one"), budget.share("other")
        one.take(90)
        other.take(10)
        waiter = threading.Thread(target=other.take, args=(1,))
        waiter.start()
        one.give(90)
        waiter.join(10)

        assert budget.held == other.held == 11

    def test_never_lets_a_share_starve_below_its_guarantee(self):
        budget = Budget(100, guaranteed=10)
        one, other = budget.share("one"), budget.share("other")
        one.take(90)
        other.take(5)
        other.take(5)

        assert other.held == 10

    def test_wakes_who_waits_when_canceled(self):
        token, share = CancelToken(), Budget(10, guaranteed=1).share("x")
        share.take(10)
        setter = threading.Thread(target=token.set)
        setter.start()
        with pytest.raises(Canceled):
            share.take(10, token)
        setter.join()

        assert share.held == 10


class TestASweep:
    def test_removes_what_the_dead_left_and_nothing_of_the_living(self, tmp_path, spool):
        write(spool.body(), bytes(LARGE))
        dying = (
            "import os, sys; from pathlib import Path; from adit.endpoints.spoolfile import SpoolFile;"
            "SpoolFile(Path(sys.argv[1])).append(b'x'); os.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", dying, str(tmp_path)], check=False)

        assert len(list(tmp_path.iterdir())) == 2
        assert sweep(tmp_path) == 1
        assert [each.name.split("-")[0] for each in tmp_path.iterdir()] == [str(os.getpid())]
