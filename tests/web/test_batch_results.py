"""The pages of what became of batches: tables, files, and the ways on."""

from __future__ import annotations

import html
import re
from urllib.parse import unquote, urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from adit.audit.models import Event
from adit.jobs.batchmodels import Found, Line
from adit.jobs.models import BatchFile, Job, Task
from adit.transfer.sheets.reading import read_sheet
from adit.web.sealed import seal
from tests.jobs.fakes import process
from tests.jobs.memories import Memories
from tests.peers.changed import of_modality
from tests.peers.data import ct_study
from tests.web.batching import Batcher
from tests.web.people import logged_in
from tests.web.searching import permit

ONE, TWO, THREE = (
    ct_study(series=2, instances=2, name=name, patient_id=f"P-{number}", patient_name=f"{name.title()}^Jo")
    for number, name in enumerate(("one", "two", "three"), 1)
)

SCANNED = of_modality(ONE, ONE.series[1], "US")


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
            ("who=%00&q=Two", {"One, Jo", "Two, Jo"}),
            ("outcome=no+such&sort=no+such&after=x", {"One, Jo", "Two, Jo"}),
        ],
    )
    def test_is_filtered(self, dora, job, query, shown):
        page = page_of(dora.client.get(f"/batch/query/jobs/{job.pk}/?{query}"))

        assert {name for name in ("One, Jo", "Two, Jo") if name in page} == shown

    @pytest.mark.parametrize(
        ("words", "shown"),
        [("Two", {"Two, Jo"}), ("P-1", {"One, Jo"}), ("\0nothing", set()), (" ", {"One, Jo", "Two, Jo"})],
    )
    def test_is_searched_for_words(self, dora, job, words, shown):
        page = page_of(dora.client.post(f"/batch/query/jobs/{job.pk}/", {"q": words}, follow=True))

        assert {name for name in ("One, Jo", "Two, Jo") if name in page} == shown

    def test_is_searched_without_an_address_that_holds_the_words(self, dora, job):
        line = Line.objects.get(job=job, number=2)
        Found.objects.bulk_create(
            Found(
                line=line, job=job, number=2, outcome="found", position=position,
                study_uid=f"1.2.{position}", words="kowalska",
            )
            for position in range(2, 130)
        )  # fmt: skip
        path = f"/batch/query/jobs/{job.pk}/"
        answer = dora.client.post(path, {"q": "Kowalska", "outcome": "found", "sort": "date", "order": "down"})
        page = page_of(dora.client.get(answer.headers["Location"]))
        addresses = [answer.headers["Location"], *re.findall(r'(?:href|action|data-live)="([^"]+)"', page)]

        assert any("/live/" in each for each in addresses)
        assert not [each for each in addresses if "kowalska" in unquote(each).lower()]
        assert 'value="Kowalska"' in page
        assert "sort=date&amp;order=down" in page
        further = html.unescape(re.search(r'href="([^"]+)" rel="next"', page)[1])
        assert "1.2.79<" in page_of(dora.client.get(path + further))
        assert "One, Jo" not in page

    def test_shows_nothing_of_words_that_were_sealed_to_somebody_else(self, dora, job):
        _, other = logged_in("tom")
        query = urlencode({"who": seal({"q": "Two"}, to=other)})

        assert "One, Jo" in page_of(dora.client.get(f"/batch/query/jobs/{job.pk}/?{query}"))

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
        dora.client.post(f"/batch/query/jobs/{job.pk}/", {"q": "Two"}, follow=True)
        dora.client.get(f"/batch/query/jobs/{job.pk}/results.csv")

        assert Event.objects.get(action="job.results_viewed").details["words"] == "Two"
        assert Event.objects.filter(action="job.results_given").exists()

    def test_asks_the_database_the_same_number_of_times_however_much_was_found(self, dora, job):
        dora.client.get(f"/batch/query/jobs/{job.pk}/")
        with CaptureQueriesContext(connection) as before:
            dora.client.get(f"/batch/query/jobs/{job.pk}/")
        line = Line.objects.get(job=job, number=2)
        Found.objects.bulk_create(
            Found(line=line, job=job, number=2, outcome="found", position=position, study_uid=f"1.2.{position}")
            for position in range(2, 200)
        )
        with CaptureQueriesContext(connection) as after:
            page = page_of(dora.client.get(f"/batch/query/jobs/{job.pk}/"))

        assert len(after) == len(before)
        assert "Further" in page
        assert "Further" not in page_of(dora.client.get(f"/batch/query/jobs/{job.pk}/?after=3.0"))

    @pytest.mark.parametrize("query", ["", "sort=date", "sort=line&order=down"])
    def test_shows_every_row_on_one_of_its_pages(self, dora, job, query):
        line = Line.objects.get(job=job, number=2)
        Found.objects.bulk_create(
            Found(line=line, job=job, number=2, outcome="found", position=position, study_uid=f"1.2.{position:03}")
            for position in range(2, 131)
        )
        seen, path = [], f"/batch/query/jobs/{job.pk}/?{query}"
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

        assert "Send exactly the 2 studies that were found" in page
        assert "With 1 not found." in page
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

        assert "Only dora, who brought the file, can send it." in page_of(boss.get(f"/batch/transfer/jobs/{job.pk}/"))
        boss.post(f"/batch/transfer/jobs/{job.pk}/send/")
        assert Job.objects.count() == 1

    def test_sends_all_studies_of_the_file_by_choice(self, dora, job):
        dora.client.post(f"/batch/transfer/jobs/{job.pk}/send/", {"what": "every"})

        made = Job.objects.get(kind="batch_transfer")
        assert {tuple(task.lines) for task in made.tasks.all()} == {(2,), (3,), (4,)}

    def test_sends_nothing_of_which_there_is_no_button(self, dora, job):
        page = page_of(dora.client.post(f"/batch/transfer/jobs/{job.pk}/send/", {"what": "unchecked"}, follow=True))

        assert "What was found is not the same any more" in page
        assert Job.objects.count() == 1

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
class TestACheckOfWhatMayShowNames:
    """Of one of two studies a series is ultrasound."""

    @pytest.fixture
    def file(self, dora):
        return dora.kept((SCANNED.patient_id, SCANNED.uid, "ALPHA"), (TWO.patient_id, TWO.uid, "BETA"))

    def checked(self, dora, file, **values: object) -> Job:
        dora.order(file, do="check", **values)
        return worked(Job.objects.get(), Memories(Archive=(SCANNED, TWO)))

    def test_says_what_goes_and_what_stays_behind_apart(self, dora, file):
        job = self.checked(dora, file)
        page = page_of(dora.client.get(f"/batch/transfer/jobs/{job.pk}/"))

        assert "<dt>Series that go</dt><dd>3</dd>" in page
        assert "<dt>Series that stay behind</dt><dd>1</dd>" in page
        assert "3 series go. 1 stays behind." in page

    def test_has_a_button_for_it_that_says_who_can_permit_it(self, dora, file):
        job = self.checked(dora, file)
        page = page_of(dora.client.get(f"/batch/transfer/jobs/{job.pk}/"))
        dora.client.post(f"/batch/transfer/jobs/{job.pk}/send/", {"what": "unchecked"})

        button = re.search(r'<button[^>]*id="send-unchecked"[^>]*>.*?</button>', page, re.DOTALL)[0]
        assert "disabled" in button
        assert "Send the 2, and also the 1 series that may show names" in button
        assert "may not send what may show text in its pixels; an administrator can permit it." in page
        assert Job.objects.count() == 1
        assert Event.objects.filter(action="job.submitted", outcome="refused").exists()

    def test_sends_it_by_choice_of_who_may(self, dora, file):
        job = self.checked(dora, file)
        permit(dora.user, "can_send_unchecked_pixels")
        dora.client.post(f"/batch/transfer/jobs/{job.pk}/send/", {"what": "unchecked"})

        made = Job.objects.get(kind="batch_transfer")
        assert made.options["treating"]["unchecked_pixels"]

    def test_leaves_it_behind_by_choice_where_it_was_checked_to_go(self, dora, file):
        permit(dora.user, "can_send_unchecked_pixels")
        job = self.checked(dora, file, unchecked_pixels="on")
        page = page_of(dora.client.get(f"/batch/transfer/jobs/{job.pk}/"))
        dora.client.post(f"/batch/transfer/jobs/{job.pk}/send/", {"what": "checked"})

        assert "Send the 2, but not the 1 series that may show names" in page
        made = Job.objects.get(kind="batch_transfer")
        assert not made.options["treating"]["unchecked_pixels"]


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

        assert "line 2" in page_of(dora.client.get(f"/jobs/{job.pk}/"))
        assert "Lines of the file" in page_of(dora.client.get(f"/jobs/tasks/{task.pk}/"))

    def test_has_no_such_page_as_a_check(self, dora, job):
        assert dora.client.get(f"/batch/transfer/jobs/{job.pk}/").status_code == 404
        assert dora.client.get(f"/batch/transfer/jobs/{job.pk}/other/").status_code == 404

    def test_says_when_it_was_made_of_no_file(self, dora, job):
        Job.objects.filter(pk=job.pk).update(file=None, ended_at=timezone.now())
        answer = dora.client.get(f"/batch/transfer/jobs/{job.pk}/result/", follow=True)

        assert "was not made from a file" in page_of(answer)
