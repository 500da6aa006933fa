"""Whom an instance is for, and the folders that say so."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from adit.dicom.errors import Canceled
from adit.dicom.refs import UID, Ref
from adit.endpoints.cancel import NEVER, CancelToken
from adit.endpoints.expecting import (
    OpenRequests,
    Request,
    Sent,
    addressee,
    expected,
    is_asked,
    request_for,
    sweep_expectations,
    turn,
)
from adit.endpoints.spoolfile import sweep

A, B = UID("1.1"), UID("1.2")
SERIES = UID("1.1.1")
ONE = Request(A, (), "ONE", ("10.0.0.1",), "ADIT", (7,), opened=1)
TWO = Request(A, (), "TWO", ("10.0.0.2",), "ADIT", (8,), opened=2)
SENT = Sent("", None, "?", "?", A, SERIES)


class TestTheAddressee:
    @pytest.mark.parametrize(
        ("sent", "who"),
        [
            (replace(SENT, originator="ADIT", message_id=8), "two"),
            (replace(SENT, originator="ADIT", message_id=8, calling="ONE", address="10.0.0.1"), "two"),
            (replace(SENT, originator="ADIT", message_id=9, calling="TWO"), "two"),
            (replace(SENT, originator="OTHER", message_id=8, address="10.0.0.1"), "one"),
            (replace(SENT, calling="TWO", address="10.0.0.1"), "two"),
            (replace(SENT, address="10.0.0.2"), "two"),
            (SENT, "one"),
            (replace(SENT, originator="ADIT", message_id=8, study=B), None),
        ],
    )
    def test_is(self, sent, who):
        assert addressee({"two": TWO, "one": ONE}, sent) == who

    def test_has_asked_for_the_series(self):
        picky = replace(ONE, series=(UID("1.1.2"),))

        assert addressee({"picky": picky, "two": TWO}, replace(SENT, calling="ONE")) == "two"
        assert addressee({"picky": picky}, replace(SENT, originator="ADIT", message_id=7)) is None

    @pytest.mark.parametrize(
        ("sent", "asked"),
        [
            (replace(SENT, originator="ADIT", message_id=7), True),
            (replace(SENT, calling="ONE"), True),
            (replace(SENT, address="10.0.0.1"), True),
            (replace(SENT, originator="ADIT", message_id=8), False),
            (SENT, False),
        ],
    )
    def test_of_something_else_may_be_asked_too(self, sent, asked):
        assert is_asked({"one": ONE}, replace(sent, study=B)) == asked


class TestARequest:
    def test_is_for_the_series_unless_it_is_for_the_whole_study(self):
        refs = [Ref(A, SERIES, UID("1.1.1.1")), Ref(A, UID("1.1.2"))]

        assert request_for(refs, server="ONE", host="127.0.0.1", originator="ADIT").series == (SERIES, UID("1.1.2"))
        assert request_for([*refs, Ref(A)], server="ONE", host="127.0.0.1", originator="ADIT").series == ()

    def test_is_seen_while_it_is_open(self, tmp_path):
        seen = OpenRequests(tmp_path)
        with expected(tmp_path, ONE, messages=2) as (request, folder):
            assert seen() == {folder.name: request}
            assert replace(request, message_ids=(7,), opened=1) == ONE
            assert seen.folder(folder.name) == folder
        assert seen() == {}

    def test_has_message_ids_that_no_other_open_one_has(self, tmp_path):
        here = threading.Barrier(20)

        def ids(_):
            with expected(tmp_path, ONE, messages=3) as (request, _):
                here.wait(10)
                return request.message_ids

        with ThreadPoolExecutor(20) as pool:
            all_ = [each for some in pool.map(ids, range(20)) for each in some]
        assert len(set(all_)) == 60
        assert all(1 <= each <= 65535 for each in all_)

    def test_of_the_dead_is_not_seen_and_is_swept(self, tmp_path):
        dying = (
            "import os, sys; from pathlib import Path; from adit.endpoints.expecting import *\n"
            "with expected(Path(sys.argv[1]), Request('1.1', (), 'ONE', (), 'ADIT'), messages=1):"
            " os.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", dying, str(tmp_path)], check=False)

        with expected(tmp_path, ONE, messages=1) as (_, folder):
            assert len(list((tmp_path / "open").iterdir())) == 2
            assert OpenRequests(tmp_path)().keys() == {folder.name}
            assert sweep_expectations(tmp_path) == 1
            # And the sweep of large bodies leaves the folders of the receiver alone.
            assert sweep(tmp_path) == 0
            assert [each.name for each in (tmp_path / "open").iterdir()] == [folder.name]
            assert len(list(folder.iterdir())) == 2


class TestATurn:
    def test_is_waited_for(self, tmp_path):
        order = []

        def second():
            with turn(tmp_path, "ONE", A, NEVER):
                order.append("second")

        with ThreadPoolExecutor() as pool, turn(tmp_path, "ONE", A, NEVER):
            waiting = pool.submit(second)
            with turn(tmp_path, "ONE", B, NEVER), turn(tmp_path, "TWO", A, NEVER):
                order.append("first")
        waiting.result()
        assert order == ["first", "second"]

    def test_is_not_waited_for_after_a_cancel(self, tmp_path):
        cancel = CancelToken()
        with turn(tmp_path, "ONE", A, NEVER):
            cancel.set("enough")
            with pytest.raises(Canceled), turn(tmp_path, "ONE", A, cancel):
                raise AssertionError
