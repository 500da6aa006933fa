"""`adit transfer` with an archive, or as NIfTI, against an ADIT that runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import py7zr
import pytest

from adit.site.database import free_port
from tests.peers.data import ct_study

from .running import Adit

STUDY = ct_study(series=1, instances=3, name="in other forms")
PASSWORD = "offenes Geheimnis ä"


@dataclass(frozen=True)
class Site:
    """An ADIT that runs, with the folder `Source`, which holds the study, the folder `Target`, and a server."""

    adit: Adit
    room: Path

    def transfer(self, *more: str, to: str = "Target") -> subprocess.CompletedProcess[str]:
        done = self.adit("transfer", "--from", "Source", "--to", to, "--study", STUDY.uid, *more)
        assert "Traceback" not in done.stdout + done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        return done

    def file(self, content: bytes) -> str:
        path = self.room / "password"
        path.write_bytes(content)
        return str(path)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    room = Path(tempfile.mkdtemp(prefix="adit-forms-"))
    room.chmod(0o755)
    adit = Adit(room / "home", free_port())
    for name in ("source", "target"):
        (room / name).mkdir()
    for file in STUDY.files:
        (room / "source" / f"{file.uid}.dcm").write_bytes(file.part10())
    try:
        up = adit("up", "--detach", ADIT_TASK_RETRY_WAITS="0,0,0")
        assert up.returncode == 0, up.stderr
        for name in ("source", "target"):
            assert adit("node", "add", name.title(), "--folder", str(room / name)).returncode == 0
        server = ("--ae-title", "FAR", "--host", "127.0.0.1", "--port", str(free_port()), "--can", "find,store")
        assert adit("node", "add", "Far", *server).returncode == 0
        yield Site(adit, room)
    finally:
        adit("down", "--purge")
        shutil.rmtree(room, ignore_errors=True)


class TestATransferIntoAnArchive:
    @pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\nnot of the password\n"], ids=repr)
    def test_makes_one_that_opens_with_the_first_line_of_the_file(self, site: Site, ending: str) -> None:
        for path in (site.room / "target").iterdir():
            path.unlink()

        done = site.transfer("--archive-password-file", site.file((PASSWORD + ending).encode()), "--wait")

        assert done.returncode == 0, done.stderr
        assert "3 instances sealed in" in done.stdout
        [archive] = (site.room / "target").iterdir()
        with py7zr.SevenZipFile(archive, "r", password=PASSWORD) as file:
            assert len(file.getnames()) == 4

    def test_shows_its_password_to_nobody(self, site: Site) -> None:
        site.transfer("--archive-password-file", site.file(PASSWORD.encode()), "--wait")

        shown = site.adit("job", "list", "--json").stdout
        for job in json.loads(shown):
            shown += site.adit("job", "show", str(job["id"]), "--json").stdout
        logs = b"".join(path.read_bytes() for path in (site.adit.home / "logs").rglob("*") if path.is_file())
        assert PASSWORD not in shown
        assert PASSWORD.encode() not in logs

    @pytest.mark.parametrize(
        ("content", "words"), [(b"", "holds no password"), (b"\nx", "holds no password"), (b"\xff", "cannot be read")]
    )
    def test_without_a_password_is_refused(self, site: Site, content: bytes, words: str) -> None:
        done = site.transfer("--archive-password-file", site.file(content))

        assert done.returncode == 2
        assert words in done.stderr

    @pytest.mark.parametrize("nifti", [False, True])
    def test_is_refused_for_a_server(self, site: Site, nifti: bool) -> None:
        form = ("--nifti",) if nifti else ("--archive-password-file", site.file(PASSWORD.encode()))

        done = site.transfer(*form, to="Far")

        assert done.returncode == 1
        assert "Far is a server" in done.stderr
