"""Worker processes on the test database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from adit.jobs.models import Job, Task, Worker
from tests.pace import within
from tests.peers.scripts import Seen
from tests.survival.stage import PATIENCE, Stage

Workers = Callable[..., subprocess.Popen[bytes]]


@contextmanager
def several_workers(stage: Stage) -> Iterator[Workers]:
    """Something that starts `adit worker`, with the spool of *stage*; all end with the block."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*, port: int | None = None, **environment: str) -> subprocess.Popen[bytes]:
        used = connection.settings_dict
        url = f"postgresql://{used['USER']}:{used['PASSWORD']}@127.0.0.1:{port or used['PORT']}/{used['NAME']}"
        # What the test encrypts, they must be able to read.
        keys = {"ADIT_SECRET_KEYS": ",".join(settings.ADIT_SECRET_KEYS)}
        quick = {"ADIT_LEASE": str(within(2)), "ADIT_HEARTBEAT": "0.3", "ADIT_TASK_RETRY_WAITS": "0.1,0.1,0.1"}
        started.append(
            subprocess.Popen(
                [sys.executable, "-P", "-m", "adit.site", "worker", "--concurrency", "2"],
                env={**os.environ, "ADIT_HOME": str(stage.room), "DATABASE_URL": url, **keys, **quick, **environment},
                stdout=(stage.room / "worker.log").open("ab"),
                stderr=subprocess.STDOUT,
            )
        )
        return started[-1]

    yield start
    for worker in started:
        if worker.poll() is None:
            worker.send_signal(signal.SIGTERM)
    for worker in started:
        assert worker.wait(20) in (0, -signal.SIGKILL)


def kill(job: Job, source: Seen) -> None:
    """Kill the process that runs the only task of *job*, and wait until *source* has noticed."""
    task, before = Task.objects.get(job=job), source.total
    os.kill(Worker.objects.get(name=task.worker).pid, signal.SIGKILL)
    source.wait_until(lambda seen: seen.released + seen.aborted + seen.vanished >= before, seconds=PATIENCE)
