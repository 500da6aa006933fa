"""An ADIT that runs, and studies to send from it under pseudonyms."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread

from adit.site.database import free_port
from tests.peers.changed import of_modality
from tests.peers.data import Study, ct_study

from .running import Adit

STUDY = ct_study(series=2, instances=3, name="under a pseudonym", patient_id="4711-0815")
OTHER = ct_study(series=1, instances=2, name="of somebody else", patient_id="4711-0816")
MIXED = ct_study(series=2, instances=2, name="mixed", patient_id="4711-0817")
ULTRASOUND = of_modality(MIXED, MIXED.series[1], "US")


@dataclass(frozen=True)
class Site:
    """An ADIT that runs, with the folders `Source`, which holds the studies, and `Target`."""

    adit: Adit
    room: Path

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = self.adit(*arguments)
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def refused(self, *arguments: str, code: int = 1) -> str:
        done = self(*arguments, "--json")
        assert done.returncode == code, done
        return str(json.loads(done.stdout)["error"])

    def transfer(self, study: Study, *more: str) -> tuple[str, ...]:
        return ("transfer", "--from", "Source", "--to", "Target", "--study", study.uid, *more)

    def arrived(self) -> list[Dataset]:
        return [dcmread(path) for path in sorted((self.room / "target").rglob("*.dcm"))]

    def file(self, name: str, content: str) -> str:
        path = self.room / name
        path.write_text(content)
        return str(path)

    def empty(self) -> Site:
        """Itself, with nothing in `Target`."""
        for path in (self.room / "target").iterdir():
            shutil.rmtree(path)
        return self


@contextmanager
def pseudonymous() -> Iterator[Site]:
    """A `Site`, which runs while the block does."""
    room = Path(tempfile.mkdtemp(prefix="adit-pseudonyms-"))
    room.chmod(0o755)
    adit = Adit(room / "home", free_port())
    for name in ("source", "target"):
        (room / name).mkdir()
    for study in (STUDY, OTHER, ULTRASOUND):
        for file in study.files:
            (room / "source" / f"{file.uid}.dcm").write_bytes(file.part10())
    try:
        up = adit("up", "--detach", ADIT_TASK_RETRY_WAITS="0,0,0", ADIT_EXCLUDED_MODALITIES="PR")
        assert up.returncode == 0, up.stderr
        for name in ("source", "target"):
            assert adit("node", "add", name.title(), "--folder", str(room / name)).returncode == 0
        yield Site(adit, room)
    finally:
        adit("down", "--purge")
        shutil.rmtree(room, ignore_errors=True)
