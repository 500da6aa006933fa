"""One very large image, relayed."""

from __future__ import annotations

from pathlib import Path

from benchmarks import data
from benchmarks.memory import Above
from benchmarks.pairs import got_and_stored, running, say, transferred
from benchmarks.running import adit
from benchmarks.timing import medians_of
from tests.peers.data import Study
from tests.peers.dcmtk import dcmqrscp, storescp

MEGABYTE = 1_000_000


def one_large(repeats: int, place: Path) -> None:
    """C from Orthanc and from dcmqrscp to storescp, beside getscu followed by storescu."""
    study = data.c()
    with running(place, study) as (adit, pacs), storescp(ignore=True) as target:
        adit.add_server("target", target, "--can", "store")
        above = Above(adit.pids("worker"))
        ours, theirs = medians_of(
            lambda: transferred(adit, study, "target"),
            lambda: got_and_stored(pacs, study, place / "getscu", target),
            repeats=repeats,
        )
        _say("Orthanc", ours, theirs, above)
    _from_dcmqrscp(study, repeats, place)


def _from_dcmqrscp(study: Study, repeats: int, place: Path) -> None:
    file = written(study, place / "c.dcm")
    with (
        dcmqrscp(files=[file]) as pacs,
        storescp(ignore=True) as target,
        adit("--workers", "1", "--concurrency", "1", place=place) as running,
    ):
        running.add_server("source", pacs, "--can", "find,get", "--max-associations", "2")
        running.add_server("target", target, "--can", "store")
        above = Above(running.pids("worker"))
        ours, theirs = medians_of(
            lambda: transferred(running, study, "target"),
            lambda: got_and_stored(pacs, study, place / "getscu", target),
            repeats=repeats,
        )
        _say("dcmqrscp", ours, theirs, above)


def _say(source: str, ours: float, theirs: float, above: Above) -> None:
    say(f"C: relay from {source} to storescp", ours, theirs, peer="getscu, storescu", most=1.3)
    print(f"C: memory above idle: {above.peak() / MEGABYTE:.0f} MB (at most 100)", flush=True)


def written(study: Study, path: Path) -> Path:
    """The only instance of *study* as a file, written piece by piece."""
    (file,) = study.files
    with path.open("wb") as out:
        out.write(file.start())
        for start in range(0, len(file.encoded), MEGABYTE):
            out.write(file.encoded[start : start + MEGABYTE])
    return path
