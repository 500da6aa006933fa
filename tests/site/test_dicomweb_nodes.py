"""Servers that speak DICOMweb only, on the command line of an ADIT that runs."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from adit.site.database import free_port
from tests.peers.certificates import certified
from tests.peers.data import ct_study
from tests.peers.misbehaving_web import WebScript, misbehaving_web

from .running import Adit

STUDY = ct_study(series=2, instances=3, name="nodes of dicomweb")


@pytest.fixture(scope="module")
def site() -> Iterator[Adit]:
    room = Path(tempfile.mkdtemp(prefix="adit-dicomweb-"))
    room.chmod(0o755)
    adit = Adit(room / "home", free_port())
    try:
        up = adit("up", "--detach", ADIT_TASK_RETRY_WAITS="0,0,0", ADIT_RETRY_WAITS="0.01")
        assert up.returncode == 0, up.stderr
        yield adit
    finally:
        adit("down", "--purge")
        shutil.rmtree(room, ignore_errors=True)


class TestANodeOfDicomweb:
    def test_needs_no_more_than_its_url(self, site: Adit) -> None:
        with misbehaving_web(STUDY) as pacs:
            added = site.json("node", "add", "Plain", "--dicomweb", pacs.url)
            tested = site("node", "test", "Plain")

        assert added["can"] == ["qido", "wado", "stow"]
        assert (added["ae_title"], added["host"], added["port"]) == ("", "", None)
        assert tested.returncode == 0, tested.stdout
        assert [line.split("  ")[0] for line in tested.stdout.splitlines()] == ["ok"] * 4
        assert "It answers queries." in tested.stdout

    def test_can_do_what_it_is_said_to(self, site: Adit) -> None:
        address = ("--dicomweb", "https://pacs.example.org/rs")
        added = site.json("node", "add", "Said", *address, "--can", "qido,wado", "--prefixes", "qidors,wadors,")

        assert added["can"] == ["qido", "wado"]
        assert added["dicomweb_prefixes"] == ["qidors", "wadors"]

    def test_that_is_away_says_so_and_is_not_added(self, site: Adit) -> None:
        done = site("node", "add", "Away", "--dicomweb", f"http://127.0.0.1:{free_port()}")

        assert done.returncode == 1
        assert "Away: no connection to 127.0.0.1" in done.stderr
        assert "Away" not in site("node", "list").stdout

    def test_keeps_its_secrets_to_itself(self, site: Adit, tmp_path: Path) -> None:
        certificate, key = certified("adit")
        for name, content in (("authorization", "Bearer a-secret\n"), ("pair", certificate + key), ("ca", certificate)):
            (tmp_path / name).write_text(content)
        with misbehaving_web(STUDY) as pacs:
            secrets = ("--authorization-file", str(tmp_path / "authorization"), "--ca-bundle", str(tmp_path / "ca"))
            shown = ("--client-certificate", str(tmp_path / "pair"))
            added = site("node", "add", "Secret", "--dicomweb", pacs.url, *secrets, *shown, "--json")

        assert {asked.headers["Authorization"] for asked in pacs.requests} == {"Bearer a-secret"}
        about = json.loads(added.stdout)
        assert about["dicomweb_authorization"] == about["dicomweb_ca"] == about["dicomweb_certificate"] == "set"
        for told in (added.stdout, site("node", "show", "Secret").stdout, site("node", "list", "--json").stdout):
            assert "a-secret" not in told
            assert "PRIVATE" not in told

    @pytest.mark.parametrize(
        ("option", "content", "words"),
        [
            ("--ca-bundle", "nonsense", "holds no certificate in PEM form"),
            ("--client-certificate", certified("adit")[0], "together with its private key"),
            ("--authorization-file", "Bearer a\nX-Evil: b", "one line of plain letters"),
        ],
    )
    def test_takes_no_nonsense(self, site: Adit, tmp_path: Path, option: str, content: str, words: str) -> None:
        (tmp_path / "file").write_text(content)
        given = ("--dicomweb", "https://pacs.example.org", "--can", "qido", option, str(tmp_path / "file"))
        done = site("node", "add", "Nonsense", *given)

        assert done.returncode == 2
        assert words in done.stderr

    @pytest.mark.parametrize(
        "url", ["https://me:secret@pacs.example.org", "https://pacs.example.org/rs?x=y", "ftp://x"]
    )
    def test_takes_no_url_that_is_none(self, site: Adit, url: str) -> None:
        assert site("node", "add", "Wrong", "--dicomweb", url, "--can", "qido").returncode == 2

    def test_tells_in_sentences_what_fails(self, site: Adit) -> None:
        with misbehaving_web(STUDY) as pacs:
            site("node", "add", "Failing", "--dicomweb", pacs.url)
            pacs.script = WebScript(statuses={"wado": 403})
            tested = site("node", "test", "Failing")

        assert tested.returncode == 1
        assert "Failing: it does not allow that (HTTP 403).  (the administrator of the PACS)" in tested.stdout


class TestATransferByDicomweb:
    def test_is_complete_and_confirmed(self, site: Adit) -> None:
        with misbehaving_web(STUDY) as here, misbehaving_web() as there:
            site("node", "add", "Here", "--dicomweb", here.url, "--can", "qido,wado")
            site("node", "add", "There", "--dicomweb", there.url, "--can", "qido,wado,stow")
            job = site.json("transfer", "--from", "Here", "--to", "There", "--study", STUDY.uid, "--wait")

        (task,) = job["tasks"]
        assert (job["status"], task["message"]) == ("success", "6 of 6 instances stored and confirmed")
        assert there.kept.keys() == STUDY.instances

    def test_gets_by_another_try_what_a_dropped_connection_cost(self, site: Adit) -> None:
        with misbehaving_web(STUDY, script=WebScript(drops_after=20_000)) as here, misbehaving_web() as there:
            site("node", "add", "Dropping", "--dicomweb", here.url, "--can", "qido,wado")
            site("node", "add", "Target", "--dicomweb", there.url, "--can", "stow")
            job = site.json("transfer", "--from", "Dropping", "--to", "Target", "--study", STUDY.uid, "--wait")

        assert job["status"] == "success", job
        assert there.kept.keys() == STUDY.instances
