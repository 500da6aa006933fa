import re

from django.db import transaction
from django.db.models.functions import Now
from playwright.sync_api import expect

from adit.accounts.models import User
from adit.jobs.actions import perform
from adit.jobs.models import Entry, Job, Task
from adit.jobs.receipts import MOST_STUDIES
from adit.jobs.states import Action
from tests.jobs.bringing import bring_to
from tests.jobs.fakes import Archives, a_user, process, refs_of, study_uid, submitted, two_servers
from tests.journeys.screens import FOLDER, look_at


def staff() -> User:
    return User.objects.create(username="boss", is_staff=True)


def finished(owner, *, failing=False) -> Job:
    """A job of three studies that ran: one complete, one incomplete and, if wanted, one that is not there."""
    archives = Archives()
    for number in (1, 2):
        archives["A"].held[study_uid(number)] = refs_of(study_uid(number), series=2, instances=4)
    job = submitted(3 if failing else 2, by=owner)
    process(archives).work()
    return Job.objects.get(pk=job.pk)


class TestTheListOfJobs:
    def test_says_what_to_do_while_it_is_empty_and_moves_when_something_is_sent(self, visit):
        two_servers()
        owner = a_user()
        page = visit(owner, "/jobs/")
        page.get_by_text("No jobs yet").wait_for()
        page.get_by_text("Live").wait_for()
        look_at(page, "jobs none")

        job = submitted(3, by=owner)

        page.get_by_role("link", name=str(job.pk), exact=True).wait_for()

    def test_is_filtered(self, visit):
        two_servers()
        owner = a_user()
        job = finished(owner, failing=True)
        submitted([study_uid(7)], by=owner)
        page = visit(staff(), "/jobs/")
        look_at(page, "jobs")
        page.get_by_label("Status").select_option("failure")
        page.get_by_role("button", name="Show").click()

        page.get_by_role("link", name=str(job.pk), exact=True).wait_for()
        assert page.locator("tbody tr").count() == 1


class TestThePageOfAJob:
    def test_says_that_it_is_cut_off_and_comes_back(self, visit):
        two_servers()
        owner = a_user()
        job = submitted(by=owner)
        page = visit(owner, f"/jobs/{job.pk}/")
        page.get_by_text("Live").wait_for()

        page.context.set_offline(True)
        page.get_by_text("Cut off from ADIT since").wait_for(timeout=30_000)
        look_at(page, "job cut off")
        perform(Action.CANCEL, job, by=owner)
        page.context.set_offline(False)

        expect(page.locator("#job-head")).to_contain_text("canceled", timeout=20_000)
        page.get_by_text("Live").wait_for()

    def test_ends_when_the_session_does(self, visit):
        two_servers()
        owner = a_user()
        page = visit(owner, f"/jobs/{submitted(by=owner).pk}/")
        page.get_by_text("Live").wait_for()

        User.objects.filter(pk=owner.pk).update(is_active=False)

        page.get_by_text("You are not logged in any more").wait_for()

    def test_lets_its_owner_cancel_it_and_says_why_not_the_rest(self, visit):
        two_servers()
        owner = a_user()
        job = submitted(12, by=owner)
        page = visit(owner, f"/jobs/{job.pk}/")
        page.get_by_text("What cannot be done now, and why").click()
        look_at(page, "job unverified")
        page.get_by_text("Only an administrator may verify this job.").wait_for()
        perform(Action.VERIFY, job, by=staff())
        page.on("dialog", lambda dialog: dialog.accept())

        page.get_by_role("button", name="Cancel").click()

        expect(page.locator("#job-head")).to_contain_text("canceled")
        look_at(page, "job canceled")


class TestFromTheJobToTheReceipt:
    def test_goes_by_way_of_accepting_what_the_pacs_miscounts(self, visit):
        two_servers()
        owner = a_user()
        with transaction.atomic():
            job = bring_to(submitted(2, by=owner), "warning", "success")
        for task, lacking in zip(job.tasks.all(), (1, 0), strict=True):
            there = 120 - lacking
            Entry.objects.create(
                task=task,
                study_uid=task.study_uid,
                series_uid=f"{task.study_uid}.1",
                expected=120,
                received=there,
                stored=there,
                confirmed=there,
                failed=lacking,
                size=63_000_000,
                reasons={"did not arrive from the source": 1} if lacking else {},
            )
        Task.objects.filter(status="warning").update(message="119 of 120 instances stored; 1 failed")
        page = visit(owner, f"/jobs/{job.pk}/")
        look_at(page, "job with a warning")
        page.locator("#job-tasks").get_by_role("link").filter(has_text=study_uid(1)).click()
        page.get_by_text("1 × did not arrive from the source").wait_for()
        look_at(page, "task with a warning")

        page.get_by_text("Accept as complete").first.click()
        page.get_by_label("Why it is complete").fill("The PACS counts an instance twice, says Dr Meyer.")
        page.get_by_role("button", name="Accept as complete").click()
        page.get_by_text("ann accepted it as complete").wait_for()
        look_at(page, "task accepted")

        page.get_by_role("link", name="Job").first.click()
        page.goto(f"/jobs/{job.pk}/")
        page.get_by_role("button", name="Receipt", exact=True).click()
        page.get_by_role("heading", name="Receipt").wait_for()
        look_at(page, "receipt")
        code, number = page.locator(".receipt-code").inner_text(), page.url.rstrip("/").split("/")[-1]
        page.goto(f"/jobs/{job.pk}/report/")
        look_at(page, "report")

        page = visit(path="/receipts/verify/")
        page.get_by_label("Number").fill(number)
        page.get_by_label("Code").fill(code)
        page.get_by_role("button", name="Verify").click()
        page.get_by_text("is genuine").wait_for()
        look_at(page, "receipt verified")
        page.get_by_label("Code").fill("AAAA")
        page.get_by_role("button", name="Verify").click()
        page.get_by_text("There is no genuine receipt").wait_for()
        look_at(page, "receipt not genuine")


class TestAReceipt:
    def test_of_the_most_studies_that_it_names_prints_on_one_page(self, visit):
        two_servers()
        with transaction.atomic():
            job = bring_to(submitted(MOST_STUDIES + 5), *["success"] * (MOST_STUDIES + 5))
        for task in job.tasks.all():
            name = f"1.2.826.0.1.3680043.8.498.{task.pk:035d}"
            Task.objects.filter(pk=task.pk).update(
                study_uid=name, item={"version": 1, "pseudonym": f"PATIENT-{task.pk:06d}"}
            )
            Entry.objects.create(task=task, study_uid=name, series_uid="1", expected=9, received=8, stored=8, failed=1,
                                 reasons={"did not arrive from the source": 1})  # fmt: skip
        page = visit(staff(), f"/jobs/{job.pk}/")
        page.get_by_role("button", name="Receipt for the recipient").click()
        page.get_by_role("heading", name="Receipt").wait_for()
        look_at(page, "receipt for the recipient")

        page.emulate_media(media="print")
        page.set_viewport_size({"width": 703, "height": 1032})
        page.screenshot(path=FOLDER / "receipt-printed.png", full_page=True)
        page.pdf(path=FOLDER / "receipt.pdf", format="A4")
        assert len(re.findall(rb"/Type\s*/Page\b", (FOLDER / "receipt.pdf").read_bytes())) == 1


class TestTheDashboard:
    def test_shows_what_is_under_way_and_what_was_stored(self, visit):
        source, _ = two_servers()
        owner = a_user()
        finished(owner)
        submitted([study_uid(5), study_uid(6)], by=owner)
        source.suspended_at, source.suspended_reason = Now(), "new disks"
        source.save()
        page = visit(owner)
        page.get_by_text("Stored in the last day:").wait_for()
        page.get_by_text("new disks").wait_for()
        look_at(page, "dashboard with jobs")

        page = visit(staff())
        page.get_by_text("Live").wait_for()
        look_at(page, "dashboard of staff")
        page.get_by_role("link", name="Details").click()
        page.get_by_text("waits while A is suspended: new disks").wait_for()
        look_at(page, "queue")
