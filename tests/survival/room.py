"""Places with too little room, and tasks that wait for more."""

from __future__ import annotations

import html
import os
import resource
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adit.dicom.refs import UID
from adit.jobs.models import Job
from adit.jobs.submit import submit
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan
from tests.jobs.a_worker import wait_until
from tests.peers.data import Study
from tests.survival.stage import PATIENCE, operator, report
from tests.web.people import logged_in

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


def batch_of(studies: Sequence[Study]) -> Job:
    """A batch transfer with a line for each of *studies*."""
    items = tuple(TransferStudy(UID(study.uid), lines=(line,)) for line, study in enumerate(studies, 2))
    return submit(Plan(kind="batch_transfer", source="A", destination="B", items=items), by=operator())


def filled_up(job: Job) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Wait until every task of *job* is done or waits for room; returns those that are done, and those that wait."""

    def both() -> tuple[list[dict[str, Any]], list[dict[str, Any]]] | None:
        tasks = report(job)["tasks"]
        whole = [task for task in tasks if task["status"] == "success"]
        waiting = [task for task in tasks if "quota" in task["waiting_for"]]
        return (whole, waiting) if waiting and len(whole) + len(waiting) == len(tasks) else None

    found: tuple[list[dict[str, Any]], list[dict[str, Any]]] = wait_until(both, seconds=PATIENCE)
    return found


def take_away_whole(job: Job, folder: Path, studies: Sequence[Study]) -> int:
    """Remove the files of studies that *job* has moved; returns how many studies those are by now."""
    done = set(job.tasks.filter(status="success").values_list("study_uid", flat=True))
    files = {file.uid for study in studies if study.uid in done for file in study.files}
    for path in folder.rglob("*.dcm"):
        if path.stem in files:
            path.unlink()
    return len(done)


def queue_page() -> str:
    """What staff see of the queue."""
    client, _ = logged_in("boss", is_staff=True)
    return html.unescape(client.get("/jobs/queue/").content.decode())
