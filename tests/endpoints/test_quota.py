"""How much a folder may hold, when several write into it at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from adit.dicom.errors import Full
from adit.endpoints.quota import Quota


def quota(root: Path, most: int = 1000) -> Quota:
    return Quota(root, most, name="B")


class TestAQuota:
    def test_counts_what_all_tasks_of_a_process_store_together(self, tmp_path):
        one, other = quota(tmp_path), quota(tmp_path)
        with one.writing() as take:
            take(600)

            with pytest.raises(Full, match=r"B: the quota of 1e-06 GB is used up"):
                other.take(600)
            other.take(400)

    def test_knows_of_what_is_on_its_way_when_a_task_begins(self, tmp_path):
        first = quota(tmp_path)
        with first.writing() as take:
            take(600)

            with pytest.raises(Full):
                quota(tmp_path).take(600)

    def test_forgets_what_was_on_its_way_and_never_came(self, tmp_path):
        one = quota(tmp_path)
        with one.writing() as take:
            take(600)

        one.take(1000)

    def test_sees_what_another_process_stored_before_much_is_stored_here(self, tmp_path):
        one = quota(tmp_path, 100 << 20)
        with (tmp_path / "theirs").open("wb") as theirs:
            theirs.truncate(99 << 20)

        with pytest.raises(Full):
            one.take(20 << 20)

    def test_sees_that_somebody_made_room(self, tmp_path):
        (tmp_path / "old").write_bytes(bytes(900))
        one = quota(tmp_path)
        with pytest.raises(Full):
            one.take(500)
        (tmp_path / "old").unlink()

        one.take(500)

    def test_goes_by_its_own_limit_where_another_was_raised_meanwhile(self, tmp_path):
        before, after = quota(tmp_path), quota(tmp_path, 2000)
        after.take(1500)

        with pytest.raises(Full), before.writing() as take:
            take(1200)
