"""Breaking the demo: what is meant, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from environs import Env

from adit.accounts.verdict import ALLOWED
from adit.dicom.errors import Full
from adit.endpoints.quota import Quota
from adit.site.demo.breaking import Breaking
from adit.site.demo.places import QUOTA, folder_of
from adit.site.env import Config, read
from adit.site.state import State, write_state
from tests.jobs.a_worker import wait_until

WAIT = "import signal; print('ready', flush=True); signal.pause()"
WORKER = ("-m", "adit.site", "worker")
CLINIC = ("-m", "adit.site.demo.pacs", "--ae-title", "DEMO_PACS")


@pytest.fixture
def config(tmp_path, monkeypatch) -> Config:
    monkeypatch.setenv("ADIT_HOME", str(tmp_path))
    return read(Env())


@pytest.fixture
def supervised(config) -> Config:
    """A home whose supervisor is this process."""
    write_state(config, State(pid=os.getpid(), database_url="", web_url=""))
    return config


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a child of this process that looks as if it were started with *words*."""
    children: list[subprocess.Popen[bytes]] = []

    def starting(*words: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([sys.executable, "-c", WAIT, *words], stdout=subprocess.PIPE)
        children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        return child

    yield starting
    for child in children:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def broken(breaking: Breaking) -> set[str]:
    return {part.key for part in breaking.parts() if part.broken}


class TestAWorker:
    def test_is_killed(self, supervised, start):
        worker = start(*WORKER)

        assert Breaking(supervised).break_or_mend("worker") is ALLOWED

        assert worker.wait(10) == -9

    def test_is_killed_alone(self, supervised, start):
        workers, web = [start(*WORKER), start(*WORKER)], start("-m", "adit.site", "web")

        Breaking(supervised).break_or_mend("worker")

        wait_until(lambda: [worker.poll() for worker in workers].count(-9) == 1)
        assert web.poll() is None

    def test_that_does_not_run_is_said(self, supervised, start):
        start("-m", "adit.site", "web")

        assert "No worker runs" in Breaking(supervised).break_or_mend("worker").reason

    def test_of_somebody_else_is_left_alone(self, supervised):
        command = [sys.executable, "-c", WAIT, *WORKER]
        # A child of a child of ours, as that of another supervisor would be none of ours.
        between = (
            f"import subprocess as s; c = s.Popen({command!r}, stdout=s.DEVNULL); print(c.pid, flush=True); c.wait()"
        )
        with subprocess.Popen([sys.executable, "-c", between], stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            worker = int(other.stdout.readline())
            try:
                assert not Breaking(supervised).break_or_mend("worker")
                os.kill(worker, 0)
            finally:
                os.kill(worker, 9)

    def test_is_left_alone_when_nothing_runs_for_this_home(self, config, start):
        worker = start(*WORKER)

        assert not Breaking(config).break_or_mend("worker")
        assert worker.poll() is None


class TestAPacs:
    def test_is_unplugged_and_plugged_in_again(self, supervised, start):
        start(*CLINIC)
        start("-m", "adit.site.demo.pacs", "--ae-title", "DEMO_RESEARCH")
        breaking = Breaking(supervised)

        breaking.break_or_mend("clinic")
        wait_until(lambda: broken(breaking) == {"clinic"})

        breaking.break_or_mend("clinic")
        wait_until(lambda: broken(breaking) == set())

    def test_that_does_not_run_is_said(self, supervised):
        assert "DEMO_PACS does not run" in Breaking(supervised).break_or_mend("clinic").reason

    def test_lies_until_it_is_told_not_to(self, config):
        breaking = Breaking(config)

        breaking.break_or_mend("lies")
        assert broken(breaking) == {"lies"}

        breaking.break_or_mend("lies")
        assert broken(breaking) == set()


class TestTheFolder:
    def test_is_full_without_taking_room_and_then_is_not(self, config):
        breaking, folder = Breaking(config), folder_of(config.home)

        breaking.break_or_mend("quota")
        [filler] = folder.iterdir()
        assert filler.stat().st_blocks == 0
        with pytest.raises(Full):
            Quota(folder, QUOTA, name="Demo Folder").take(1)

        breaking.break_or_mend("quota")
        Quota(folder, QUOTA, name="Demo Folder").take(1)


class TestAnythingElse:
    def test_cannot_be_broken(self, config):
        with pytest.raises(KeyError):
            Breaking(config).break_or_mend("database")

    def test_is_sent_under_new_uids_each_time(self, config):
        plan = Breaking(config).something_to_send()

        assert plan.pseudonymising is not None
        assert plan.pseudonymising.project == ""
        assert len(plan.items) > 1


def test_descriptors_are_closed(supervised, start):
    start(*CLINIC)

    def used() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = used()
    for _ in range(4):
        Breaking(supervised).break_or_mend("clinic")
    assert used() == before
