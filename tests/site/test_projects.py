"""`adit project`, its keys and its linking lists, against an ADIT that runs."""

from __future__ import annotations

import csv
import getpass
import stat

import openpyxl
import pytest

from tests.peers.changed import with_elements
from tests.peers.data import ct_study

from .pseudonymous import OTHER, STUDY, Site

DESCRIBED = with_elements(
    ct_study(series=1, instances=2, name="described", patient_id="4711-0818"),
    {number: {"SeriesDescription": "T1 Kolibri"} for number in range(2)},
)


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


class TestWordsThatWereCut:
    def test_are_listed_approved_and_pass_from_the_next_version_on(self, site: Site) -> None:
        for file in DESCRIBED.files:
            (site.room / "source" / f"{file.uid}.dcm").write_bytes(file.part10())
        site.json("project", "add", "Words")
        job = str(site.json(*site.transfer(DESCRIBED, "--project", "Words", "--generate", "--wait"))["id"])
        cut = [{"attribute": "SeriesDescription", "word": "Kolibri", "count": 2, "approved": False}]

        assert site.json("project", "words", "Words") == cut
        assert site.json("project", "words", "Words", "--job", job) == cut == site.json("job", "words", job)
        assert "has no job 99" in site.refused("project", "words", "Words", "--job", "99")
        assert site.json("word", "approve", "KOLIBRI") == {"approved": ["kolibri"]}
        assert [each["word"] for each in site.json("word", "list")] == ["kolibri"]
        assert site.json("project", "words", "Words")[0]["approved"]
        assert site.json("project", "show", "Words")["profile_version"] == "1"
        newest = site.json("project", "edit", "Words", "--newest-profile")
        assert newest["profile_version"].startswith("1+")
        assert "has the newest version" in site.refused("project", "edit", "Words", "--newest-profile")
        assert "not one word" in site.refused("word", "approve", "4711")
        assert site.json("word", "withdraw", "kolibri") == {"withdrawn": ["kolibri"]}
