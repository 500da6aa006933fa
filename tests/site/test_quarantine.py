"""What the receiver kept although nobody asked for it: how long, and what the doctor says of it."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from environs import Env

from adit.endpoints.quarantine import folder_for
from adit.site.env import Config, read
from adit.site.receiving import clear_quarantine

from .running import Adit, eventually


def configured(home: Path, monkeypatch: pytest.MonkeyPatch, days: int) -> Config:
    monkeypatch.setenv("ADIT_HOME", str(home))
    monkeypatch.setenv("ADIT_RECEIVER_QUARANTINE_DAYS", str(days))
    return read(Env())


def came(spool: Path, *, days: float) -> Path:
    """A file that came so many days ago."""
    path = folder_for(spool, "PACS") / f"{days}_1.2_1.3.dcm"
    path.write_bytes(bytes(1_500_000))
    seconds = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    os.utime(path, (seconds, seconds))
    return path


class TestTheReceiver:
    def test_keeps_everything_where_nothing_is_set(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        config = configured(tmp_path, monkeypatch, 0)
        old = came(config.spool, days=10_000)

        clear_quarantine(config)

        assert old.exists()

    def test_removes_what_is_older_than_set_and_says_how_many_but_nothing_of_whom(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        config = configured(tmp_path, monkeypatch, 30)
        old, young = came(config.spool, days=30.5), came(config.spool, days=29.5)

        with caplog.at_level(logging.INFO):
            clear_quarantine(config)
            clear_quarantine(config)

        assert (old.exists(), young.exists()) == (False, True)
        assert caplog.messages == ["removed 1 instances that have been in quarantine for 30 days"]

    def test_does_so_when_it_starts(self, adit: Adit) -> None:
        spool = adit.home / "spool"
        old, young = came(spool, days=3), came(spool, days=1)
        receiver = subprocess.Popen(
            [sys.executable, "-P", "-m", "adit.site", "receiver"],
            env=adit.environment(ADIT_RECEIVER_QUARANTINE_DAYS="2"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: not old.exists(), "the old one goes")
        finally:
            receiver.send_signal(signal.SIGTERM)
            assert receiver.wait(10) == 0
        assert young.exists()


class TestTheDoctor:
    def test_says_how_much_lies_there_since_when_and_what_becomes_of_it(self, adit: Adit) -> None:
        spool = adit.home / "spool"
        old, _ = came(spool, days=2), came(spool, days=1)
        since = datetime.fromtimestamp(old.stat().st_mtime, UTC)

        told = json.loads(adit("doctor", "--json", ADIT_RECEIVER_QUARANTINE_DAYS="90").stdout)

        assert told["quarantine"] == {"count": 2, "bytes": 3_000_000, "oldest": since.isoformat()}
        assert (
            f"2 instances that nobody asked for (3.0 MB, the first came on {since:%Y-%m-%d}) lie in "
            f"{spool}/quarantine: find out why they came, and remove them; each is removed after 90 days"
        ) in told["warnings"]

    def test_says_nothing_of_an_empty_one(self, adit: Adit) -> None:
        told = adit.json("doctor")

        assert told["quarantine"] == {"count": 0, "bytes": 0, "oldest": None}
        assert not [warning for warning in told["warnings"] if "nobody asked for" in warning]
