"""Bad input on the command line, its exit codes, and its JSON, against an ADIT that runs."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adit.site.database import free_port
from tests.peers.data import ct_study
from tests.peers.misbehaving import MisbehavingPacs, misbehaving
from tests.peers.scripts import Script

from .running import Adit, eventually

STUDY = ct_study(series=2, instances=3, name="command line")
SHORT = ct_study(series=1, instances=4, name="one is missing")
UNKNOWN = "1.2.826.0.1.3680043.8.498.1"

JOB = {"id", "kind", "status", "message", "seconds", "tasks"}
TASK = {"status", "message", "attempts", "seconds", "waiting_for", "entries"}
ENTRY = {"study", "series", "expected", "received", "stored", "confirmed", "excluded", "failed", "bytes", "reasons"}
"""What the command line promises; there may be more."""


@dataclass(frozen=True)
class Site:
    """An ADIT that runs, with the PACS `Alpha`, the folder `Beta`, and `Short`, which lacks an instance."""

    adit: Adit
    pacs: MisbehavingPacs
    folder: Path

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = self.adit(*arguments, ADIT_RETRY_WAITS="0.01")
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def refused(self, *arguments: str, code: int) -> str:
        """The one sentence with which *arguments* are refused; the same with --json, as JSON."""
        done = self(*arguments, "--json")
        assert done.returncode == code, done
        told = json.loads(done.stdout)
        assert set(told) == {"error"}
        assert done.stderr.splitlines()[-1:] == [f"adit: {told['error']}"]
        assert len(done.stderr.splitlines()) == 1
        return str(told["error"])

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def jobs(self) -> int:
        return len(self.json("job", "list"))

    def retrieved(self) -> int:
        """How often something was retrieved from the PACS."""
        return sum(request.kind == 0x0010 for request in self.pacs.seen.requests)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    room = Path(tempfile.mkdtemp(prefix="adit-commands-"))
    room.chmod(0o755)
    adit = Adit(room / "home", free_port())
    folder = room / "folder"
    folder.mkdir()
    try:
        up = adit("up", "--detach", ADIT_TASK_RETRY_WAITS="0,0,0", ADIT_RETRY_WAITS="0.01")
        assert up.returncode == 0, up.stderr
        short = Script(withholds=frozenset({2}))
        with misbehaving(STUDY, ae_title="ALPHA") as pacs, misbehaving(SHORT, script=short, ae_title="SHORT") as other:
            for name, peer in (("Alpha", pacs), ("Short", other)):
                where = ("--ae-title", peer.ae_title, "--host", peer.host, "--port", str(peer.port))
                assert adit("node", "add", name, *where, "--can", "find,get,store").returncode == 0
            assert adit("node", "add", "Beta", "--folder", str(folder)).returncode == 0
            yield Site(adit, pacs, folder)
    finally:
        adit("down", "--purge")
        shutil.rmtree(room, ignore_errors=True)


def transfer(study: str = STUDY.uid, *more: str, source: str = "Alpha", destination: str = "Beta") -> tuple[str, ...]:
    return ("transfer", "--from", source, "--to", destination, "--study", study, *more)


class TestATransferThatCannotBe:
    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (transfer(source="Alfa"), 1, "There is no node 'Alfa'; did you mean Alpha?"),
            (transfer(destination="Betta"), 1, "There is no node 'Betta'; did you mean Beta?"),
            (transfer(UNKNOWN), 1, f"Alpha does not have study {UNKNOWN}; nothing was sent."),
            (transfer("1.2.x"), 2, "'1.2.x'"),
            (transfer(""), 2, "UID"),
            (transfer("1.2.*"), 2, "'1.2.*'"),
            (transfer("1.2\\1.3"), 2, "UID"),
            (transfer(STUDY.uid, "--series", "1.2.y"), 2, "'1.2.y'"),
            (("transfer", "--from", "Alpha", "--study", STUDY.uid), 2, "--to"),
            (("transfer", "--from", "Alpha", "--to", "Beta"), 2, "--study"),
            (transfer(STUDY.uid, "--nonsense"), 2, "--nonsense"),
        ],
        ids=lambda value: None,
    )
    def test_is_refused_with_a_sentence(self, site: Site, arguments: tuple[str, ...], code: int, words: str) -> None:
        assert words in site.refused(*arguments, code=code)
        assert site.retrieved() == 0
        assert list(site.folder.iterdir()) == []

    @pytest.mark.parametrize(
        "option", ["--pseudonym", "--project", "--profile", "--trial-protocol-id", "--trial-protocol-name"]
    )
    def test_with_an_empty_word_about_pseudonymising_is_refused_and_nothing_is_sent(
        self, site: Site, option: str
    ) -> None:
        sentence = site.refused(*transfer(STUDY.uid, option, ""), code=2)

        assert option in sentence
        assert "nothing was sent" in sentence
        assert site.retrieved() == 0

    def test_because_a_series_is_unknown_fails_as_a_job_or_before(self, site: Site) -> None:
        done = site(*transfer(STUDY.uid, "--series", UNKNOWN, "--wait", "--json"))

        assert done.returncode == 1
        assert UNKNOWN in done.stderr + done.stdout
        assert list(site.folder.iterdir()) == []

    def test_leaves_no_job(self, site: Site) -> None:
        before = site.jobs()

        site.refused(*transfer(UNKNOWN), code=1)

        assert site.jobs() == before


class TestAListOfStudies:
    def refused(self, site: Site, file: Path) -> str:
        return site.refused("transfer", "--from", "Alpha", "--to", "Beta", "--studies", str(file), code=2)

    def test_with_broken_lines_names_each_of_them(self, site: Site, tmp_path: Path) -> None:
        file = tmp_path / "studies.txt"
        file.write_text(f"{STUDY.uid}\n\nnot a UID\n1.2.*\n")

        sentence = self.refused(site, file)

        assert "line 3: " in sentence
        assert "line 4: " in sentence
        assert "line 1" not in sentence

    def test_that_is_empty_missing_or_no_text_is_refused(self, site: Site, tmp_path: Path) -> None:
        (tmp_path / "empty").write_text("\n\n")
        (tmp_path / "binary").write_bytes(bytes(range(256)))

        assert "no study UID" in self.refused(site, tmp_path / "empty")
        assert str(tmp_path / "missing") in self.refused(site, tmp_path / "missing")
        assert "binary" in self.refused(site, tmp_path / "binary")

    def test_is_a_job_with_a_task_for_each(self, site: Site, tmp_path: Path) -> None:
        file = tmp_path / "studies.txt"
        file.write_text(f"\ufeff{STUDY.uid}\r\n{STUDY.uid}\n{UNKNOWN}\n")

        done = site("transfer", "--from", "Alpha", "--to", "Beta", "--studies", str(file), "--wait", "--json")

        assert done.returncode == 1
        told = json.loads(done.stdout)
        assert [task["status"] for task in told["tasks"]] == ["success", "failure"]
        assert UNKNOWN in told["tasks"][1]["message"]


class TestANodeThatCannotBe:
    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (("add", "N", "--ae-title", "N", "--host", "h", "--port", "x", "--can", "find"), 2, "--port"),
            (("add", "N", "--ae-title", "N", "--host", "h", "--port", "65536", "--can", "find"), 2, "1 to 65535"),
            (("add", "N", "--ae-title", "N", "--host", "h", "--port", "99999999999", "--can", "find"), 2, "port"),
            (("add", "N", "--ae-title", "N", "--host", "h", "--port", "104", "--can", "fly"), 2, "'fly'"),
            (("add", "N", "--ae-title", "A" * 17, "--host", "h", "--port", "104", "--can", "find"), 2, "16 char"),
            (("add", "N", "--ae-title", "N", "--can", "find"), 2, "host"),
            (("add", "", "--folder", "/tmp"), 2, "name"),
            (("add", "alpha", "--folder", "/tmp"), 2, "name"),
            (("add", "N", "--ae-title", "ALPHA", "--host", "h", "--port", "104", "--can", "find"), 2, "AE title"),
            (("add", "N", "--folder", "/tmp", "--quota", "nan"), 2, "quota"),
            (("add", "N", "--folder", "/dev/null"), 2, "/dev/null"),
            (("add", "N", "--folder", "/dev/null/below"), 2, "/dev/null/below"),
            (("edit", "Beta", "--folder", "/dev/null"), 2, "/dev/null"),
            (("add", "N", "--folder", "/tmp", "--port", "104"), 2, "folder"),
            (("edit", "Alpha", "--idle-timeout", "nan"), 2, "idle"),
            (("edit", "Alpha"), 2, "what to change"),
            (("show", "Alfa"), 1, "did you mean Alpha?"),
            (("access", "Alpha", "--source"), 2, "--group"),
        ],
        ids=lambda value: None,
    )
    def test_is_refused_with_a_sentence(self, site: Site, arguments: tuple[str, ...], code: int, words: str) -> None:
        assert words in site.refused("node", *arguments, code=code)

    def test_because_nothing_listens_there_is_not_added(self, site: Site) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
        where = ("--ae-title", "GONE", "--host", "127.0.0.1", "--port", port)

        assert "no connection to GONE at 127.0.0.1" in site.refused("node", "add", "Gone", *where, code=1)

    def test_because_nothing_listens_there_any_more_is_told_by_its_test_and_a_search(self, site: Site) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
        where = ("--ae-title", "GONE", "--host", "127.0.0.1", "--port", port, "--can", "find,get")
        assert site("node", "add", "Gone", *where).returncode == 0
        try:
            tested = site("node", "test", "Gone", "--json")
            assert tested.returncode == 1
            assert "failed" in {each["result"] for each in json.loads(tested.stdout)}
            told = site.refused("find", "Gone", code=1)
            assert told.startswith("Gone: no connection to GONE")
            assert told.endswith("Who can mend it: the administrator of the PACS or of the network.")
        finally:
            assert site("node", "remove", "Gone").returncode == 0


class TestASearchThatCannotBe:
    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (("Alfa",), 1, "did you mean Alpha?"),
            (("Alpha", "--study-date", "yesterday"), 2, "yesterday"),
            (("Alpha", "--study", "1.2.x"), 2, "1.2.x"),
            (("Alpha", "--level", "series"), 2, "--study"),
            (("Alpha", "--level", "molecule"), 2, "--level"),
        ],
        ids=lambda value: None,
    )
    def test_is_refused_with_a_sentence(self, site: Site, arguments: tuple[str, ...], code: int, words: str) -> None:
        assert words in site.refused("find", *arguments, code=code)


class TestAJobThatIsNotThere:
    @pytest.mark.parametrize("action", ["show", "cancel"])
    def test_is_named(self, site: Site, action: str) -> None:
        assert site.refused("job", action, "4711", code=1) == "There is no job 4711."

    @pytest.mark.parametrize("number", ["x", "99999999999999999999"])
    def test_by_a_number_that_is_none_is_refused(self, site: Site, number: str) -> None:
        done = site("job", "show", number, "--json")

        assert done.returncode in (1, 2)
        assert set(json.loads(done.stdout)) == {"error"}
        assert len(done.stderr.splitlines()) == 1


class TestExitCodes:
    def test_0_for_complete_success_and_json_as_promised(self, site: Site) -> None:
        done = site(*transfer(STUDY.uid, "--wait", "--json"))

        assert (done.returncode, done.stderr) == (0, "")
        told = json.loads(done.stdout)
        assert told == site.json("job", "show", str(told["id"]))
        assert told.keys() >= JOB
        assert (told["kind"], told["status"]) == ("selective", "success")
        (task,) = told["tasks"]
        assert task.keys() >= TASK
        assert (task["attempts"], task["waiting_for"]) == (1, "")
        assert isinstance(task["seconds"], float)
        assert {entry["series"] for entry in task["entries"]} == set(STUDY.series)
        for entry in task["entries"]:
            assert entry.keys() >= ENTRY
            assert [entry[key] for key in ("expected", "received", "stored", "confirmed", "excluded", "failed")] == [
                3, 3, 3, 3, 0, 0,
            ]  # fmt: skip
            assert entry["bytes"] > 0
            assert entry["reasons"] == {}

    def test_1_for_a_warning_and_for_a_wrong_state(self, site: Site) -> None:
        done = site(*transfer(SHORT.uid, "--wait", "--json", source="Short"))

        assert done.returncode == 1
        told = json.loads(done.stdout)
        assert told["status"] == "warning"
        assert told["tasks"][0]["entries"][0]["reasons"] == {"did not arrive from the source": 1}
        job = str(told["id"])
        assert done.stderr.startswith(f"adit: job {job} ended as warning: ")
        assert f"job {job}" in site.refused("job", "cancel", job, code=1).lower()

        retried = site.json("job", "retry", job)

        assert retried["status"] in ("pending", "in progress")
        eventually(lambda: site.json("job", "show", job)["status"] == "warning", "it has ended again")

    def test_are_the_same_for_people(self, site: Site) -> None:
        done = site(*transfer(SHORT.uid, "--wait", source="Short"))
        assert done.returncode == 1
        assert "3 of 4 instances stored" in done.stdout + done.stderr

        for arguments, code in ((transfer("1.2.x"), 2), (("job", "show", "4711"), 1)):
            done = site(*arguments)
            assert (done.returncode, done.stdout) == (code, "")
            assert len(done.stderr.splitlines()) == 1


class TestSuspendingANode:
    def test_lets_its_tasks_wait_with_the_reason_until_it_takes_part_again(self, site: Site) -> None:
        told = site.json("node", "suspend", "alpha", "--reason", "moves house", "--now")
        assert told == {"node": "Alpha", "suspended": "moves house", "now": True}
        assert site.json("node", "show", "Alpha")["suspended"] == "moves house"
        job = site.json(*transfer())
        (waiting,) = site.json("job", "show", str(job["id"]))["tasks"]
        assert waiting["waiting_for"] == "waits while Alpha is suspended: moves house"
        asked = len(site.pacs.seen.requests)
        assert site.refused("find", "Alpha", code=1) == "Alpha is suspended: moves house"
        told = site.refused(*transfer(STUDY.uid, "--pseudonym", "P-1"), code=1)
        assert told.startswith("Alpha is suspended: moves house. Nobody else knows")
        assert len(site.pacs.seen.requests) == asked

        site.json("node", "resume", "Alpha")

        eventually(lambda: site.json("job", "show", str(job["id"]))["status"] == "success", "it goes on")

    def test_wants_a_reason(self, site: Site) -> None:
        assert "--reason" in site.refused("node", "suspend", "Alpha", code=2)
        assert "say why" in site.refused("node", "suspend", "Alpha", "--reason", " ", code=2)


class TestAReceipt:
    def test_is_given_of_what_has_ended_and_says_what_was_accepted(self, site: Site) -> None:
        job = str(json.loads(site(*transfer(SHORT.uid, "--wait", "--json", source="Short")).stdout)["id"])
        assert "Say why it is complete" in site.refused("job", "accept", job, "--reason", " ", code=2)

        assert site.json("job", "accept", job, "--reason", "counted twice")["status"] == "success"

        internal, theirs = site.json("job", "receipt", job), site.json("job", "receipt", job, "--for-recipient")
        assert internal["accepted"][0]["reason"] == "counted twice"
        assert internal["totals"]["stored"] == theirs["totals"]["stored"] == 3
        assert {"source", "owner"} - theirs.keys() == {"source", "owner"}
        shown = site("job", "receipt", job).stdout
        assert "4 instances expected, 3 stored" in shown
        assert "counted twice" in shown

    def test_says_why_a_study_failed_as_a_whole(self, site: Site, tmp_path: Path) -> None:
        file = tmp_path / "studies.txt"
        file.write_text(f"{STUDY.uid}\n{UNKNOWN}\n")
        done = site("transfer", "--from", "Alpha", "--to", "Beta", "--studies", str(file), "--wait", "--json")
        job = str(json.loads(done.stdout)["id"])

        assert f"1 study failed: Alpha: study {UNKNOWN} is unknown there" in site("job", "receipt", job).stdout


class TestJson:
    def test_comes_from_every_command(self, site: Site) -> None:
        assert isinstance(site.json("job", "list"), list)
        assert {node["name"] for node in site.json("node", "list")} == {"Alpha", "Beta", "Short"}
        assert site.json("node", "show", "alpha")["ae_title"] == "ALPHA"
        assert {each["result"] for each in site.json("node", "test", "Alpha")} <= {"passed", "ok", "skipped", "warning"}
        (found,) = site.json("find", "Alpha")
        assert found["StudyInstanceUID"] == STUDY.uid
        assert len(site.json("find", "Alpha", "--level", "instance", "--study", STUDY.uid)) == 6
        assert site.json("doctor")["ok"]

    def test_comes_with_errors_of_usage_too(self, site: Site) -> None:
        for arguments in (("nonsense",), ("job", "nonsense"), ("node",), ("job", "show")):
            done = site(*arguments, "--json")
            assert done.returncode == 2
            assert set(json.loads(done.stdout)) == {"error"}


class TestWithoutAnAditThatRuns:
    @pytest.mark.parametrize("arguments", [transfer(), ("job", "show", "1"), ("node", "list"), ("find", "Alpha")])
    def test_the_sentence_names_the_command_that_starts_it(self, tmp_path: Path, arguments: tuple[str, ...]) -> None:
        done = Adit(tmp_path / "home", 1)(*arguments, "--json", ADIT_WEB_PORT="8000")

        assert done.returncode == 1
        assert "./adit up" in json.loads(done.stdout)["error"]
        assert len(done.stderr.splitlines()) == 1
