"""Places with too little room, and tasks that wait for more."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adit.jobs.models import Job
from tests.jobs.a_worker import wait_until
from tests.survival.stage import PATIENCE, report

WAITS = (0.05, 0.4)
"""A task that waits for room waits as long as before its second repetition."""

MIB = 1 << 20


@dataclass(frozen=True)
class Disk:
    """A place with too little room for the study, which `grow` gives it."""

    path: Path
    grow: Callable[[], object]


@contextmanager
def small_file_system(path: Path) -> Iterator[Disk]:
    """A file system of 4 MiB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "adit-tests", str(path)], check=True)
    try:
        yield Disk(path, lambda: subprocess.run(["mount", "-o", "remount,size=64m", str(path)], check=True))
    finally:
        subprocess.run(["umount", str(path)], check=True)


@contextmanager
def small_files(path: Path, *, most: int = MIB) -> Iterator[Disk]:
    """A disk on which a file may have *most* bytes: what any account can do to itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield Disk(path, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def may_mount() -> bool:
    """Whether this process has CAP_SYS_ADMIN."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff:")]
    return bool(int(line.split()[1], 16) >> 21 & 1) and os.geteuid() == 0


DISKS = [small_files, *([small_file_system] if may_mount() else [])]


def waits_because(job: Job, words: str) -> dict[str, Any]:
    """Wait until the task of *job* waits and says *words*; returns the report."""

    def said() -> dict[str, Any] | None:
        told = report(job)
        # The job is read before its task, so that for a moment they may not fit together.
        return told if told["status"] == "pending" and words in told["tasks"][0]["waiting_for"] else None

    told: dict[str, Any] = wait_until(said, seconds=PATIENCE)
    return told
