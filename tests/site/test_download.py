"""`adit download` against an ADIT that runs: what is whole, and what is not there at all."""

from __future__ import annotations

import io
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from adit.site.database import free_port
from tests.peers.data import ct_study
from tests.peers.misbehaving import MisbehavingPacs, misbehaving
from tests.peers.scripts import Script

from .running import Adit, eventually

STUDY = ct_study(series=2, instances=3, name="downloaded")
SHORT = ct_study(series=1, instances=4, name="downloaded in part")
ENDLESS = ct_study(series=1, instances=3, name="downloaded for ever")


@dataclass(frozen=True)
class Site:
    """An ADIT that runs, with the PACS `Whole`, with `Short`, which lacks an instance, and `Endless`, which stalls."""

    adit: Adit
    room: Path
    endless: MisbehavingPacs

    def download(self, node: str, study: str, *more: str) -> subprocess.CompletedProcess[str]:
        done = self.adit("download", node, "--study", study, "--to", str(self.room / "out" / "study.zip"), *more)
        assert "Traceback" not in done.stderr
        return done

    def stalled(self) -> int:
        """How many retrievals the PACS has begun that never sends what is asked for."""
        return sum(request.kind == 0x0010 for request in self.endless.seen.requests)

    def audited(self) -> list[Any]:
        """The downloads in the audit trail, newest last: action, outcome, study."""
        return self._asked(
            "SELECT action, outcome, study_uid FROM audit_event WHERE action LIKE 'download.%' ORDER BY id"
        )

    def slots_held(self) -> int:
        return len(self._asked("SELECT 1 FROM nodes_slot WHERE lease_until > now()"))

    def _asked(self, question: LiteralString) -> list[Any]:
        url = json.loads((self.adit.home / "run" / "state.json").read_text())["database_url"]
        with psycopg.connect(url) as connection:
            return connection.execute(question).fetchall()

    def left(self) -> list[str]:
        return sorted(path.name for path in (self.room / "out").iterdir())


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
    room = Path(tempfile.mkdtemp(prefix="adit-download-"))
    room.chmod(0o755)
    adit = Adit(room / "home", free_port())
    try:
        up = adit("up", "--detach", ADIT_RETRY_WAITS="0.01")
        assert up.returncode == 0, up.stderr
        with (
            misbehaving(STUDY, ae_title="WHOLE") as whole,
            misbehaving(SHORT, script=Script(withholds=frozenset({2})), ae_title="SHORT") as short,
            misbehaving(ENDLESS, script=Script(stalls_in=1), ae_title="ENDLESS") as endless,
        ):
            for name, peer in (("Whole", whole), ("Short", short), ("Endless", endless)):
                where = ("--ae-title", peer.ae_title, "--host", peer.host, "--port", str(peer.port))
                assert adit("node", "add", name, *where, "--can", "find,get").returncode == 0
            yield Site(adit, room, endless)
    finally:
        adit("down", "--purge")
        shutil.rmtree(room, ignore_errors=True)


@pytest.fixture
def site(running: Site) -> Iterator[Site]:
    (running.room / "out").mkdir()
    yield running
    shutil.rmtree(running.room / "out")


def manifest(file: Any) -> Any:
    with zipfile.ZipFile(file) as opened:
        assert opened.testzip() is None
        return json.loads(opened.read(opened.namelist()[-1]))


class TestADownload:
    def test_is_a_zip_file_with_all_instances_and_says_so_at_its_end(self, site: Site) -> None:
        done = site.download("Whole", STUDY.uid)

        assert (done.returncode, site.left()) == (0, ["study.zip"]), done
        told = manifest(site.room / "out" / "study.zip")
        assert told["study"] == STUDY.uid
        assert [(each["expected"], each["stored"], each["excluded"]) for each in told["series"]] == [(3, 3, 0)] * 2
        assert f"{site.room}/out/study.zip: 6 of 6 instances stored" in done.stdout
        assert site.audited()[-2:] == [(f"download.{each}", "done", STUDY.uid) for each in ("started", "ended")]
        assert site.slots_held() == 0

    def test_of_one_series_holds_that_series_only(self, site: Site) -> None:
        done = site.download("Whole", STUDY.uid, "--series", STUDY.series[1], "--json")

        told = manifest(site.room / "out" / "study.zip")
        assert [each["series"] for each in told["series"]] == [STUDY.series[1]]
        assert json.loads(done.stdout) == told

    def test_goes_to_standard_output(self, site: Site) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "adit.site", "download", "Whole", "--study", STUDY.uid, "--to", "-"],
            check=True,
            capture_output=True,
            timeout=100,
            env=site.adit.environment(),
        )

        assert len(manifest(io.BytesIO(done.stdout))["series"]) == 2

    def test_that_lacks_an_instance_leaves_nothing_and_says_why(self, site: Site) -> None:
        done = site.download("Short", SHORT.uid)

        assert (done.returncode, site.left()) == (1, [])
        assert "3 of 4 instances stored; 1 failed" in done.stderr
        assert site.audited()[-1] == ("download.ended", "failed", SHORT.uid)
        assert site.slots_held() == 0

    def test_of_an_unknown_study_leaves_nothing_and_says_why(self, site: Site) -> None:
        done = site.download("Whole", "1.2.826.0.1.3680043.8.498.1")

        assert (done.returncode, site.left()) == (1, [])
        study = "1.2.826.0.1.3680043.8.498.1"
        assert done.stderr == f"adit: Whole: study {study} is unknown there. Who can mend it: whoever asked for it.\n"

    def test_from_a_suspended_node_is_not_asked_for(self, site: Site) -> None:
        site.adit("node", "suspend", "Whole", "--reason", "moves house")
        try:
            done = site.download("Whole", STUDY.uid)
        finally:
            site.adit("node", "resume", "Whole")

        assert (done.returncode, site.left()) == (1, [])
        assert done.stderr == "adit: Whole is suspended: moves house\n"

    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
    def test_that_is_ended_leaves_nothing(self, site: Site, how: signal.Signals) -> None:
        before = site.stalled()
        command = [sys.executable, "-m", "adit.site", "download", "Endless", "--study", ENDLESS.uid]
        with subprocess.Popen(
            [*command, "--to", str(site.room / "out" / "study.zip")], env=site.adit.environment(), stderr=-1
        ) as process:
            eventually(lambda: site.stalled() > before or process.poll() is not None, "the download has begun")
            process.send_signal(how)
            _, told = process.communicate(timeout=100)

        assert (site.stalled(), process.returncode != 0, site.left()) == (before + 1, True, []), told

    @pytest.mark.parametrize(
        ("to", "words"),
        [("/nonexistent/study.zip", "cannot be written"), ("/tmp", "is a folder")],
        ids=["nowhere", "a folder"],
    )
    def test_to_where_nothing_can_be_written_is_refused(self, site: Site, to: str, words: str) -> None:
        done = site.adit("download", "Whole", "--study", STUDY.uid, "--to", to)

        assert done.returncode in (1, 2)
        assert words in done.stderr
        assert "Traceback" not in done.stderr
