"""`adit batch transfer`, against an ADIT that runs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.data import uid_of

from .pseudonymous import OTHER, STUDY, ULTRASOUND, Site, pseudonymous

UNKNOWN = uid_of("nobody has it")
NODES = ("--from", "Source", "--to", "Target")
WITH_PSEUDONYM = "PatientID,StudyInstanceUID,Pseudonym"


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
    with pseudonymous() as one:
        one.json("project", "add", "Stroke", "--generate")
        yield one


def a_list(site: Site, name: str, *rows: str, header: str = "PatientID,StudyInstanceUID") -> str:
    return site.file(f"{name}.csv", "\n".join((header, *rows)))


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(encoding="utf-8-sig")))


class TestABatchTransfer:
    def test_sends_every_study_and_gives_the_file_back(self, site: Site) -> None:
        file = a_list(
            site, "both", f"{STUDY.patient_id},{STUDY.uid}", f"{OTHER.patient_id},{OTHER.uid}", f"X,{UNKNOWN}"
        )
        result = site.room / "result.csv"

        done = site("batch", "transfer", file, *NODES, "--project", "Stroke", "--out", str(result))

        assert done.returncode == 1, done
        assert "ended as failure: 2 of 3 studies complete, 1 failed" in done.stderr
        rows = rows_of(result)
        assert [row["Status"] for row in rows] == ["success", "success", "failure"]
        assert {row["NewStudyInstanceUID"] for row in rows[:2]} == {
            str(data.StudyInstanceUID) for data in site.arrived()
        }
        assert {row["Pseudonym"] for row in rows[:2]} == {str(data.PatientID) for data in site.arrived()}
        assert result.stat().st_mode & 0o777 == 0o600

    def test_says_line_by_line_what_the_project_refuses_and_sends_nothing(self, site: Site) -> None:
        known = a_list(site, "known", f"{OTHER.patient_id},{OTHER.uid}")
        assert site("batch", "transfer", known, *NODES, "--project", "Stroke", "--wait").returncode == 0
        rows = (f"{STUDY.patient_id},{STUDY.uid},", f"{OTHER.patient_id},{OTHER.uid},P-8")
        file = a_list(site, "refused", *rows, header=WITH_PSEUDONYM)
        jobs = len(site.json("job", "list"))

        checked = site("batch", "check", file, "--project", "Stroke", "--from", "Source", "--json")
        sent = site("batch", "transfer", file, *NODES, "--project", "Stroke", "--json")

        reason = "The patient has another one in project Stroke already; leave it out, and that is taken."
        fault = {"lines": [3], "column": "Pseudonym", "value": "P-8", "reason": reason}
        assert (checked.returncode, json.loads(checked.stdout)["faults"]) == (1, [fault])
        assert (sent.returncode, json.loads(sent.stdout)["faults"]) == (2, [fault])
        assert len(site.json("job", "list")) == jobs

    def test_takes_the_pseudonyms_of_the_file(self, site: Site) -> None:
        file = a_list(
            site, "named", f"{OTHER.patient_id},{OTHER.uid},P-7", header="PatientID,StudyInstanceUID,Pseudonym"
        )

        told = site.json("batch", "transfer", file, *NODES, "--pseudonyms", "--wait")

        assert (told["status"], told["kind"]) == ("success", "batch_transfer")
        assert {str(data.PatientID) for data in site.arrived()} == {"P-7"}

    def test_refuses_pseudonyms_that_would_not_count(self, site: Site) -> None:
        file = a_list(
            site, "lost", f"{OTHER.patient_id},{OTHER.uid},P-7", header="PatientID,StudyInstanceUID,Pseudonym"
        )

        told = site.refused("batch", "transfer", file, *NODES, code=2)

        assert ("--project NAME" in told, "--pseudonyms" in told) == (True, True)
        assert not site.arrived()

    def test_says_all_faults_and_sends_nothing(self, site: Site) -> None:
        file = a_list(site, "faulty", "4711,no uid", f"{OTHER.patient_id},{OTHER.uid}", f",{STUDY.uid}")

        done = site("batch", "transfer", file, *NODES, "--json")

        assert done.returncode == 2, done
        told = json.loads(done.stdout)
        assert [fault["lines"] for fault in told["faults"]] == [[2], [4]]
        assert f"1 of 3 lines of {file} are right" in told["error"]
        assert not site.arrived()

    def test_sends_the_good_rows_and_gives_the_others_back(self, site: Site) -> None:
        file = a_list(site, "partly", "4711,no uid", f"{OTHER.patient_id},{OTHER.uid}")
        rest = site.room / "rest.csv"

        done = site("batch", "transfer", file, *NODES, "--good-rows-only", str(rest), "--wait")

        assert done.returncode == 0, done
        assert len(site.arrived()) == len(OTHER.files)
        (row,) = rows_of(rest)
        assert (row["PatientID"], row["StudyInstanceUID"]) == ("4711", "no uid")
        assert row["Errors"].startswith("StudyInstanceUID 'no uid'")


class TestADryRun:
    def test_says_what_would_become_of_every_line_and_sends_nothing(self, site: Site) -> None:
        file = a_list(site, "dry", f"{ULTRASOUND.patient_id},{ULTRASOUND.uid}", f"X,{OTHER.uid}", f"X,{UNKNOWN}")
        result = site.room / "dry-result.csv"
        options = ("--project", "Stroke", "--dry-run")

        done = site("batch", "transfer", file, *NODES, *options, "--out", str(result), "--json")

        assert done.returncode == 1, done
        told = json.loads(done.stdout)
        assert told["outcomes"] == {"found": 1, "ambiguous": 1, "not found": 1}
        assert (told["series"], told["left"], told["instances"]) == (1, 1, 2)
        assert told["unchecked"]["series"] == 1
        assert [row["Status"] for row in rows_of(result)] == ["found", "ambiguous", "not found"]
        assert not site.arrived()

    def test_is_told_in_sentences(self, site: Site) -> None:
        file = a_list(site, "told", f"{ULTRASOUND.patient_id},{ULTRASOUND.uid}")

        done = site("batch", "transfer", file, *NODES, "--project", "Stroke", "--dry-run")

        assert done.returncode == 0, done
        assert "Would go: 1 series, 2 instances, about 0.001 GB" in done.stdout
        assert "1 series would stay behind: ultrasound may show names" in done.stdout
        number = site.json("job", "list")[0]["id"]
        assert done.stdout.startswith(f"Job {number}: 1 line to ask for.")
        assert done.stdout.rstrip().endswith(f"Nothing was sent; adit batch send {number} sends what was found.")

    def test_is_sent_as_it_was_found(self, site: Site) -> None:
        file = a_list(site, "then", f"{OTHER.patient_id},{OTHER.uid}", f"X,{UNKNOWN}")
        checked = site("batch", "transfer", file, *NODES, "--project", "Stroke", "--dry-run", "--json")
        number = str(json.loads(checked.stdout)["job"])

        sent = site.json("batch", "send", number, "--wait")

        assert (sent["status"], sent["project"], len(sent["tasks"])) == ("success", "Stroke", 1)
        assert len(site.arrived()) == len(OTHER.files)
        twice = site("batch", "send", number)
        assert (twice.returncode, f"sent already, as job {sent['id']}" in twice.stderr) == (1, True)
        again = site.json("batch", "send", number, "--every", "--again")
        assert len(site.json("job", "show", str(again["id"]))["tasks"]) == 2
        missing = site.room / "missing.csv"
        told = site.json("batch", "result", number, "--out", str(missing), "--failed-only")
        assert told == {"job": int(number), "out": str(missing)}
        assert [(row["PatientID"], row["Status"]) for row in rows_of(missing)] == [("X", "not found")]

    def test_is_of_files_only(self, site: Site) -> None:
        number = str(site.json(*site.transfer(OTHER, "--wait"))["id"])

        done = site("batch", "result", number, "--out", str(site.room / "none.csv"))

        assert (done.returncode, "was not made from a file" in done.stderr) == (1, True)
