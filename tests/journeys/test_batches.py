"""From an ugly spreadsheet to what became of its lines, and from a query to a transfer."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest
from openpyxl import Workbook
from playwright.sync_api import Page, expect

from adit.deid.keys import Patient
from adit.jobs.models import Job
from adit.projects.aliases import give_many
from adit.projects.models import Member
from adit.transfer.sheets.reading import read_sheet
from tests.jobs.fakes import process
from tests.jobs.memories import Memories
from tests.journeys.screens import look_at
from tests.nodes.making import folder, server
from tests.peers.changed import of_modality
from tests.peers.data import ct_study
from tests.projects.making import project as make_project
from tests.web.searching import give, permit, searcher

STUDIES = tuple(
    ct_study(series=2, instances=3, name=f"lung {number}", patient_id=f"000{number}", patient_name=f"Doe{number}^Jo")
    for number in range(1, 5)
)

PLAIN = ct_study(series=2, instances=3, name="doses", patient_id="0005", patient_name="Doe5^Jo")
SCANNED = of_modality(PLAIN, PLAIN.series[1], "US")
"""Of its two series one may show names."""


@pytest.fixture
def dora(transactional_db, tmp_path):
    user = searcher("dora", "can_query_in_batches", "can_transfer_in_batches")
    give(user, server("Archive"), source=True)
    give(user, folder("Research", tmp_path / "shelf"), destination=True)
    Member.objects.create(project=make_project("Lungs", generates=True), user=user, may_send=True, may_link=True)
    return user


def work(*studies) -> None:
    process(Memories(Archive=studies or STUDIES), places=1).work()


def ugly(path: Path) -> Path:
    """What a colleague made: a title above the header, notes beside it, blanks, and a line that is wrong."""
    workbook = Workbook()
    workbook.active.title = "Notes"
    workbook.active.append(["This is for", "Dora"])
    workbook.active.append(["have", "fun"])
    sheet = workbook.create_sheet("Patients")
    sheet.append(["Lung study 2026"])
    sheet.append([])
    sheet.append([" patient id", "Study Instance UID", "Comment", "Seen on"])
    for study in STUDIES[:3]:
        sheet.append([f"\u00a0{study.patient_id} ", study.uid, "=1+1", date(2026, 3, 4)])
    sheet.append([STUDIES[3].patient_id, STUDIES[3].uid[:-4] + "…", "cut off", None])
    sheet.append([STUDIES[0].patient_id, STUDIES[0].uid, "again", None])
    workbook.save(path)
    return path


def upload(page: Page, path: Path) -> None:
    page.get_by_label("File", exact=True).set_input_files(path)
    page.get_by_role("button", name="Upload and check").click()


class TestABatchTransfer:
    def test_goes_from_an_ugly_file_to_the_result_workbook(self, visit, dora, tmp_path):
        page = visit(dora, "/batch/transfer/")
        look_at(page, "batch transfer start")
        upload(page, ugly(tmp_path / "patients.xlsx"))
        page.get_by_label("Worksheet").select_option("Patients")
        page.get_by_role("button", name="Read this one").click()
        page.get_by_text("1 of 5 lines has to be mended").wait_for()
        page.get_by_text("line 7", exact=True).click()
        look_at(page, "batch transfer faults")

        with page.expect_download() as downloading:
            page.get_by_role("link", name="The same file with an Errors column").click()
        mended = self.mend(downloading.value.path(), tmp_path / "mended.xlsx")
        page.get_by_text("Mend and upload again").click()
        upload(page, mended)
        page.get_by_text("nothing is wrong with them").wait_for()
        page.get_by_label("Destination").select_option(label="Research")
        page.get_by_label("Project").select_option(label="Lungs")
        page.get_by_label("What it is for").fill("Lungs of four patients")
        look_at(page, "batch transfer form")
        page.get_by_role("button", name="Check against the PACS").click()
        page.wait_for_url("**/jobs/*/")
        look_at(page, "batch check waits")

        page.get_by_role("link", name="What was found by now").click()
        page.get_by_text("The check has not ended yet.").first.wait_for()
        look_at(page, "batch check runs")
        work(*STUDIES[:3])
        # It comes by itself.
        page.get_by_role("button", name="Send exactly the 3 studies that were found").wait_for()
        look_at(page, "batch check found")
        page.get_by_role("button", name="Send exactly the 3 studies that were found").click()
        page.wait_for_url("**/jobs/*/")
        work()
        expect(page.locator("#job-head")).to_contain_text("success")
        look_at(page, "batch transfer job")
        with page.expect_download() as downloading:
            page.get_by_role("link", name="Your file with what became of it").click()

        sheet = read_sheet(downloading.value.path().read_bytes(), "x.xlsx", worksheet="Patients")
        at = {title: place for place, title in enumerate(sheet.columns)}
        assert [row.cells[at["Status"]] for row in sheet.rows] == ["success"] * 3 + ["not sent", "success"]
        pseudonyms = [row.cells[at["Pseudonym"]] for row in sheet.rows]
        assert pseudonyms[0] == pseudonyms[4]
        assert len(set(filter(None, pseudonyms))) == 3

    @staticmethod
    def mend(returned: Path, mended: Path) -> Path:
        from openpyxl import load_workbook  # noqa: PLC0415  as slow as its import is

        workbook = load_workbook(io.BytesIO(returned.read_bytes()))
        sheet = workbook["Patients"]
        assert "UID" in sheet.cell(7, 5).value
        sheet.cell(7, 2).value = STUDIES[3].uid
        del workbook["Notes"]
        workbook.save(mended)
        return mended

    def test_sends_the_good_rows_and_gives_the_others_back(self, visit, dora, tmp_path):
        page = visit(dora, "/batch/transfer/")
        rows = [f"P-{number},1.2.3.{number}" for number in range(1, 2601)]
        rows += [f"P-{number},no uid" for number in range(2601, 2801)]
        rows += [f"P-{number},1.2.3.4.{number // 2}" for number in range(2802, 3002)]
        path = tmp_path / "many.csv"
        path.write_text("\n".join(["PatientID,StudyInstanceUID", *rows]))
        upload(page, path)
        page.get_by_text("400 of 3000 lines have to be mended").wait_for()
        look_at(page, "batch transfer many faults")
        with page.expect_download() as downloading:
            page.get_by_role("link", name="Send the good rows, give me the others back").click()
            page.get_by_text("2600 lines go on.").wait_for()
        look_at(page, "batch transfer good rows")

        others = read_sheet(downloading.value.path().read_bytes(), "x.csv")
        assert len(others.rows) == 400
        page.get_by_label("Destination").select_option(label="Research")
        page.get_by_label("Project").select_option(label="Lungs")
        page.get_by_role("button", name="Send", exact=True).click()
        page.wait_for_url("**/jobs/*/")
        assert Job.objects.get().tasks.count() == 2600

    def test_says_which_lines_the_project_refuses_and_what_stays_behind(self, visit, dora, tmp_path):
        project = dora.memberships.get().project
        give_many(project, {Patient("9999"): "ALPHA"}, by=dora, generate=False)
        path = tmp_path / "two.csv"
        ones = (STUDIES[0], SCANNED)
        lines = [f"{study.patient_id},{study.uid},{name}" for study, name in zip(ones, ("ALPHA", "BETA"), strict=True)]
        path.write_text("\n".join(["PatientID,StudyInstanceUID,Pseudonym", *lines]))
        page = visit(dora, "/batch/transfer/")
        upload(page, path)
        page.get_by_label("Destination").select_option(label="Research")
        page.get_by_label("Project").select_option(label="Lungs")
        page.get_by_role("button", name="Check against the PACS").click()
        page.get_by_text("1 of 2 lines has to be mended").wait_for()
        page.get_by_text("line 2", exact=True).click()
        look_at(page, "batch transfer refused by the project")
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Send the good rows, give me the others back").click()
            page.get_by_text("1 line goes on.").wait_for()
        look_at(page, "batch transfer goes on without what the project refuses")
        others = read_sheet(downloading.value.path().read_bytes(), "x.csv")
        assert others.rows[0].cells[-1].startswith("Pseudonym 'ALPHA': It belongs to another patient")

        path.write_text(path.read_text().replace("ALPHA", "GAMMA"))
        page.get_by_role("link", name="Batch transfer").first.click()
        upload(page, path)
        page.get_by_label("Destination").select_option(label="Research")
        page.get_by_label("Project").select_option(label="Lungs")
        page.get_by_role("button", name="Check against the PACS").click()
        page.wait_for_url("**/jobs/*/")
        work(*ones)
        page.get_by_role("link", name="What was found, and send it").click()
        page.get_by_role("heading", name="Stays behind", exact=True).wait_for()
        expect(page.get_by_role("button", name="series that may show names")).to_be_disabled()
        look_at(page, "batch check stays behind")
        permit(dora, "can_send_unchecked_pixels")
        page.get_by_role("button", name="and also the 1 series that may show names").click()
        page.wait_for_url("**/jobs/*/")
        assert Job.objects.get(kind="batch_transfer").options["treating"]["unchecked_pixels"]


class TestABatchQuery:
    def test_is_used_as_a_transfer(self, visit, dora, tmp_path):
        path = tmp_path / "who.csv"
        path.write_text("Patient ID;Modality;Pseudonym\n0001;CT;\n0002;;\n0077;MR;\n", encoding="utf-8")
        page = visit(dora, "/batch/query/")
        look_at(page, "batch query start")
        upload(page, path)
        page.get_by_text("nothing is wrong with them").wait_for()
        look_at(page, "batch query form")
        page.get_by_role("button", name="Look for them").click()
        page.wait_for_url("**/jobs/*/")
        address = page.url
        page.get_by_role("link", name="Results").click()
        page.get_by_text("3 lines are still waited for.").wait_for()
        page.get_by_label("Patient, accession number").fill("typed, and not sent")
        look_at(page, "batch query waits")
        work()
        # They come by themselves, and what was typed stays.
        page.get_by_text("Doe1, Jo").wait_for()
        expect(page.get_by_text("still waited for")).to_have_count(0)
        expect(page.get_by_label("Patient, accession number")).to_have_value("typed, and not sent")
        page.goto(address)
        expect(page.locator("#job-head")).to_contain_text("3 lines")
        look_at(page, "batch query job")
        page.get_by_role("link", name="Results").click()
        page.get_by_text("Doe1, Jo").wait_for()
        look_at(page, "batch query results")
        page.get_by_role("link", name="not found 1").click()
        page.get_by_label("Patient, accession number").fill("nobody at all")
        page.get_by_role("button", name="Filter").click()
        page.get_by_text("Nothing like that").wait_for()
        look_at(page, "batch query nothing like that")
        page.get_by_role("button", name="Use as batch transfer").click()
        page.get_by_text("Left out, because a batch query").wait_for()
        page.get_by_label("Destination").select_option(label="Research")
        page.get_by_label("Project").select_option(label="Lungs")
        page.get_by_role("button", name="Send", exact=True).click()
        page.wait_for_url("**/jobs/*/")
        work()

        assert Job.objects.get(kind="batch_transfer").status == "success"


class TestAFileOfSomebodyElse:
    def test_is_not_there(self, visit, dora):
        page = visit(dora, "/batch/transfer/4711/")
        page.get_by_text("This file is not here").wait_for()
        look_at(page, "batch file gone")


class TestTheStart:
    def test_says_that_there_is_no_server(self, visit, transactional_db):
        user = searcher("rita", "can_query_in_batches")
        page = visit(user, "/batch/query/")
        page.get_by_text("No server to search").wait_for()
        look_at(page, "batch query nowhere")

    def test_says_at_the_field_that_a_file_cannot_be_read(self, visit, dora, tmp_path):
        path = tmp_path / "photo.xlsx"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
        page = visit(dora, "/batch/query/")
        upload(page, path)
        page.locator("#upload-file-error").wait_for()
        look_at(page, "batch query unreadable")
