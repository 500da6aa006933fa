"""Where the tests of survival play: nodes, real workers on threads of the test, and a look at what they left."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

from adit.accounts.models import User, local_administrator
from adit.dicom.refs import UID
from adit.endpoints.budget import Budget
from adit.endpoints.receiver import listening
from adit.jobs.actions import perform
from adit.jobs.models import Job, Task
from adit.jobs.process import Limits, Process
from adit.jobs.reports import job_report
from adit.jobs.states import Action
from adit.jobs.submit import submit
from adit.nodes.models import Node, Slot
from adit.nodes.opening import Opening
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan
from tests.jobs.a_worker import wait_until
from tests.nodes import making
from tests.pace import within
from tests.peers.data import File, Study
from tests.peers.misbehaving import MisbehavingPacs, misbehaving
from tests.peers.misbehaving_web import MisbehavingWeb, WebScript, misbehaving_web
from tests.peers.process import Entity
from tests.peers.scripts import Script, Seen

BRIEFLY = (0.02, 0.02, 0.02)
"""Seconds between tries, of a task as of an opening."""

OURS = ("getting", "moving", "storing", "asking")
"""How the threads of a transfer are called."""

GRACE = 0.2
"""Seconds that instances may come in after a C-MOVE."""

PATIENCE = 40.0
"""Seconds after which a test gives up; an idle machine needs a fraction of one."""

MENDED = "(can be mended by the administrator of the PACS)"


class Numbers(NamedTuple):
    """The sums of a task's ledger. None where one of its series has none."""

    expected: int | None
    received: int | None
    stored: int | None
    confirmed: int | None
    excluded: int | None
    failed: int | None


def complete(count: int) -> Numbers:
    """What a ledger says when *count* instances went and are confirmed."""
    return Numbers(count, count, count, count, 0, 0)


@dataclass
class Stage:
    """One test's nodes, and what must be gone afterwards. A context manager.

    Attributes:
        room: A directory of this test.
    """

    room: Path
    pacs: list[MisbehavingPacs | MisbehavingWeb] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    _exits: ExitStack = field(default_factory=ExitStack)

    @property
    def spool(self) -> Path:
        return self.room / "spool"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._exits:
            if kind is None:
                self.assert_nothing_is_left()

    def misbehaving(self, name: str, *studies: Study, script: Script | None = None, **node: Any) -> MisbehavingPacs:
        """A node that is a misbehaving PACS."""
        pacs = self._exits.enter_context(misbehaving(*studies, script=script, ae_title=f"PACS_{name}"))
        self.pacs.append(pacs)
        self.server(name, pacs, **node)
        return pacs

    def misbehaving_web(
        self, name: str, *studies: Study, script: WebScript | None = None, **node: Any
    ) -> MisbehavingWeb:
        """A node that is a misbehaving PACS which speaks DICOMweb only."""
        pacs = self._exits.enter_context(misbehaving_web(*studies, script=script))
        self.pacs.append(pacs)
        nothing = {"find_study": False, "get_study": False, "store": False}
        no_address = {"ae_title": "", "host": "", "port": None}
        web = {"dicomweb_url": pacs.url, "qido": True, "wado": True, "stow": True}
        making.server(name, **{**no_address, **nothing, **web, **node})
        return pacs

    def server(self, name: str, peer: Entity, **node: Any) -> Node:
        """A node that is a PACS which runs already."""
        return making.server(name, ae_title=peer.ae_title, host=peer.host, port=peer.port, **node)

    def folder(self, name: str, path: Path | None = None, **node: Any) -> Path:
        """A node that is a folder."""
        path = path or self.room / f"folder {name}"
        path.mkdir(exist_ok=True)
        self.folders.append(path)
        making.folder(name, path, **node)
        return path

    @contextmanager
    def crew(
        self,
        *,
        places: int = 2,
        no_progress: float = 60,
        waits: Sequence[float] = BRIEFLY,
        tries: int = 3,
        commitment_wait: float = 20,
        move_grace: float = GRACE,
    ) -> Iterator[None]:
        """Real workers with real endpoints, on threads of this process, while the block runs.

        Args:
            waits: Between the attempts of a task.
            tries: How often an opening is tried again.
            commitment_wait: Seconds that a storage commitment is waited for.
            move_grace: Seconds that instances may come in after a C-MOVE.
        """
        opening = Opening(
            spool=self.spool,
            budget=Budget(128 << 20),
            calling_ae_title="ADIT",
            waits=BRIEFLY[:1] * tries,
            move_grace=move_grace,
            commitment_wait=commitment_wait,
        )
        limits = Limits(lease=45, heartbeat=0.2, no_progress=no_progress, waits=waits)
        process = Process(
            places=places,
            opening=opening,
            limits=limits,
            receives=lambda: listening(self.spool) is not None,
        )
        ended = threading.Event()

        def work() -> None:
            while not ended.is_set():
                process.work()
                # Instead of tickets, which wake workers of a process of its own.
                ended.wait(0.03)

        threads = [threading.Thread(target=work, name="place", daemon=True) for _ in range(places)]
        process.start()
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            process.stop()
            for thread in threads:
                thread.join(20)
            process.finish()
            assert not any(thread.is_alive() for thread in threads), "a worker does not let go"

    def run(self, *studies: Study | Job, source: str = "A", destination: str = "B", **crew: Any) -> dict[str, Any]:
        """Transfer *studies*, or go on with a job, to its end. Returns what `adit job show --json` says."""
        job = studies[0] if isinstance(studies[0], Job) else submitted(*studies, source=source, destination=destination)
        with self.crew(**crew):
            until(job, "success", "warning", "failure", "canceled")
        return report(job)

    def canceled_in_mid_instance(self, study: Study, seen: Seen) -> dict[str, Any]:
        """The report of a job that is canceled while its source stalls. All let go of it within five seconds.

        Args:
            seen: By the source.
        """
        job = submitted(study)
        with self.crew():
            seen.wait_until(lambda seen: seen.stalled == 1, seconds=PATIENCE)

            act(Action.CANCEL, job)

            until(job, "canceled", seconds=within(5))
            seen.wait_until(lambda seen: seen.open == 0, seconds=within(5))
        told = report(job)
        assert [task["status"] for task in told["tasks"]] == ["canceled"]
        assert told["tasks"][0]["message"].startswith("canceled")
        assert "did not arrive" not in str(told["tasks"])
        return told

    def half_written(self) -> list[Path]:
        """Files in its folders that are not finished."""
        files = [path for folder in self.folders for path in folder.rglob("*") if path.is_file()]
        return [path for path in files if path.suffix != ".dcm"]

    def assert_nothing_is_left(self) -> None:
        """No task, slot, association, thread, spool file or half-written file is left."""
        assert not Task.objects.in_progress().exists()
        # Who was killed holds his slots until his lease has run out; nobody else does.
        wait_until(lambda: not Slot.objects.held().exists(), seconds=PATIENCE)
        for pacs in self.pacs:
            pacs.seen.wait_until(lambda seen: seen.open == 0, seconds=PATIENCE)
        assert [path for path in self.spool.rglob("*") if path.is_file()] == []
        assert self.half_written() == []
        wait_until(lambda: not [each.name for each in threading.enumerate() if each.name.startswith(OURS)])


def heavy(study: Study) -> Study:
    """*study* with 20 MB in each instance (data set trailing padding, PS3.10 7.2): too large for memory."""
    padding = struct.pack("<HH2sHL", 0xFFFC, 0xFFFC, b"OB", 0, 20 << 20) + bytes(20 << 20)
    return replace(study, files=tuple(replace(file, encoded=file.encoded + padding) for file in study.files))


def operator(name: str = "tester") -> User:
    return local_administrator(name)


def submitted(*studies: Study, source: str = "A", destination: str = "B", series: Sequence[str] = ()) -> Job:
    """A job with a task for each of *studies*."""
    items = tuple(TransferStudy(UID(study.uid), tuple(map(UID, series))) for study in studies)
    return submit(Plan(kind="selective", source=source, destination=destination, items=items), by=operator())


def act(action: Action, job: Job) -> None:
    perform(action, job, by=operator())


def status_of(job: Job) -> str:
    return Job.objects.values_list("status", flat=True).get(pk=job.pk)


def until(job: Job, *statuses: str, seconds: float = PATIENCE) -> None:
    """Wait until *job* has one of *statuses*."""
    try:
        wait_until(lambda: status_of(job) in statuses, seconds=seconds)
    except AssertionError:
        raise AssertionError(f"never {' or '.join(statuses)}: {report(job)}") from None


def report(job: Job) -> dict[str, Any]:
    return job_report(Job.objects.get(pk=job.pk))


def numbers(report: dict[str, Any], task: int = 0) -> Numbers:
    """The sums over the series of one task."""
    entries = report["tasks"][task]["entries"]

    def total(name: str) -> int | None:
        values = [entry[name] for entry in entries]
        return None if None in values else sum(values)

    return Numbers(*map(total, Numbers._fields))


def reasons(report: dict[str, Any], task: int = 0) -> dict[str, int]:
    """Why instances of one task are not there, with their number."""
    found: dict[str, int] = {}
    for entry in report["tasks"][task]["entries"]:
        for reason, count in entry["reasons"].items():
            found[reason] = found.get(reason, 0) + count
    return found


def files_in(folder: Path) -> dict[str, bytes]:
    """SOP Instance UID → Part 10 file, of everything that has its final name."""
    return {path.stem: path.read_bytes() for path in folder.rglob("*.dcm")}


def assert_whole(folder: Path, files: Sequence[File]) -> None:
    """*folder* holds *files*, each exactly as it was sent, and nothing else."""
    found = files_in(folder)
    assert found.keys() == {file.uid for file in files}
    for file in files:
        assert found[file.uid].endswith(file.encoded)
