"""One and the same, done by ADIT and by DCMTK."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.running import Adit, adit
from benchmarks.timing import seconds_of
from tests.peers.data import Study
from tests.peers.dcmtk import getscu, storescu
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.process import Entity


def say(what: str, ours: float, theirs: float, *, peer: str, most: float) -> None:
    ratio = ours / theirs
    verdict = "ok" if ratio <= most else "TOO SLOW"
    print(
        f"{what:<34}{ours:8.3f} s   {peer:<22}{theirs:8.3f} s   {ratio:5.2f} of at most {most}  {verdict}", flush=True
    )


@contextmanager
def running(
    place: Path, *studies: Study, workers: int = 1, concurrency: int = 1, nagle: bool = False
) -> Iterator[tuple[Adit, Orthanc]]:
    """ADIT and an Orthanc that holds *studies*, known as node "source"."""
    options = ("--workers", str(workers), "--concurrency", str(concurrency))
    with orthanc(nagle=nagle) as pacs, adit(*options, place=place) as running:
        for study in studies:
            pacs.fill(study.part10())
        running.add_server("source", pacs, "--can", "find,get,store", "--max-associations", "4")
        yield running, pacs


def transferred(
    running: Adit, study: Study, destination: str, *, source: str = "source", more: Sequence[str] = ()
) -> float:
    """Seconds from claim to settled, with *more* options."""
    # What others left for the disk to write is not ours to wait for.
    os.sync()
    job = running("transfer", "--from", source, "--to", destination, "--study", study.uid, *more, "--wait")
    task = job["tasks"][0]
    assert task["status"] == "success", task["message"]
    return float(task["seconds"])


def got(pacs: Entity, study: Study, folder: Path) -> float:
    """Seconds of getscu, into a new folder below *folder*."""
    fresh = new_folder(folder)
    os.sync()
    return seconds_of(lambda: getscu(pacs, study.uid, folder=fresh))


def got_and_stored(pacs: Entity, study: Study, folder: Path, peer: Entity) -> float:
    """Seconds of getscu, into a new folder below *folder*, followed by storescu."""
    fresh = new_folder(folder)
    os.sync()
    return seconds_of(lambda: getscu(pacs, study.uid, folder=fresh)) + seconds_of(lambda: storescu(peer, fresh))


def new_folder(below: Path) -> Path:
    """An empty folder. Nothing is deleted between measurements: whoever creates files within five seconds
    of that waits for ext4, which looks through what was deleted first."""
    below.mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(dir=below))
