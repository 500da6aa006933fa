"""`adit batch query`, against an ADIT that runs and an Orthanc."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.peers.data import ct_study
from tests.peers.orthanc import orthanc

from .running import Adit, at_home

ANNE = ct_study(1, 2, name="anne", patient_id="0007", patient_name="Müller^Änne", size=128)
TWINS = tuple(ct_study(1, 1, name=name, patient_id=name, patient_name="Twin^Tom", size=128) for name in ("TA", "TB"))


@dataclass
class Site:
    """An ADIT that knows the node PACS, and where its files are for one test."""

    adit: Adit
    room: Path

    def file(self, *lines: str) -> str:
        path = self.room / "list.csv"
        path.write_text("\n".join(lines), encoding="utf-8")
        return str(path)


@pytest.fixture(scope="module")
def running() -> Iterator[Adit]:
    with at_home() as one, orthanc() as pacs:
        pacs.fill(file for study in (ANNE, *TWINS) for file in study.part10())
        assert one("up", "--detach").returncode == 0
        address = ("--ae-title", pacs.ae_title, "--host", pacs.host, "--port", str(pacs.port))
        assert one("node", "add", "PACS", *address, "--can", "find,get").returncode == 0
        yield one


@pytest.fixture
def site(running: Adit, tmp_path: Path) -> Site:
    return Site(running, tmp_path)


class TestABatchQuery:
    def test_writes_what_was_found_for_every_line(self, site: Site) -> None:
        out = site.room / "found.xlsx"
        file = site.file(
            "Patient ID;Name;Geburtsdatum;Pseudonym", "0007;;;Anna", ";Twin, Tom;12.3.1954;Tim", "9999;;;Nobody"
        )

        done = site.adit("batch", "query", file, "--from", "PACS", "--out", str(out))

        assert done.returncode == 0, done
        assert "3 lines: 1 found, 1 ambiguous, 1 not found. What was found is in" in done.stdout
        assert out.stat().st_mode & 0o777 == 0o600
        header, *rows = load_workbook(out).active.iter_rows(values_only=True)
        told = [dict(zip(header, row, strict=True)) for row in rows]
        assert [(row["Line"], row["Status"]) for row in told] == [
            ("2", "found"), ("3", "ambiguous"), ("3", "ambiguous"), ("4", "not found"),
        ]  # fmt: skip
        assert (told[0]["PatientID"], told[0]["StudyInstanceUID"], told[0]["Pseudonym"]) == ("0007", ANNE.uid, "Anna")
        assert told[0]["Instances"] == "2"
        assert told[1]["Reason"] == "2 patients have this name and birth date: TA, TB."

    def test_gives_a_file_that_a_batch_transfer_takes(self, site: Site) -> None:
        out = site.room / "found.csv"
        site.adit(
            "batch",
            "query",
            site.file("PatientID,Pseudonym", "0007,Anna", "9,Nil"),
            "--from",
            "PACS",
            "--out",
            str(out),
        )

        checked = site.adit.json("batch", "check", str(out), "--pseudonyms-required")

        assert (checked["kind"], checked["faults"]) == ("batch_transfer", [])

    def test_says_all_faults_and_asks_nothing(self, site: Site) -> None:
        out = site.room / "found.csv"
        file = site.file("PatientID,From", "0007,someday", "TA,2026-01-01", "TB,never")

        done = site.adit("batch", "query", file, "--from", "PACS", "--out", str(out), "--json")

        assert done.returncode == 2, done
        assert [fault["lines"] for fault in json.loads(done.stdout)["faults"]] == [[2], [4]]
        assert not out.exists()

    def test_asks_for_the_good_rows_and_gives_the_others_back(self, site: Site) -> None:
        out, rest = site.room / "found.csv", site.room / "rest.csv"
        file = site.file("PatientID,From", "0007,someday", "TA,2020-01-01")
        options = ("--good-rows-only", str(rest), "--project", "Knees", "--description", "Why", "--ethics-number", "E1")
        assert site.adit("project", "add", "Knees").returncode == 0

        done = site.adit("batch", "query", file, "--from", "PACS", "--out", str(out), *options)

        assert done.returncode == 0, done
        (given,) = csv.DictReader(rest.open(encoding="utf-8-sig"))
        assert given["PatientID"] == "0007"
        assert "someday" in given["Errors"]
        rows = list(csv.DictReader(out.open(encoding="utf-8-sig")))
        assert [(row["Line"], row["Status"]) for row in rows] == [("2", "failed"), ("3", "found")]
        assert rows[0]["Reason"].startswith("not asked: ")

    @pytest.mark.parametrize(
        ("options", "code", "sentence"),
        [
            (("--from", "PACS", "--out", "found.pdf"), 2, "neither .csv nor .xlsx"),
            (("--from", "NOWHERE", "--out", "found.csv"), 1, "NOWHERE"),
            (("--from", "PACS", "--out", "found.csv", "--project", "Unknown"), 1, "Unknown"),
        ],
    )
    def test_says_what_cannot_be(self, site: Site, options: tuple[str, ...], code: int, sentence: str) -> None:
        options = tuple(str(site.room / option) if option.startswith("found") else option for option in options)

        done = site.adit("batch", "query", site.file("PatientID", "0007"), *options)

        assert done.returncode == code, done
        assert sentence in done.stderr

    def test_replaces_no_file(self, site: Site) -> None:
        out = site.room / "found.csv"
        out.write_text("mine")

        done = site.adit("batch", "query", site.file("PatientID", "0007"), "--from", "PACS", "--out", str(out))

        assert done.returncode == 2, done
        assert out.read_text() == "mine"

    def test_reports_lines_by_their_outcome(self, site: Site) -> None:
        out = site.room / "found.csv"
        told = site.adit.json(
            "batch", "query", site.file("PatientID", "0007", "9999"), "--from", "PACS", "--out", str(out)
        )

        report = site.adit.json("job", "show", str(told["job"]))

        assert told["lines"] == {"found": 1, "not found": 1}
        assert report["message"] == "2 lines: 1 found, 1 not found"
        assert [(task["work"], task["message"]) for task in report["tasks"]] == [
            ("find_studies", "2 lines: 1 found, 1 not found")
        ]
