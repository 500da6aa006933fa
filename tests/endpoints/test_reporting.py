"""What is waited for, and how the receiver hands it over."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from adit.dicom.commitment import Report
from adit.dicom.refs import UID
from adit.endpoints.reporting import awaited, deliver, sweep_reports
from adit.endpoints.spoolfile import sweep

ONE, TWO = UID("2.25.1"), UID("2.25.2")
A, B = UID("1.1"), UID("1.2")
TOLD = Report(ONE, frozenset({A}), ((B, 0x0112), (UID("1.3"), None)))


def transactions(spool):
    return sorted(each.name for each in (spool / "commitments").iterdir())


class TestAReport:
    def test_is_handed_over_once(self, tmp_path):
        with awaited(tmp_path, [ONE, TWO]) as reports:
            assert transactions(tmp_path) == [ONE, TWO]
            assert list(reports.take()) == []
            assert deliver(tmp_path, TOLD)
            assert list(reports.take()) == [TOLD]
            assert list(reports.take()) == []
            assert reports.left == {TWO}
        assert transactions(tmp_path) == []

    def test_that_nobody_waits_for_is_not_kept(self, tmp_path):
        assert not deliver(tmp_path, TOLD)
        with awaited(tmp_path, [TWO]):
            assert not deliver(tmp_path, TOLD)
        assert not deliver(tmp_path, Report(TWO))

    def test_does_not_change_the_one_before(self, tmp_path):
        with awaited(tmp_path, [ONE]) as reports:
            assert deliver(tmp_path, TOLD)
            assert deliver(tmp_path, Report(ONE))
            assert list(reports.take()) == [TOLD]

    def test_may_come_many_times_at_once(self, tmp_path):
        with awaited(tmp_path, [ONE]) as reports, ThreadPoolExecutor(8) as pool:
            assert all(pool.map(lambda _: deliver(tmp_path, TOLD), range(40)))
            assert list(reports.take()) == [TOLD]
            assert sorted(each.name for each in (tmp_path / "commitments" / ONE).iterdir()) == ["lock", "report.json"]

    def test_is_on_the_disk_as_it_was_told(self, tmp_path):
        with awaited(tmp_path, [ONE]):
            deliver(tmp_path, TOLD)
            told = json.loads((tmp_path / "commitments" / ONE / "report.json").read_text())
        assert told == {"committed": [A], "failed": [[B, 0x0112], ["1.3", None]]}

    def test_for_the_dead_is_not_kept_and_what_they_left_is_swept(self, tmp_path):
        dying = (
            "import os, sys; from pathlib import Path; from adit.endpoints.reporting import *\n"
            "with awaited(Path(sys.argv[1]), ['2.25.1']): os.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", dying, str(tmp_path)], check=False)

        assert transactions(tmp_path) == [ONE]
        assert not deliver(tmp_path, TOLD)
        with awaited(tmp_path, [TWO]):
            assert (sweep(tmp_path), sweep_reports(tmp_path)) == (0, 1)
            assert transactions(tmp_path) == [TWO]
