"""What lies in quarantine, and for how long."""

import os
import stat
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from pydicom import dcmread

from adit.endpoints.quarantine import Held, clear, folder_for, held, quarantine
from adit.endpoints.receiver import Rules
from tests.endpoints.receiving import hall
from tests.peers.callers import store
from tests.peers.data import ct_study

STUDY = ct_study(instances=4, size=64, name="unasked")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def came(tmp_path):
    """A spool in whose quarantine the four instances of a study came 1, 2, 3 and 4 days ago; their files."""
    with ExitStack() as exits:
        here = hall(tmp_path, exits, rules=Rules(keeps_unasked=True))
        assert store(here.peer, STUDY.files).statuses == [0] * 4
        files = here.quarantined()
    for days, path in enumerate(files, 1):
        seconds = (NOW - timedelta(days=days)).timestamp()
        os.utime(path, (seconds, seconds))
    return files


class TestQuarantine:
    def test_says_how_much_lies_there_and_since_when(self, tmp_path, came):
        assert held(tmp_path) == Held(4, sum(path.stat().st_size for path in came), NOW - timedelta(days=4))

    def test_holds_nothing_at_first(self, tmp_path):
        assert held(tmp_path) == Held(0, 0, None)
        assert clear(tmp_path, older_than=timedelta(days=1), now=NOW) == 0

    def test_holds_files_that_any_dicom_tool_reads_and_nobody_else(self, tmp_path, came):
        assert {dcmread(path).SOPInstanceUID for path in came} == STUDY.instances
        assert {stat.S_IMODE(path.stat().st_mode) for path in came} == {0o400}
        assert {stat.S_IMODE(path.parent.stat().st_mode) for path in came} == {0o700}

    def test_loses_what_is_older_than_wanted_and_nothing_else(self, tmp_path, came):
        assert clear(tmp_path, older_than=timedelta(days=2, hours=1), now=NOW) == 2

        assert [path.exists() for path in came] == [True, True, False, False]
        assert clear(tmp_path, older_than=timedelta(days=2, hours=1), now=NOW) == 0

    def test_keeps_the_folder_of_a_sender_who_may_just_be_sending(self, tmp_path, came):
        clear(tmp_path, older_than=timedelta(0), now=NOW)

        assert folder_for(tmp_path, came[0].parent.name).is_dir()
        assert [path.is_dir() for path in quarantine(tmp_path).iterdir()] == [True]

    def test_loses_what_a_killed_receiver_left_in_the_middle_when_the_next_begins(self, tmp_path, came):
        broken = folder_for(tmp_path, "CALLER") / "0_1.2_1.3.part"
        broken.write_bytes(b"half")

        with ExitStack() as exits:
            hall(tmp_path, exits)

        assert not broken.exists()
        assert held(tmp_path).count == 4
