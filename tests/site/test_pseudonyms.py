"""`adit project`, and `adit transfer` and `adit download` under pseudonyms, against an ADIT that runs."""

from __future__ import annotations

import csv
import getpass
import json
import shutil
import stat
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
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


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
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


@pytest.fixture
def site(running: Site) -> Site:
    for path in (running.room / "target").iterdir():
        shutil.rmtree(path)
    return running


class TestAProject:
    def test_is_added_shown_listed_and_changed(self, site: Site) -> None:
        added = site.json("project", "add", "Study one", "--purpose", "Stroke", "--profile", "longitudinal",
                          "--to", "target", "--expires", "2099-12-31")  # fmt: skip

        assert (added["name"], added["profile"], added["destinations"]) == ("Study one", "longitudinal", ["Target"])
        assert site.json("project", "show", "study ONE") == added
        changed = site.json("project", "edit", "Study one", "--generate", "--anywhere", "--expires", "never")
        assert (changed["generates"], changed["destinations"], changed["expires"]) == (True, [], None)
        assert changed in site.json("project", "list")

    def test_that_is_unknown_is_named_with_what_is_near(self, site: Site) -> None:
        site.json("project", "add", "Near by")

        for command in (("show", "Nearby"), ("linking", "Nearby"), ("members", "Nearby")):
            assert "did you mean Near by?" in site.refused("project", *command)
        assert "did you mean Near by?" in site.refused(*site.transfer(STUDY, "--project", "Nearby", "--generate"))
        assert site.arrived() == []

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (("add", "X", "--profile", "reserach"), 2, "research"),
            (("add", "X", "--to", "Nowhere"), 1, "There is no node 'Nowhere'"),
            (("add", "X", "--expires", "soon"), 2, "2027-12-31"),
            (("add", ""), 2, "name"),
            (("edit", "Wrong"), 2, "what to change"),
            (("members", "Wrong", "--user", "nobody"), 1, "There is no user 'nobody'"),
            (("members", "Wrong", "--link"), 2, "--user"),
            (("key", "backup", "Wrong", "--to", "/dev/null/x"), 2, "--passphrase-file"),
            (("key", "destroy", "Wrong", "--confirm", "wrong"), 2, "nothing was destroyed"),
            (("key", "destroy", "Wrong"), 2, "--confirm"),
            (("linking", "Wrong", "--to", "links.doc"), 2, "neither .csv nor .xlsx"),
            (("import", "Wrong", "/does/not/exist"), 2, "cannot be read"),
        ],
        ids=lambda value: None,
    )
    def test_that_cannot_be_is_refused_with_a_sentence(
        self, site: Site, arguments: tuple[str, ...], code: int, words: str
    ) -> None:
        site("project", "add", "Wrong")

        assert words in site.refused("project", *arguments, code=code)

    def test_has_members_who_may_what_was_said(self, site: Site) -> None:
        site.json("project", "add", "Members")
        user = f"local:{getpass.getuser()}"

        site.json("project", "members", "Members", "--user", user)
        assert site.json("project", "members", "Members", "--user", user, "--no-send", "--link") == [
            {"user": user, "may_send": False, "may_link": True}
        ]
        assert site.json("project", "members", "Members", "--user", user, "--remove") == []


class TestATransferUnderAPseudonym:
    def test_arrives_so_and_says_so(self, site: Site) -> None:
        told = site.json(*site.transfer(STUDY, "--pseudonym", "P-01", "--wait"))

        assert (told["status"], told["profile"].split()[0], told["project"]) == ("success", "research", None)
        assert told["tasks"][0]["pseudonym"] == "P-01"
        found = site.arrived()
        assert {(str(data.PatientID), str(data.PatientName)) for data in found} == {("P-01", "P-01")}
        assert {data.PatientIdentityRemoved for data in found} == {"YES"}
        assert not {str(data.SOPInstanceUID) for data in found} & STUDY.instances

    def test_of_a_project_is_the_same_again(self, site: Site) -> None:
        site.json("project", "add", "Again")
        site.json(*site.transfer(STUDY, "--project", "Again", "--generate", "--wait"))
        site.json(*site.transfer(STUDY, "--project", "again", "--wait"))

        found = [(str(d.PatientID), str(d.StudyInstanceUID), str(d.SOPInstanceUID)) for d in site.arrived()]
        assert len(found) == 12
        assert len(set(found)) == 6

    def test_says_before_it_is_sent_what_stays_behind(self, site: Site) -> None:
        done = site(*site.transfer(ULTRASOUND, "--pseudonym", "P-01", "--wait"))

        assert done.returncode == 0, done
        assert done.stderr.startswith("adit: 1 of 2 series stays behind: ultrasound may show names")
        assert "2 excluded" in done.stdout
        assert len(site.arrived()) == 2

    def test_carries_its_trial_with_and_without_pseudonym(self, site: Site) -> None:
        trial = ("--trial-protocol-id", "PROT", "--trial-protocol-name", "A trial", "--wait")
        site.json(*site.transfer(STUDY, "--pseudonym", "P-01", *trial))
        site.json(*site.transfer(OTHER, *trial))

        found = {(str(d.PatientID), d.ClinicalTrialProtocolID, d.ClinicalTrialProtocolName) for d in site.arrived()}
        assert found == {("P-01", "PROT", "A trial"), (OTHER.patient_id, "PROT", "A trial")}

    @pytest.mark.parametrize(
        ("options", "code", "words"),
        [
            (("--pseudonym", ""), 2, "--pseudonym is empty"),
            (("--project", " "), 2, "--project is empty"),
            (("--profile", "basic"), 2, "--profile needs --project"),
            (("--unchecked-pixels",), 2, "--unchecked-pixels needs"),
            (("--pseudonym", "P", "--generate"), 2, "not both"),
            (("--pseudonym", "4711-0815"), 1, "holds the PatientID"),
            (("--pseudonym", "Mueller-1"), 1, "part of the patient's name"),
            (("--pseudonym", "a^b"), 1, "cannot be a pseudonym"),
            (("--pseudonym", "P-01", "--profile", "nonsense"), 1, "no profile 'nonsense'"),
            (("--generate", "--profile", "trial"), 1, "from a list only"),
            (("--trial-protocol-id", ""), 2, "--trial-protocol-id is empty"),
            (("--trial-protocol-name", "ä"), 2, "plain characters"),
        ],
        ids=lambda value: None,
    )
    def test_that_cannot_be_is_refused_and_nothing_is_sent(
        self, site: Site, options: tuple[str, ...], code: int, words: str
    ) -> None:
        assert words in site.refused(*site.transfer(STUDY, *options), code=code)
        assert site.arrived() == []

    def test_of_two_patients_under_one_is_refused(self, site: Site) -> None:
        both = site.file("both.txt", f"{STUDY.uid}\n{OTHER.uid}\n")

        sentence = site.refused("transfer", "--from", "Source", "--to", "Target", "--studies", both, "--pseudonym", "P")

        assert "4711-0815 and 4711-0816" in sentence

    def test_to_a_node_that_takes_identified_studies_only_is_refused(self, site: Site) -> None:
        site.json("node", "edit", "Target", "--accepts", "identified")
        try:
            assert "Target takes only studies" in site.refused(*site.transfer(STUDY, "--pseudonym", "P-01"))
        finally:
            site.json("node", "edit", "Target", "--accepts", "anything")


class TestTheLinkingList:
    def test_is_given_as_json_csv_and_excel_that_only_its_owner_can_read(self, site: Site) -> None:
        site.json("project", "add", "Links")
        job = site.json(*site.transfer(STUDY, "--project", "Links", "--pseudonym", "P-01", "--wait"))
        line = {"pseudonym": "P-01", "patient_id": STUDY.patient_id, "issuer": "", "domain": ""}

        assert site.json("project", "linking", "Links") == [line]
        sheet, table = site.room / "links.xlsx", site.room / "links.csv"
        for path in (sheet, table):
            site.json("project", "linking", "Links", "--to", str(path))
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(csv.DictReader(table.read_text("utf-8-sig").splitlines())) == [line]
        assert [cell.value for cell in openpyxl.load_workbook(sheet).active[2]][:2] == ["P-01", STUDY.patient_id]

        uids = {(str(data.StudyInstanceUID), str(data.SeriesInstanceUID)) for data in site.arrived()}
        for links in (
            site.json("job", "linking", str(job["id"])),
            site.json("project", "linking", "Links", "--studies"),
        ):
            assert {(link["new_study_uid"], link["new_series_uid"]) for link in links} == uids
        (found,) = site.json("project", "linking", "Links", "--original", STUDY.uid)
        assert found["new_uid"] in {study for study, _ in uids}

    def test_takes_pseudonyms_over_from_a_table(self, site: Site) -> None:
        site.json("project", "add", "Imported", "--profile", "trial")
        table = site.file("list.csv", f"PatientID;Pseudonym\n{STUDY.patient_id};T-07\n;T-08\n")

        assert site.json("project", "import", "Imported", table) == {"given": 1, "free": 1}
        for study in (STUDY, OTHER):
            site.json(*site.transfer(study, "--project", "Imported", "--wait"))

        assert {str(data.PatientID) for data in site.arrived()} == {"T-07", "T-08"}


class TestTheKey:
    def test_is_backed_up_restored_into_another_project_and_destroyed(self, site: Site) -> None:
        site.json("project", "add", "Old")
        site.json("project", "add", "New")
        passphrase, backup = site.file("passphrase", "correct horse battery\n"), site.room / "old.key"
        with_it = ("--passphrase-file", passphrase)
        site.json("project", "key", "backup", "Old", "--to", str(backup), *with_it)
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600
        site.json("project", "key", "restore", "New", "--from", str(backup), *with_it)
        for project in ("Old", "New"):
            site.json(*site.transfer(STUDY, "--project", project, "--generate", "--wait"))
        assert len({str(data.SOPInstanceUID) for data in site.arrived()}) == 6

        assert site.json("project", "key", "destroy", "Old", "--confirm", "Old")["patients"] == 1

        assert site.json("project", "show", "Old")["key"] == "destroyed"
        for refused in (("linking", "Old"), ("key", "backup", "Old", "--to", str(site.room / "x"), *with_it)):
            assert "was destroyed" in site.refused("project", *refused)
        assert "was destroyed" in site.refused(*site.transfer(STUDY, "--project", "Old"))
        assert "cannot be taken back" in site.refused(
            "project", "key", "restore", "Old", "--from", str(backup), *with_it
        )


class TestADownloadUnderAPseudonym:
    def test_is_a_whole_zip_file_that_names_nothing_original(self, site: Site) -> None:
        path = site.room / "study.zip"

        manifest = site.json("download", "Source", "--study", STUDY.uid, "--to", str(path), "--pseudonym", "P-01")

        with zipfile.ZipFile(path) as opened:
            assert json.loads(opened.read("MANIFEST.json")) == manifest
            names = [name for name in opened.namelist() if name.endswith(".dcm")]
            found = [dcmread(BytesIO(opened.read(name))) for name in names]
        told = f"{names}{manifest}"
        assert {str(data.PatientID) for data in found} == {"P-01"}
        assert not any(uid in told for uid in (STUDY.uid, *STUDY.series, STUDY.patient_id, *STUDY.instances))

    def test_of_what_may_not_go_leaves_no_file(self, site: Site) -> None:
        path = site.room / "nothing.zip"

        refused = site("download", "Source", "--study", ULTRASOUND.uid, "--series", ULTRASOUND.series[1],
                       "--to", str(path), "--pseudonym", "P-01")  # fmt: skip

        assert refused.returncode == 1
        assert "nothing of it may go: 2 instances excluded" in refused.stderr
        assert not path.exists()


class TestARelease:
    def test_is_for_jobs_that_pseudonymise(self, site: Site) -> None:
        job = site.json(*site.transfer(OTHER, "--pseudonym", "P-02", "--wait"))["id"]
        as_it_is = site.json(*site.transfer(OTHER, "--wait"))["id"]

        assert site.json("job", "release", str(job), "--attribute", "(0008,103E)")["released"] == ["(0008,103E)"]
        assert "does not pseudonymise" in site.refused("job", "release", str(as_it_is), "--attribute", "(0008,103E)")
        assert "is no attribute" in site.refused("job", "release", str(job), "--attribute", "x")
