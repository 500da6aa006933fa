"""The whole demo: what it has had, and how it heals."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from adit.site.demo.breaking import Breaking
from adit.site.env import Config, config

from .running import Adit

LIMIT = 150.0


@pytest.fixture
def demo(adit: Adit) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-P", "-m", "adit.site", "demo"]
    # Shorter than usual, as many tests run at the same time.
    environment = adit.environment(ADIT_TASK_RETRY_WAITS="0.1,0.1,0.1")
    output = adit.home.with_name("demo.log").open("w+")
    running = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True)
    yield running
    running.terminate()
    assert running.wait(30) is not None
    output.close()


@pytest.mark.timeout(2 * LIMIT)
def test_the_demo_has_jobs_of_every_outcome_and_heals_when_a_worker_is_killed(adit, demo):
    def until(what: Callable[[], object]) -> object:
        deadline = time.monotonic() + LIMIT
        while not (value := what()):
            assert demo.poll() is None, adit.home.with_name("demo.log").read_text()
            assert time.monotonic() < deadline, adit.home.with_name("demo.log").read_text()
            time.sleep(0.2)
        return value

    until(lambda: "Everything keeps running" in adit.home.with_name("demo.log").read_text())
    jobs = adit.json("job", "list")

    assert {job["status"] for job in jobs} == {"success", "warning", "failure", "canceled"}
    assert len(jobs) == 12

    breaking = Breaking(config_of(adit))
    [worker] = adit.children()["worker"]
    assert breaking.break_or_mend("worker")
    until(lambda: [pid for pid in adit.children().get("worker", []) if pid != worker])
    until(adit.is_well)


def config_of(adit: Adit) -> Config:
    return replace(config(), home=adit.home)
