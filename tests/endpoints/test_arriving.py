"""What is read of a file while it still grows."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from adit.dicom.errors import Canceled, Full
from adit.dimse.errors import ConnectionBroken
from adit.endpoints.arriving import ArrivedBody
from adit.endpoints.cancel import NEVER
from adit.endpoints.landing import READ_ONLY


class Ending:
    """A token that is set while the reader waits; before that, *first* happens to the file."""

    def __init__(self, first):
        self.first = first

    def wait(self, _):
        self.first()
        raise Canceled("nobody reads any more")


@pytest.fixture
def file(tmp_path: Path):
    """A file that somebody writes."""
    with (tmp_path / "file").open("wb", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(b"first, ")
        yield file


def read(file, cancel, blame=lambda: None):
    body = ArrivedBody(os.open(file.name, os.O_RDONLY), 0, cancel, None, blame)
    try:
        return b"".join(map(bytes, body.chunks()))
    finally:
        body.close()


class TestABodyThatArrives:
    def test_is_read_to_its_end_when_its_retrieval_ends_meanwhile(self, file):
        def completed():
            file.write(b"last")
            os.fchmod(file.fileno(), READ_ONLY)

        assert read(file, Ending(completed)) == b"first, last"

    def test_is_not_read_on_after_a_cancel(self, file):
        with pytest.raises(Canceled):
            read(file, Ending(lambda: None))

    def test_breaks_off_when_nobody_writes_it_any_more(self, file):
        fcntl.flock(file, fcntl.LOCK_UN)

        with pytest.raises(ConnectionBroken, match="broke off"):
            read(file, NEVER)

    def test_says_why_it_breaks_off_where_that_is_known(self, file):
        def blame():
            raise Full("no room")

        fcntl.flock(file, fcntl.LOCK_UN)

        with pytest.raises(Full):
            read(file, NEVER, blame)
