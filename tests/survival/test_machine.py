"""When everything dies at once, or the database of a whole ADIT."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from adit.site.database import free_port
from tests.peers.data import Study, ct_study
from tests.peers.misbehaving import MisbehavingPacs, misbehaving
from tests.peers.misbehaving_web import MisbehavingWeb, WebScript, misbehaving_web
from tests.peers.process import HOST, Peer
from tests.peers.scripts import Gate, Script
from tests.site.running import Adit, eventually
from tests.survival.stage import PATIENCE, assert_whole, complete, numbers
from tests.survival.ways import C_GET, C_MOVE, WADO

QUICK = {"ADIT_LEASE": "30", "ADIT_HEARTBEAT": "0.5", "ADIT_TASK_RETRY_WAITS": "0.1,0.1,0.1"}


@pytest.fixture(scope="module")
def adit() -> Iterator[Adit]:
    """A whole ADIT that runs, and does so again after each test.

    Not below `tmp_path`, which is closed to the account of PostgreSQL.
    """
    room = Path(tempfile.mkdtemp(prefix="adit-survival-"))
    room.chmod(0o755)
    one = Adit(room / "home", free_port())
    up = one("up", "--detach", **QUICK)
    assert up.returncode == 0, up.stderr
    yield one
    processes = everything(one)
    down = one("down", "--purge")
    shutil.rmtree(room, ignore_errors=True)
    assert down.returncode == 0, down.stderr
    assert not [pid for pid in processes if is_alive(pid)]


@pytest.fixture(scope="module")
def study() -> Study:
    return ct_study(series=1, instances=200, size=2048, name="machine")


def everything(adit: Adit) -> list[int]:
    return [adit.supervisor(), *(pid for pids in adit.children().values() for pid in pids)]


def is_alive(pid: int) -> bool:
    """Whether *pid* runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def add(adit: Adit, name: str, pacs: MisbehavingPacs, can: str = "find,store") -> None:
    where = ("--ae-title", pacs.ae_title, "--host", pacs.host, "--port", str(pacs.port))
    added = adit("node", "add", name, *where, "--can", can)
    assert added.returncode == 0, added.stderr


@contextmanager
def source_of(
    adit: Adit, way: str, study: Study, gate: Gate, *, ae_title: str
) -> Iterator[MisbehavingPacs | MisbehavingWeb]:
    """A server that holds *study* and lets it through *gate*, and its node, which sends it by *way*."""
    script = Script(gate=gate, destinations=(Peer("ADIT", HOST, adit.receiver_port),))
    if way == WADO:
        with misbehaving_web(study, script=WebScript(also=script)) as web:
            added = adit("node", "add", ae_title, "--dicomweb", web.url, "--can", "qido,wado")
            assert added.returncode == 0, added.stderr
            yield web
        return
    with misbehaving(study, script=script, ae_title=ae_title) as pacs:
        add(adit, ae_title, pacs, "find,move" if way == C_MOVE else "find,get")
        yield pacs


BY_EVERY_WAY = pytest.mark.parametrize("way", [C_GET, C_MOVE, WADO])


def send(adit: Adit, study: Study, source: str, destination: str) -> int:
    return int(adit.json("transfer", "--from", source, "--to", destination, "--study", study.uid)["id"])


def ended(adit: Adit, job: int) -> dict[str, Any]:
    """The report of *job*, once it has ended."""
    told: dict[str, Any] = {}

    def has() -> bool:
        told.clear()
        # While the database is away, an error.
        told.update(adit.json("job", "show", str(job)))
        return told.get("status") in ("success", "warning", "failure", "canceled")

    eventually(has, f"job {job} ends: {told}", within=200)
    return told


class TestAMachine:
    @BY_EVERY_WAY
    def test_whose_processes_are_all_killed_at_once_goes_on_by_itself(self, adit: Adit, study: Study, way: str) -> None:
        gate = Gate()
        gate.let(150)
        name = f"A_{way.replace('-', '_')}"
        folder = adit.home.parent / name
        folder.mkdir()
        with source_of(adit, way, study, gate, ae_title=name) as source:
            assert adit("node", "add", f"to {name}", "--folder", str(folder)).returncode == 0
            job = send(adit, study, name, f"to {name}")
            gate.wait_until_somebody_waits(seconds=PATIENCE)
            source.seen.wait_until(lambda seen: len(seen.sent) == 150, seconds=PATIENCE)
            processes = everything(adit)

            for pid in processes:
                # Some end by themselves when their parent has.
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            eventually(lambda: not [pid for pid in processes if is_alive(pid)], "all are dead")
            gate.open()
            up = adit("up", "--detach", **QUICK)
            assert up.returncode == 0, up.stderr

            told = ended(adit, job)
            source.seen.wait_until(lambda seen: seen.open == 0, seconds=PATIENCE)
        assert (told["status"], numbers(told), told["tasks"][0]["attempts"]) == ("success", complete(200), 2)
        assert_whole(folder, study.files)
        assert [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".dcm"] == []
        # What says that a receiver runs here is no left-over.
        left = [path for path in (adit.home / "spool").rglob("*") if path.is_file() and path.name != "receiver"]
        assert left == []

    @BY_EVERY_WAY
    def test_whose_database_is_killed_goes_on_with_the_transfer(self, adit: Adit, study: Study, way: str) -> None:
        gate = Gate()
        gate.let(50)
        name = f"C_{way.replace('-', '_')}"
        with (
            source_of(adit, way, study, gate, ae_title=name) as source,
            misbehaving(ae_title=f"D_{name}") as destination,
        ):
            add(adit, f"D_{name}", destination)
            job = send(adit, study, name, f"D_{name}")
            # Where a part of WADO-RS ends is known when the next begins.
            destination.seen.wait_until(lambda seen: len(seen.statuses) >= 49, seconds=PATIENCE)
            (database,) = adit.children()["postgres"]

            os.kill(database, signal.SIGKILL)
            gate.open()
            destination.seen.wait_until(lambda seen: len(seen.received) >= 200, seconds=PATIENCE)

            told = ended(adit, job)
            for pacs in (source, destination):
                pacs.seen.wait_until(lambda seen: seen.open == 0, seconds=PATIENCE)
            assert Counter(source.seen.sent) == Counter(destination.seen.received) == Counter(study.instances)
        assert (told["status"], numbers(told), told["tasks"][0]["attempts"]) == ("success", complete(200), 1)
