"""The pages of what became of batches: tables, files, and the ways on."""

from __future__ import annotations

import html
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from adit.audit.models import Event
from adit.jobs.batchmodels import Found, Line
from adit.jobs.models import BatchFile, Job, Task
from adit.transfer.sheets.reading import read_sheet
from tests.jobs.fakes import process
from tests.jobs.memories import Memories
from tests.peers.data import ct_study
from tests.web.batching import Batcher
from tests.web.people import logged_in
from tests.web.searching import permit

ONE, TWO, THREE = (
    ct_study(series=2, instances=2, name=name, patient_id=f"P-{number}", patient_name=f"{name.title()}^Jo")
    for number, name in enumerate(("one", "two", "three"), 1)
)


def page_of(answer) -> str:
    return answer.content.decode()


def worked(job: Job, memories: Memories | None = None) -> Job:
    """*job* after a worker has run all there is to do."""
    process(memories or Memories(Archive=(ONE, TWO)), places=1).work()
    return Job.objects.get(pk=job.pk)


@pytest.fixture
def dora(tmp_path):
    return Batcher(tmp_path)


@pytest.mark.django_db(transaction=True)
class TestABatchQuery:
    @pytest.fixture
    def job(self, dora):
        dora.order(dora.asked(("P-1", ""), ("P-2", "CT"), ("P-9", "")))
        return worked(Job.objects.get())

    def test_shows_what_was_found_for_each_line(self, dora, job):
        page = page_of(dora.client.get(f"/batch/query/jobs/{job.pk}/"))

        assert "One, Jo" in page
        assert ONE.uid in page
        assert "not found 1" in page
        assert "no study" in page

    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ("outcome=not+found", set()),
            ("outcome=found", {"One, Jo", "Two, Jo"}),
            ("q=Two", {"Two, Jo"}),
            ("q=P-1", {"One, Jo"}),
            ("q=%00nothing", set()),
            ("outcome=no+such&sort=no+such&start=x", {"One, Jo", "Two, Jo"}),
        ],
    )
    def test_is_filtered(self, dora, job, query, shown):
        page = page_of(dora.client.get(f"/batch/query/jobs/{job.pk}/?{query}"))

        assert {name for name in ("One, Jo", "Two, Jo") if name in page} == shown

    def test_is_sorted_both_ways(self, dora, job):
        for order, first, second in (("up", "One, Jo", "Two, Jo"), ("down", "Two, Jo", "One, Jo")):
            page = page_of(dora.client.get(f"/batch/query/jobs/{job.pk}/?sort=name&order={order}"))
            assert page.index(first) < page.index(second)

    @pytest.mark.parametrize("form", ["csv", "xlsx"])
    def test_is_exported_with_a_line_for_every_line(self, dora, job, form):
        content = dora.client.get(f"/batch/query/jobs/{job.pk}/results.{form}").content
        sheet = read_sheet(content, f"x.{form}")
        status = sheet.columns.index("Status")

        assert [row.cells[status] for row in sheet.rows] == ["found", "found", "not found"]

    def test_becomes_a_batch_transfer(self, dora, job):
        answer = dora.client.post(f"/batch/query/jobs/{job.pk}/use/")
        file = BatchFile.objects.get(kind="batch_transfer")
        permit(dora.user, "can_transfer_unpseudonymized")
        dora.order(file, identity="identified")

        assert answer.headers["Location"] == f"/batch/transfer/{file.pk}/"
        assert set(Task.objects.filter(job__kind="batch_transfer").values_list("study_uid", flat=True)) == {
            ONE.uid,
            TWO.uid,
        }

    def test_does_not_become_one_of_who_may_make_none(self, dora, job):
        dora.user.user_permissions.filter(codename="can_transfer_in_batches").delete()
        dora.client.post(f"/batch/query/jobs/{job.pk}/use/")

        assert "You may not make a batch transfer" in page_of(dora.client.get(f"/batch/query/jobs/{job.pk}/"))
        assert not BatchFile.objects.filter(kind="batch_transfer").exists()

    def test_asks_again_for_one_line_and_replaces_what_was_found(self, dora, job):
        line = Line.objects.get(job=job, number=2)
        Line.objects.filter(pk=line.pk).update(outcome="failed", reason="no connection")
        assert "Run again" in page_of(dora.client.get(f"/batch/query/jobs/{job.pk}/"))
        dora.client.post(f"/batch/query/jobs/{job.pk}/again/", {"line": 2})
        line.refresh_from_db()
        assert (line.outcome, line.found.count()) == ("pending", 0)
        worked(job, Memories(Archive=(ONE,)))

        line.refresh_from_db()
        assert (line.outcome, line.found.count()) == ("found", 1)
        assert Line.objects.get(job=job, number=3).outcome == "found"

    def test_is_not_there_for_others(self, dora, job):
        other, _ = logged_in("tom")
        for path in ("", "results.csv"):
            assert other.get(f"/batch/query/jobs/{job.pk}/{path}").status_code == 404
        for path in ("again/", "use/"):
            assert other.post(f"/batch/query/jobs/{job.pk}/{path}", {"line": 2}).status_code == 404

    def test_records_who_looked_and_for_what(self, dora, job):
        dora.client.get(f"/batch/query/jobs/{job.pk}/?q=Two")
        dora.client.get(f"/batch/query/jobs/{job.pk}/results.csv")

        assert Event.objects.get(action="job.results_viewed").details["words"] == "Two"
        assert Event.objects.filter(action="job.results_given").exists()

    def test_asks_the_database_the_same_number_of_times_however_much_was_found(self, dora, job):
        with CaptureQueriesContext(connection) as before:
            dora.client.get(f"/batch/query/jobs/{job.pk}/")
        line = Line.objects.get(job=job, number=2)
        Found.objects.bulk_create(
            Found(line=line, position=position, study_uid=f"1.2.{position}") for position in range(2, 200)
        )
        with CaptureQueriesContext(connection) as after:
            page = page_of(dora.client.get(f"/batch/query/jobs/{job.pk}/"))

        assert len(after) == len(before)
        assert "Further" in page
        assert "Further" not in page_of(dora.client.get(f"/batch/query/jobs/{job.pk}/?start=200"))

    @pytest.mark.parametrize("query", ["", "&sort=date", "&sort=line&order=down"])
    def test_shows_every_row_on_one_of_its_pages(self, dora, job, query):
        line = Line.objects.get(job=job, number=2)
        Found.objects.bulk_create(
            Found(line=line, position=position, study_uid=f"1.2.{position:03}") for position in range(2, 131)
        )
        seen, path = [], f"/batch/query/jobs/{job.pk}/?q={query}"
        while path:
            page = page_of(dora.client.get(path))
            seen += re.findall(r'class="uid text-secondary">([0-9.]+)<', page)
            further = re.search(r'href="([^"]+)" rel="next"', page)
            path = f"/batch/query/jobs/{job.pk}/{html.unescape(further[1])}" if further else ""

        assert len(seen) == len(set(seen)) == 131

    def test_has_a_job_page_that_leads_there_and_shows_no_ledger(self, dora, job):
        page = page_of(dora.client.get(f"/jobs/{job.pk}/"))
        task = page_of(dora.client.get(f"/jobs/tasks/{job.tasks.get().pk}/"))

        assert f"/batch/query/jobs/{job.pk}/" in page
        assert "Instances stored" not in page
        assert "Look for lines 2–4" in page
        assert f"Job {job.pk}: Archive</h1>" in page
        assert "Ledger" not in task
        assert "not found" in task


@pytest.mark.django_db(transaction=True)
class TestACheck:
    @pytest.fixture
    def file(self, dora):
        return dora.kept(
            (ONE.patient_id, ONE.uid, "ALPHA"), (TWO.patient_id, TWO.uid, "BETA"), ("P-3", THREE.uid, "GAMMA")
        )

    @pytest.fixture
    def job(self, dora, file):
        dora.order(file, do="check", description="Lungs")
        return worked(Job.objects.get())

    def test_says_in_sum_and_line_by_line_what_would_be_sent(self, dora, job):
        page = page_of(dora.client.get(f"/batch/transfer/jobs/{job.pk}/"))

        assert "Send exactly these 2 studies" in page
        assert "not found 1" in page
        assert "the source does not have the study" in page
        assert "One, Jo" in page

    def test_is_filtered_by_outcome(self, dora, job):
        page = page_of(dora.client.get(f"/batch/transfer/jobs/{job.pk}/?outcome=not+found"))

        assert "One, Jo" not in page
        assert "the source does not have the study" in page

    def test_sends_exactly_what_was_found(self, dora, file, job):
        answer = dora.client.post(f"/batch/transfer/jobs/{job.pk}/send/")

        made = Job.objects.get(kind="batch_transfer")
        assert answer.headers["Location"] == f"/jobs/{made.pk}/"
        assert (made.file, made.description) == (file, "Lungs")
        assert {task.item["pseudonym"] for task in made.tasks.all()} == {"ALPHA", "BETA"}

    def test_sends_nothing_before_it_has_ended(self, dora, file):
        dora.order(file, do="check")
        job = Job.objects.get()
        page = page_of(dora.client.get(f"/batch/transfer/jobs/{job.pk}/"))
        dora.client.post(f"/batch/transfer/jobs/{job.pk}/send/")

        assert "The check has not ended yet." in page
        assert Job.objects.count() == 1

    def test_asks_for_the_password_of_an_archive_again(self, dora, file):
        dora.order(file, do="check", archive_password="a long password")
        job = worked(Job.objects.get())
        assert "Archive password" in page_of(dora.client.get(f"/batch/transfer/jobs/{job.pk}/"))
        dora.client.post(f"/batch/transfer/jobs/{job.pk}/send/")
        assert Job.objects.count() == 1
        dora.client.post(f"/batch/transfer/jobs/{job.pk}/send/", {"archive_password": "a long password"})

        assert Job.objects.count() == 2

    def test_is_sent_by_its_owner_only(self, dora, job):
        boss, _ = logged_in("boss", is_staff=True)

        assert boss.get(f"/batch/transfer/jobs/{job.pk}/").status_code == 200
        assert boss.post(f"/batch/transfer/jobs/{job.pk}/send/").status_code == 404

    def test_gives_the_file_back_with_what_was_found(self, dora, job):
        sheet = read_sheet(dora.client.get(f"/batch/transfer/jobs/{job.pk}/result/").content, "x.csv")

        status = sheet.columns.index("Status")
        assert [row.cells[status] for row in sheet.rows] == ["found", "found", "not found"]

    def test_is_not_there_for_others_nor_for_other_kinds(self, dora, job):
        other, _ = logged_in("tom")

        assert other.get(f"/batch/transfer/jobs/{job.pk}/").status_code == 404
        assert other.get(f"/batch/transfer/jobs/{job.pk}/result/").status_code == 404
        assert dora.client.get(f"/batch/query/jobs/{job.pk}/").status_code == 404


@pytest.mark.django_db(transaction=True)
class TestABatchTransfer:
    @pytest.fixture
    def job(self, dora):
        dora.order(dora.kept((ONE.patient_id, ONE.uid, "ALPHA"), ("P-3", THREE.uid, "GAMMA")))
        return worked(Job.objects.get())

    def test_gives_the_file_back_with_what_became_of_its_lines(self, dora, job):
        assert f"/batch/transfer/jobs/{job.pk}/result/" in page_of(dora.client.get(f"/jobs/{job.pk}/"))
        answer = dora.client.get(f"/batch/transfer/jobs/{job.pk}/result/")
        sheet = read_sheet(answer.content, "x.csv")

        status = sheet.columns.index("Status")
        assert [row.cells[status] for row in sheet.rows] == ["success", "failure"]
        assert f'filename="list-result-{job.pk}.csv"' in answer.headers["Content-Disposition"]

    def test_gives_the_failed_rows_back_alone_and_runs_them_again(self, dora, job):
        page = page_of(dora.client.get(f"/jobs/{job.pk}/"))
        sheet = read_sheet(dora.client.get(f"/batch/transfer/jobs/{job.pk}/failed/").content, "x.csv")
        dora.client.post(f"/jobs/{job.pk}/act/", {"action": "retry"})

        assert "Run the failed rows again" in page
        assert [row.cells[0] for row in sheet.rows] == ["P-3"]
        assert worked(job, Memories(Archive=(ONE, THREE))).status == "success"

    def test_names_the_lines_of_every_task(self, dora, job):
        task = job.tasks.get(patient_id=ONE.patient_id)

        assert "lines 2" in page_of(dora.client.get(f"/jobs/{job.pk}/"))
        assert "Lines of the file" in page_of(dora.client.get(f"/jobs/tasks/{task.pk}/"))

    def test_has_no_such_page_as_a_check(self, dora, job):
        assert dora.client.get(f"/batch/transfer/jobs/{job.pk}/").status_code == 404
        assert dora.client.get(f"/batch/transfer/jobs/{job.pk}/other/").status_code == 404

    def test_says_when_it_was_made_of_no_file(self, dora, job):
        Job.objects.filter(pk=job.pk).update(file=None, ended_at=timezone.now())
        answer = dora.client.get(f"/batch/transfer/jobs/{job.pk}/result/", follow=True)

        assert "was not made from a file" in page_of(answer)
