"""Transfers through queue and ledger, side by side with DCMTK: `python -m benchmarks.transfers`.

Prints the median of five and its ratio to what DCMTK needs for the same in the same run. Peers
have TCP_NODELAY=1, but for the part that is about those without.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import data
from benchmarks.large import one_large
from benchmarks.memory import peak_of
from benchmarks.nagle import against_nagle
from benchmarks.pairs import got, got_and_stored, new_folder, running, say, transferred
from benchmarks.pseudonymised import pseudonymised
from benchmarks.running import adit
from benchmarks.timing import REPEATS, disk_write, loopback_copy, median_of, medians_of, seconds_of
from tests.peers.data import Study
from tests.peers.dcmtk import movescu, storescp
from tests.peers.orthanc import orthanc
from tests.peers.process import HOST, Peer

MEGABYTE = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transfers", description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parts: dict[str, Callable[[int, Path], None]] = {
        "limits": limits,
        "folder": to_folder,
        "move": moved_to_folder,
        "wado": retrieved_to_folder,
        "storescp": to_storescp,
        "orthanc": to_orthanc,
        "large": one_large,
        "nagle": against_nagle,
        "deid": pseudonymised,
        "small": small_studies,
        "memory": memory,
    }
    parser.add_argument("--only", default="", choices=["", *parts])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="adit-benchmark-") as temporary:
        for name, part in parts.items():
            if chosen.only in ("", name):
                place = Path(temporary) / name
                place.mkdir()
                part(chosen.repeats, place)


def limits(repeats: int, place: Path) -> None:
    """What the machine can do with the bytes of A."""
    size, files = 512 * 1024, 400
    copy = median_of(lambda: loopback_copy(files * size), repeats)
    plain = median_of(_numbered(lambda n: disk_write(place / f"plain{n}", files, size, synced=False)), repeats)
    synced = median_of(_numbered(lambda n: disk_write(place / f"synced{n}", files, size, synced=True)), repeats)
    print(
        f"{files * size // MEGABYTE} MB: loopback {copy:.3f} s, disk {plain:.3f} s, synced disk {synced:.3f} s",
        flush=True,
    )


def _numbered(action: Callable[[int], float]) -> Callable[[], float]:
    numbers = iter(range(1_000_000))
    return lambda: action(next(numbers))


def to_folder(repeats: int, place: Path) -> None:
    _to_folder("A", data.a(), 1.3, repeats, place)
    _to_folder("B", data.b(), 1.5, repeats, place)


def _to_folder(name: str, study: Study, most: float, repeats: int, place: Path) -> None:
    with running(place, study) as (adit, pacs):
        adit("node", "add", "folder", "--folder", str(place / "target"))
        theirs, ours = medians_of(
            lambda: got(pacs, study, place / "getscu"),
            lambda: transferred(adit, study, "folder"),
            repeats=repeats,
        )
    say(f"{name}: C-GET to a folder", ours, theirs, peer="getscu", most=most)


def moved_to_folder(repeats: int, place: Path) -> None:
    """C-MOVE, by the receiver and its spool, beside movescu with storescp as the destination."""
    study, received = data.a(), place / "storescp"
    with ExitStack() as exits:
        running = exits.enter_context(adit("--workers", "1", "--concurrency", "1", place=place))
        target = exits.enter_context(storescp(received))
        pacs = exits.enter_context(orthanc(peers=[Peer("ADIT", HOST, running.receiver_port), target]))
        pacs.fill(study.part10())
        running.add_server("source", pacs, "--can", "find,move", "--max-associations", "4")
        running("node", "add", "folder", "--folder", str(place / "target"))

        def theirs_once() -> float:
            aside = new_folder(place / "aside")
            for each in received.iterdir():
                each.rename(aside / each.name)
            os.sync()
            return seconds_of(lambda: movescu(pacs, study.uid, to=target.ae_title))

        theirs, ours = medians_of(theirs_once, lambda: transferred(running, study, "folder"), repeats=repeats)
    say("A: C-MOVE to a folder", ours, theirs, peer="movescu, storescp", most=1.5)


def retrieved_to_folder(repeats: int, place: Path) -> None:
    """WADO-RS of A, beside curl of the same into one file."""
    study = data.a()
    with orthanc(dicomweb=True) as pacs, adit("--workers", "1", "--concurrency", "1", place=place) as running:
        pacs.fill(study.part10())
        running("node", "add", "source", "--dicomweb", pacs.dicomweb_url, "--max-associations", "4")
        running("node", "add", "folder", "--folder", str(place / "target"))
        accept = 'Accept: multipart/related; type="application/dicom"; transfer-syntax=*'
        command = ["curl", "-sSf", "-H", accept, "-o", str(place / "curl"), f"{pacs.dicomweb_url}/studies/{study.uid}"]

        def theirs_once() -> float:
            os.sync()
            return seconds_of(lambda: subprocess.run(command, check=True))

        theirs, ours = medians_of(theirs_once, lambda: transferred(running, study, "folder"), repeats=repeats)
    say("A: WADO-RS to a folder", ours, theirs, peer="curl", most=1.5)


def to_storescp(repeats: int, place: Path) -> None:
    _to_storescp("A", data.a(), 0.8, repeats, place)
    _to_storescp("B", data.b(), 1.2, repeats, place)


def _to_storescp(name: str, study: Study, most: float, repeats: int, place: Path) -> None:
    with running(place, study) as (adit, pacs), storescp(ignore=True) as target:
        adit.add_server("target", target, "--can", "store")
        theirs, ours = medians_of(
            lambda: got_and_stored(pacs, study, place / "getscu", target),
            lambda: transferred(adit, study, "target"),
            repeats=repeats,
        )
    say(f"{name}: relay to storescp", ours, theirs, peer="getscu, storescu", most=most)


def to_orthanc(repeats: int, place: Path) -> None:
    _to_orthanc("A", data.a(), 0.8, repeats, place)
    _to_orthanc("B", data.b(), 0.8, repeats, place)


def _to_orthanc(name: str, study: Study, most: float, repeats: int, place: Path) -> None:
    with running(place, study) as (adit, pacs), orthanc(ae_title="TARGET") as target:
        adit.add_server("target", target, "--can", "find,get,store")

        def ours_once() -> float:
            target.clear()
            return transferred(adit, study, "target")

        def theirs_once() -> float:
            target.clear()
            return got_and_stored(pacs, study, place / "getscu", target)

        theirs, ours = medians_of(theirs_once, ours_once, repeats=repeats)
    say(f"{name}: relay to Orthanc", ours, theirs, peer="getscu, storescu", most=most)


def small_studies(repeats: int, place: Path) -> None:
    studies = data.s()
    names = place / "studies.txt"
    names.write_text("\n".join(study.uid for study in studies))
    with running(place, *studies, workers=2, concurrency=2) as (adit, pacs):
        adit("node", "add", "folder", "--folder", str(place / "target"))

        def once() -> float:
            job = adit("transfer", "--from", "source", "--to", "folder", "--studies", str(names), "--wait")
            assert job["status"] == "success", job["message"]
            return len(studies) / float(job["seconds"])

        rate = median_of(once, repeats)
        alone, theirs = medians_of(
            lambda: transferred(adit, studies[0], "folder"),
            lambda: got(pacs, studies[0], place / "getscu"),
            repeats=max(repeats, 11),
        )
    print(f"S: 50 studies of 10 in one job: {rate:.1f} tasks a second (at least 15)", flush=True)
    print(
        f"S: one alone: {alone * 1000:.0f} ms; getscu of the same: {theirs * 1000:.0f} ms (at most 40 ms on top)",
        flush=True,
    )


def memory(repeats: int, place: Path) -> None:
    """The most that a worker process ever held, with one transfer and with four at a time."""
    del repeats
    for concurrency in (1, 4):
        studies = [data.ct_study(1, 400, size=512 * 1024, name=f"memory {n}") for n in range(concurrency)]
        names = place / f"{concurrency}.txt"
        names.write_text("\n".join(study.uid for study in studies))
        with running(place, *studies, concurrency=concurrency) as (adit, _pacs), storescp(ignore=True) as target:
            adit.add_server("target", target, "--can", "store", "--max-associations", "8")
            job: dict[str, Any] = adit(
                "transfer", "--from", "source", "--to", "target", "--studies", str(names), "--wait"
            )
            assert job["status"] == "success", job["message"]
            peak = max(peak_of(pid) for pid in adit.pids("worker"))
        allowed = 300 + 64 * (concurrency - 1)
        print(f"memory with {concurrency} transfers at a time: {peak // MEGABYTE} MB (at most {allowed})", flush=True)


if __name__ == "__main__":
    main()
