"""A worker process of its own, for tests that kill it: `python -m tests.jobs.a_worker OPTIONS`, as JSON.

Archives are directories below ROOT: `<node>/<study>/<series>/<instance>`. While a file `ROOT/hold` exists,
sources wait before the instance whose number stands in it; while `ROOT/deaf` exists, without hearing a cancel.
While `ROOT/silent` exists, destinations cannot be asked what they hold.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import django
from django.db import connection
from pydicom import Dataset

from adit.dicom.instance import InMemory, Instance
from adit.dicom.match import Match
from adit.dicom.protocols import Cancellation, Capabilities, Outcome, Receipt
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from tests.pace import within

CT = UID("1.2.840.10008.5.1.4.1.1.2")
EXPLICIT = UID("1.2.840.10008.1.2.1")


def fill(root: Path, node: str, refs: Iterable[Ref]) -> None:
    for ref in refs:
        path = root / node / ref.study / str(ref.series)
        path.mkdir(parents=True, exist_ok=True)
        (path / str(ref.instance)).write_bytes(b"")


def refs_in(root: Path, node: str, study: str) -> list[Ref]:
    found = (root / node / study).glob("*/*")
    return sorted(Ref(UID(study), UID(path.parent.name), UID(path.name)) for path in found)


class DirectorySource:
    capabilities = Capabilities()

    def __init__(self, root: Path, node: str, cancel: Cancellation) -> None:
        self.root, self.node, self.cancel = root, node, cancel

    def find(self, query: Query) -> Iterator[Match]:
        refs = refs_in(self.root, self.node, query.value("StudyInstanceUID"))
        shapes = {Level.STUDY: lambda r: Ref(r.study), Level.SERIES: lambda r: Ref(r.study, r.series)}
        for shown in dict.fromkeys(map(shapes.get(query.level, lambda r: r), refs)):
            if query.value("SeriesInstanceUID") in ("", shown.series):
                answer = Dataset()
                answer.StudyInstanceUID = shown.study
                answer.SeriesInstanceUID = shown.series or ""
                answer.SOPInstanceUID = shown.instance or ""
                answer.NumberOfSeriesRelatedInstances = sum(ref in shown for ref in refs)
                yield Match(query.level, answer)

    def retrieve(self, refs: Sequence[Ref]) -> Iterator[Instance]:
        wanted = [ref for ref in refs_in(self.root, self.node, refs[0].study) if any(ref in each for each in refs)]
        for number, ref in enumerate(wanted, 1):
            while (held := self._held()) and number >= held:
                if (self.root / "deaf").exists():
                    time.sleep(0.01)
                else:
                    self.cancel.wait(0.01)
            self.cancel.check()
            yield Instance(ref, CT, EXPLICIT, InMemory(b"\0" * 100))

    def _held(self) -> int:
        try:
            return int((self.root / "hold").read_text())
        except (FileNotFoundError, ValueError):
            return 0


class DirectorySink:
    def __init__(self, root: Path, node: str) -> None:
        self.root, self.node = root, node
        self.capabilities = Capabilities(verifiable=not (root / "silent").exists())

    def __enter__(self) -> DirectorySink:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def store(self, instances: Iterable[Instance]) -> Iterator[Receipt]:
        for instance in instances:
            with instance, (self.root / "stored").open("a") as log:
                log.write(f"{os.getpid()} {instance.uid}\n")
                fill(self.root, self.node, [instance.ref])
                yield Receipt(instance.ref, Outcome.STORED, 100)

    def holds(self, study: UID) -> frozenset[UID] | None:
        if not self.capabilities.verifiable:
            return None
        return frozenset(ref.instance for ref in refs_in(self.root, self.node, study) if ref.instance)


class Directories:
    """Opens nodes of the tests as directories (`adit.jobs.worker.Opens`)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def source(self, node, *, cancel, associations):
        yield DirectorySource(self.root, node.name, cancel)

    @contextmanager
    def sink(self, node, *, cancel, associations, layout, form=None):
        yield DirectorySink(self.root, node.name)


@dataclass(frozen=True)
class Options:
    root: str
    places: int = 2
    lease: float = field(default_factory=lambda: within(1.0))
    no_progress: float = 60
    grace: float = 5
    receives: bool = False


def database_url(port: int | None = None) -> str:
    """Of the test database, for other processes.

    Args:
        port: Where it is to be reached, if not at its own port.
    """
    used = connection.settings_dict
    return f"postgresql://{used['USER']}:{used['PASSWORD']}@127.0.0.1:{port or used['PORT']}/{used['NAME']}"


def start(root: Path, *, port: int | None = None, **options: float) -> subprocess.Popen[bytes]:
    """Start a worker on the test database.

    Args:
        port: Where the database is to be reached, if not at its own port.
    """
    chosen = Options(str(root), **options)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.a_worker", json.dumps(asdict(chosen))],
        env={**os.environ, "DATABASE_URL": database_url(port), "DJANGO_SETTINGS_MODULE": "adit.site.settings"},
        stdout=(root / "worker.log").open("ab"),
        stderr=subprocess.STDOUT,
    )


def wait_until(condition, *, seconds: float = 60, worker: subprocess.Popen[bytes] | None = None):
    """Wait for *condition* to be true; fail when it is not in time, or the worker has ended."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert worker is None or worker.poll() is None, "the worker process ended"
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return value


def main() -> None:
    django.setup()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(threadName)s %(name)s %(message)s")
    # Models can be imported only now.
    from adit.jobs.process import Limits, Process, run  # noqa: PLC0415

    told = Options(**json.loads(sys.argv[1]))
    limits = Limits(
        lease=told.lease, heartbeat=min(10, told.lease / 4), no_progress=told.no_progress, waits=(0.0, 0.1, 0.1)
    )
    opening = Directories(Path(told.root))
    run(Process(places=told.places, opening=opening, limits=limits, receives=lambda: told.receives), grace=told.grace)


if __name__ == "__main__":
    main()
