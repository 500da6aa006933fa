"""The pages of batches: from a file to a job."""

from __future__ import annotations

import html
import io
import json
import re

import pytest
from openpyxl import Workbook, load_workbook

from adit.audit.models import Event, Outcome
from adit.deid.keys import Patient
from adit.jobs.models import BatchFile, Job
from adit.projects.aliases import give_many
from adit.transfer.sheets.reading import read_sheet
from tests.projects.making import project as make_project
from tests.web.batching import Batcher, table
from tests.web.people import logged_in

pytestmark = pytest.mark.django_db

GOOD = (("P-1", "1.2.3.1", "ALPHA"), ("P-2", "1.2.3.2", "BETA"))


@pytest.fixture
def dora(tmp_path):
    return Batcher(tmp_path)


def page_of(answer) -> str:
    return answer.content.decode()


class TestTheStartPage:
    @pytest.mark.parametrize(("kind", "column"), [("query", "AccessionNumber"), ("transfer", "SeriesInstanceUID")])
    def test_says_what_the_file_must_hold_and_offers_templates(self, dora, kind, column):
        page = page_of(dora.client.get(f"/batch/{kind}/"))

        assert column in page
        assert f"/batch/{kind}/template.xlsx" in page
        assert "5.2 MB at most" in page

    @pytest.mark.parametrize("kind", ["query", "transfer"])
    @pytest.mark.parametrize("form", ["csv", "xlsx"])
    def test_has_templates_that_go_through_as_they_are(self, dora, kind, form):
        template = dora.client.get(f"/batch/{kind}/template.{form}").content
        answer = dora.upload(template, f"template.{form}", kind=kind)

        assert "nothing is wrong with them" in page_of(dora.client.get(answer.headers["Location"]))

    @pytest.mark.parametrize("kind", ["query", "transfer"])
    def test_does_not_exist_for_who_may_not_make_batches(self, kind):
        client, _ = logged_in("tom")

        assert client.get(f"/batch/{kind}/").status_code == 404
        assert Event.objects.get(action="page.opened").outcome == Outcome.REFUSED

    def test_keeps_a_file_and_leads_to_its_page(self, dora):
        answer = dora.upload(table(GOOD))

        kept = BatchFile.objects.get()
        assert answer.headers["Location"] == f"/batch/transfer/{kept.pk}/"
        assert (kept.owner, kept.name, bytes(kept.content)) == (dora.user, "list.csv", table(GOOD))
        dora.user.refresh_from_db()
        assert dora.user.preferences["source"] == dora.source.pk

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"", "The file is empty"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\0", "file"),
            (b"PK\x03\x04broken", "file"),
        ],
    )
    def test_says_at_the_field_why_a_file_cannot_be_read(self, dora, content, sentence):
        answer = dora.upload(content, "list.xlsx")

        assert answer.status_code == 422
        assert 'id="upload-file-error"' in page_of(answer)
        assert sentence in page_of(answer)
        assert not BatchFile.objects.exists()
        assert Event.objects.get(action="file.kept").outcome == Outcome.REFUSED

    def test_refuses_a_file_that_is_too_large_without_reading_it(self, dora, settings):
        settings.ADIT_BATCH_FILE_BYTES = 100

        assert "are allowed here" in page_of(dora.upload(b"PatientID\n" + b"1\n" * 100))

    def test_asks_for_a_file_where_none_was_chosen(self, dora):
        assert "Choose a file first." in page_of(dora.client.post("/batch/query/", {"source": dora.source.pk}))


class TestThePageOfAFile:
    def test_says_how_it_was_read(self, dora):
        content = "Patient-ID;StudyInstanceUID;Pseudonym;Station\r\nP-1;1.2.3.1;MÜNCHEN-1;3B\r\n".encode("cp1252")
        page = page_of(dora.client.get(dora.upload(content).headers["Location"]))

        assert "Windows-1252" in page
        assert "taken for PatientID" in page
        assert "MÜNCHEN-1" in page
        assert "Station" in page
        assert "not used" in page

    def test_groups_what_is_wrong_and_names_all_lines(self, dora):
        file = dora.kept(
            ("P-1", "1.2.3.1", "A"), ("P-2", "no uid", "B"), ("P-3", "neither", "C"), ("P-1", "1.2.3.4", "D")
        )
        page = page_of(dora.client.get(f"/batch/transfer/{file.pk}/"))

        assert "4 of 4 lines have to be mended" in page
        assert "no uid" in page
        assert "2 lines, the first is 3" in page
        assert "lines 2, 5" in page
        assert "Check against the PACS" not in page

    def test_gives_the_file_back_with_an_errors_column(self, dora):
        file = dora.kept(*GOOD, ("P-3", "no uid", "GAMMA"))
        answer = dora.client.get(f"/batch/transfer/{file.pk}/errors/file/")

        sheet = read_sheet(answer.content, "x.csv")
        assert sheet.columns[-1] == "Errors"
        assert [bool(row.cells[-1]) for row in sheet.rows] == [False, False, True]
        assert 'filename="list-errors.csv"' in answer.headers["Content-Disposition"]

    def test_gives_the_others_back_and_goes_on_with_the_good_rows(self, dora):
        file = dora.kept(*GOOD, ("P-3", "no uid", "GAMMA"))
        others = read_sheet(dora.client.get(f"/batch/transfer/{file.pk}/errors/others/").content, "x.csv")
        page = page_of(dora.client.get(f"/batch/transfer/{file.pk}/?rows=good"))
        dora.order(file, rows="good")

        assert [row.cells[0] for row in others.rows] == ["P-3"]
        assert "2 lines go on." in page
        assert {task.patient_id for task in Job.objects.get().tasks.all()} == {"P-1", "P-2"}

    def test_makes_nothing_of_a_file_with_faults_that_nobody_chose_to_leave_out(self, dora):
        file = dora.kept(*GOOD, ("P-3", "no uid", "GAMMA"))
        answer = dora.order(file)

        assert answer.headers["Location"] == f"/batch/transfer/{file.pk}/"
        assert not Job.objects.exists()

    def test_has_the_faults_as_json(self, dora):
        file = dora.kept(*GOOD, ("P-3", "no uid", "GAMMA"))
        told = json.loads(dora.client.get(f"/batch/transfer/{file.pk}/errors/json/").content)

        assert [(fault["lines"], fault["value"]) for fault in told["faults"]] == [([4], "no uid")]

    def test_reads_another_worksheet_when_asked_to(self, dora):
        workbook = Workbook()
        workbook.active.title = "Notes"
        workbook.active.append(["Nothing"])
        workbook.active.append(["here"])
        second = workbook.create_sheet("Studies")
        for row in (("PatientID", "StudyInstanceUID", "Pseudonym"), *GOOD):
            second.append(row)
        written = io.BytesIO()
        workbook.save(written)
        page = dora.upload(written.getvalue(), "list.xlsx").headers["Location"]
        assert "Read this one" in page_of(dora.client.get(page))
        answer = dora.client.post(f"{page}worksheet/", {"worksheet": "Studies"})

        assert "nothing is wrong with them" in page_of(dora.client.get(answer.headers["Location"]))
        returned = dora.client.get(f"{answer.headers['Location']}errors/file/").content
        assert load_workbook(io.BytesIO(returned)).sheetnames == ["Notes", "Studies"]

    def test_does_not_know_a_worksheet_that_is_not_there(self, dora):
        page = dora.upload(table(GOOD)).headers["Location"]

        assert dora.client.post(f"{page}worksheet/", {"worksheet": "Nowhere"}).status_code == 422

    def test_is_not_there_for_others_and_says_the_same_of_one_that_is_forgotten(self, dora, tmp_path):
        file = dora.kept(*GOOD)
        other, user = logged_in("tom")
        user.user_permissions.set(dora.user.user_permissions.all())
        answers = [other.get(f"/batch/transfer/{pk}/") for pk in (file.pk, file.pk + 1000)]
        answers += [
            other.get(f"/batch/transfer/{file.pk}/errors/file/"),
            other.post(f"/batch/transfer/{file.pk}/order/"),
        ]

        assert {answer.status_code for answer in answers} == {404}
        assert all("not here (any more)" in page_of(answer) for answer in answers)

    def test_is_not_one_of_the_other_sort(self, dora):
        assert dora.client.get(f"/batch/query/{dora.kept(*GOOD).pk}/").status_code == 404

    def test_records_every_look_and_every_file_that_leaves(self, dora):
        file = dora.kept(*GOOD)
        dora.client.get(f"/batch/transfer/{file.pk}/")
        dora.client.get(f"/batch/transfer/{file.pk}/errors/json/")

        assert Event.objects.filter(action__in=("file.viewed", "file.exported")).count() == 2


class TestSending:
    def test_makes_a_job_of_the_file(self, dora):
        file = dora.kept(*GOOD)
        answer = dora.order(file, description="Lungs", ethics_number="E-1", mail="on")

        job = Job.objects.get()
        assert answer.headers["Location"] == f"/jobs/{job.pk}/"
        assert (job.kind, job.file, job.source_name, job.destination_name) == (
            "batch_transfer",
            file,
            "Archive",
            "Shelf",
        )
        assert (job.description, job.ethics_number) == ("Lungs", "E-1")
        assert {task.item["pseudonym"]: task.lines for task in job.tasks.all()} == {"ALPHA": [2], "BETA": [3]}

    def test_says_when_a_line_wants_the_whole_study_of_which_others_name_series(self, dora):
        columns = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "Pseudonym")
        file = dora.kept(("P-1", "1.2.3.1", "", "ALPHA"), ("P-1", "1.2.3.1", "1.2.3.1.1", "ALPHA"), columns=columns)

        assert "Line 2 wants the whole study" in page_of(dora.client.get(f"/batch/transfer/{file.pk}/"))

    def test_makes_a_check_of_it(self, dora):
        dora.order(dora.kept(*GOOD), do="check")

        assert Job.objects.get().kind == "batch_check"

    def test_says_at_the_field_what_is_missing(self, dora):
        answer = dora.order(dora.kept(*GOOD), destination="")

        assert answer.status_code == 422
        assert 'id="send-destination-error"' in page_of(answer)
        assert not Job.objects.exists()

    def test_asks_for_a_project_where_pseudonyms_are_missing(self, dora):
        dora.user.user_permissions.add(*_permissions("can_transfer_unpseudonymized"))
        answer = dora.order(dora.kept(("P-1", "1.2.3.1", ""), ("P-2", "1.2.3.2", "")))

        assert "2 lines have no pseudonym" in page_of(answer)

    def test_has_the_project_make_pseudonyms_where_the_file_brings_none(self, dora):
        project = make_project("Lungs", generates=True)
        project.members.create(user=dora.user, may_send=True)
        dora.order(dora.kept(("P-1", "1.2.3.1", "")), project=project.pk)

        job = Job.objects.get()
        assert job.project == project
        assert len(job.tasks.get().item["pseudonym"]) == 12

    def test_refuses_pseudonyms_together_with_identity(self, dora):
        dora.user.user_permissions.add(*_permissions("can_transfer_unpseudonymized"))
        page = page_of(dora.order(dora.kept(*GOOD), identity="identified"))

        assert "The file has pseudonyms" in page

    def test_demands_the_number_of_an_ethics_vote_where_the_house_does(self, dora, settings):
        settings.ADIT_REQUIRE_ETHICS_NUMBER = True
        assert 'id="send-ethics_number-error"' in page_of(dora.order(dora.kept(*GOOD)))
        project = make_project("Lungs", ethics_number="E-9")
        project.members.create(user=dora.user, may_send=True)
        dora.order(dora.kept(*GOOD), project=project.pk)

        assert Job.objects.get().ethics_number == "E-9"

    def test_says_that_staff_look_first_above_the_limit(self, dora):
        rows = [(f"P-{number}", f"1.2.3.{number}", f"S-{number}") for number in range(1, 502)]
        file = dora.kept(*rows)
        page = page_of(dora.client.get(f"/batch/transfer/{file.pk}/"))
        dora.order(file)

        assert "Above 500 lines an administrator looks at the job first" in page
        assert Job.objects.get().status == "unverified"


class TestWhatAProjectRefuses:
    """Lines 2 and 3 have pseudonyms that belong to others in the project; line 4 has none, which it makes."""

    @pytest.fixture
    def project(self, dora):
        project = make_project("Lungs", generates=True)
        project.members.create(user=dora.user, may_send=True)
        give_many(project, {Patient("P-8"): "ALPHA", Patient("P-9"): "BETA"}, by=dora.user, generate=False)
        return project

    @pytest.fixture
    def file(self, dora):
        return dora.kept(("P-1", "1.2.3.1", "ALPHA"), ("P-2", "1.2.3.2", "BETA"), ("P-3", "1.2.3.3", ""))

    def links(self, page: str) -> dict[str, str]:
        found = re.findall(r'href="(/batch/transfer/\d+/errors/(\w+)/[^"]*)"', page)
        return {what: html.unescape(address) for address, what in found}

    def test_stands_on_the_page_grouped_as_everything_else_that_is_wrong(self, dora, project, file):
        answer = dora.order(file, project=project.pk)
        page = page_of(answer)

        assert (answer.status_code, Job.objects.count()) == (422, 0)
        assert "2 of 3 lines have to be mended" in page
        assert page.count("It belongs to another patient in project Lungs already.") == 1
        assert "2 lines, the first is 2" in page

    def test_stands_in_the_errors_column_and_in_the_json(self, dora, project, file):
        links = self.links(page_of(dora.order(file, project=project.pk)))
        sheet = read_sheet(dora.client.get(links["file"]).content, "x.csv")
        told = json.loads(dora.client.get(links["json"]).content)

        errors = [row.cells[sheet.columns.index("Errors")] for row in sheet.rows]
        refused = "It belongs to another patient in project Lungs already."
        assert errors == [f"Pseudonym 'ALPHA': {refused}", f"Pseudonym 'BETA': {refused}", ""]
        assert [(fault["lines"], fault["value"]) for fault in told["faults"]] == [([2], "ALPHA"), ([3], "BETA")]

    def test_stays_out_when_the_good_rows_go_on(self, dora, project, file):
        dora.order(file, project=project.pk)
        answer = dora.order(file, project=project.pk, rows="good", do=[])
        page = page_of(answer)
        others = read_sheet(dora.client.get(self.links(page)["others"]).content, "x.csv")
        assert (answer.status_code, Job.objects.count()) == (200, 0)
        assert "1 line goes on." in page
        assert [row.cells[0] for row in others.rows] == ["P-1", "P-2"]

        dora.order(file, project=project.pk, rows="good")

        assert Job.objects.get().tasks.get().lines == [4]

    def test_is_told_to_nobody_who_may_not_send_for_the_project(self, dora, project, file):
        links = self.links(page_of(dora.order(file, project=project.pk)))
        project.members.all().delete()

        assert dora.client.get(links["json"]).status_code == 404
        assert dora.client.get(links["json"].replace("project=", "project=x")).status_code == 404


class TestQuerying:
    def test_makes_a_job_of_the_file(self, dora):
        file = dora.asked(("P-1", "CT"), ("P-2", "MR"))
        answer = dora.order(file, description="Lungs")

        job = Job.objects.get()
        assert answer.headers["Location"] == f"/jobs/{job.pk}/"
        assert (job.kind, job.file, job.destination_name) == ("batch_query", file, "")
        assert job.lines.count() == 2

    def test_cannot_be_urgent_without_permission(self, dora):
        dora.order(dora.asked(("P-1", "CT")), urgent="on")

        assert not Job.objects.get().urgent


def _permissions(*codenames):
    from django.contrib.auth.models import Permission  # noqa: PLC0415  not before the settings are read

    return Permission.objects.filter(content_type__app_label="jobs", codename__in=codenames)
