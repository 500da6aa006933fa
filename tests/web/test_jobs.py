import json

import pytest
from django.test import Client

from adit.accounts.models import User
from adit.audit.models import Event
from adit.jobs.actions import perform
from adit.jobs.models import Entry, IssuedReceipt, Job, Task
from adit.jobs.states import Action
from adit.jobs.submit import submit
from adit.projects.models import Member
from adit.transfer.items import TransferStudy
from tests.jobs.bringing import bring_to
from tests.jobs.fakes import permit, study_uid, submitted
from tests.jobs.pseudonymised import a_project, plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff():
    return User.objects.create(username="boss", is_staff=True)


@pytest.fixture
def job(owner):
    return submitted(3, by=owner)


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def text(response) -> str:
    return " ".join(response.content.decode().split())


def ledger(task: Task, **values: object) -> Entry:
    usual = {"study_uid": task.study_uid, "series_uid": f"{task.study_uid}.1", "expected": 10, "received": 9,
             "stored": 9, "confirmed": 9, "failed": 1, "size": 900,
             "reasons": {"did not arrive from the source": 1}}  # fmt: skip
    return Entry.objects.create(task=task, **{**usual, **values})


class TestTheListOfJobs:
    def test_shows_the_own_jobs_and_to_staff_all(self, job, owner, staff):
        stranger = User.objects.create(username="eve")

        assert f'href="/jobs/{job.pk}/"' in text(as_(owner).get("/jobs/"))
        assert f'href="/jobs/{job.pk}/"' in text(as_(staff).get("/jobs/"))
        assert "No jobs yet" in text(as_(stranger).get("/jobs/"))

    @pytest.mark.parametrize(
        ("asked", "there"),
        [
            ("status=pending", True),
            ("status=success", False),
            ("kind=selective", True),
            ("q=A", True),
            ("q=elsewhere", False),
            (f"q={study_uid(2)}", True),
            (f"q={study_uid(9)}", False),
            ("since=2020-01-01&until=2020-01-02", False),
            ("since=2020-01-01", True),
            ("project=77", False),
            ("since=nonsense&status=nonsense&after=x&project=x", True),
            ("q=%00&owner=%00&until=9999-12-31", True),
        ],
    )
    def test_shows_what_is_asked_for(self, job, owner, asked, there):
        assert (f'href="/jobs/{job.pk}/"' in text(as_(owner).get(f"/jobs/?{asked}"))) is there

    def test_finds_a_job_by_its_number(self, job, owner):
        other = submitted([study_uid(8)], by=owner)

        shown = text(as_(owner).get(f"/jobs/?q={job.pk}"))

        assert f'href="/jobs/{job.pk}/"' in shown
        assert f'href="/jobs/{other.pk}/"' not in shown

    def test_is_filtered_by_owner_for_staff_only(self, job, owner, staff):
        assert f'href="/jobs/{job.pk}/"' not in text(as_(staff).get("/jobs/?owner=nobody"))
        assert f'href="/jobs/{job.pk}/"' in text(as_(owner).get("/jobs/?owner=nobody"))

    def test_says_what_is_no_date(self, owner):
        assert "“yesterday” is no date" in text(as_(owner).get("/jobs/?since=yesterday"))

    def test_goes_on_from_page_to_page_and_back(self, owner):
        made = [submitted([study_uid(number)], by=owner).pk for number in range(30)]
        first = as_(owner).get("/jobs/")
        second = as_(owner).get(f"/jobs/?after={first.context['next']}")
        back = as_(owner).get(f"/jobs/?before={second.context['previous']}")

        def shown(page):
            return [row["job"].pk for row in page.context["rows"]]

        assert shown(first) + shown(second) == made[::-1]
        assert shown(back) == shown(first)
        assert (first.context["previous"], second.context["next"], back.context["previous"]) == (None, None, None)

    def test_asks_as_often_for_many_as_for_one(self, owner, django_assert_max_num_queries):
        for number in range(20):
            submitted([study_uid(number)], by=owner)
        client = as_(owner)

        with django_assert_max_num_queries(24):
            assert len(client.get("/jobs/").context["rows"]) == 20


class TestThePageOfAJob:
    def test_is_not_there_for_others(self, job):
        stranger = User.objects.create(username="eve")

        for address in ("", "report/", "report.csv", "report.json"):
            assert as_(stranger).get(f"/jobs/{job.pk}/{address}").status_code == 404
        assert as_(stranger).post(f"/jobs/{job.pk}/act/", {"action": "cancel"}).status_code == 404
        assert as_(stranger).post(f"/jobs/{job.pk}/receipt/", {"form": "internal"}).status_code == 404
        assert as_(stranger).get(f"/jobs/tasks/{job.tasks.first().pk}/").status_code == 404
        assert Job.objects.get().status == "pending"

    def test_says_why_each_task_waits(self, job, owner):
        assert text(as_(owner).get(f"/jobs/{job.pk}/")).count("no worker is running") == 3

    def test_says_that_a_worker_is_silent(self, job, owner):
        bring_to(job, "in progress", "pending", "success")

        assert "has given no sign of life for 45 s" in text(as_(owner).get(f"/jobs/{job.pk}/"))

    def test_shows_tasks_of_one_status(self, job, owner):
        bring_to(job, "success", "failure", "failure")

        page = as_(owner).get(f"/jobs/{job.pk}/?status=failure")

        assert [row.task.status for row in page.context["tasks"]] == ["failure", "failure"]

    def test_gives_the_reason_with_every_button_that_does_nothing(self, job, owner):
        shown = text(as_(owner).get(f"/jobs/{job.pk}/"))

        assert "Only an administrator may restart this job." not in shown
        assert f"Job {job.pk} is pending: it is possible to resume only what is canceled." in shown
        assert "You may not put jobs before those of others" in shown

    def test_does_what_a_button_says(self, job, owner):
        answer = as_(owner).post(f"/jobs/{job.pk}/act/", {"action": "cancel"})

        assert (answer.status_code, answer.url) == (302, f"/jobs/{job.pk}/")
        assert Job.objects.get().status == "canceled"

    def test_refuses_with_a_sentence_and_records_it(self, job, owner):
        wrong_state = as_(owner).post(f"/jobs/{job.pk}/act/", {"action": "resume"})
        forbidden = as_(owner).post(f"/jobs/{job.pk}/act/", {"action": "verify"})

        assert (wrong_state.status_code, forbidden.status_code) == (409, 403)
        assert "is pending: it is possible to resume only" in text(wrong_state)
        refused = Event.objects.filter(outcome="refused", job=job.pk).values_list("action", flat=True)
        assert sorted(refused) == ["job.resume", "job.verify"]
        assert as_(owner).post(f"/jobs/{job.pk}/act/", {"action": "explode"}).status_code == 404

    def test_deletes_and_goes_back_to_the_list(self, job, owner):
        assert as_(owner).post(f"/jobs/{job.pk}/act/", {"action": "delete"}).url == "/jobs/"
        assert not Job.objects.exists()

    def test_asks_as_often_for_many_tasks_as_for_few(self, owner, django_assert_max_num_queries):
        job = submitted(10, by=owner)
        client = as_(owner)

        with django_assert_max_num_queries(45):
            assert len(client.get(f"/jobs/{job.pk}/").context["tasks"]) == 10

    def test_is_recorded(self, job, owner):
        as_(owner).get(f"/jobs/{job.pk}/")

        assert Event.objects.get(action="job.viewed").job == job.pk


class TestThePageOfATask:
    def test_shows_the_ledger_with_what_failed_and_why(self, job, owner):
        bring_to(job, "warning", "success", "success")
        task = job.tasks.first()
        ledger(task)

        shown = text(as_(owner).get(f"/jobs/tasks/{task.pk}/"))

        assert "1 × did not arrive from the source" in shown
        assert "the administrators of A" in shown

    def test_is_recorded_with_patient_and_study(self, job, owner):
        task = job.tasks.first()
        Task.objects.filter(pk=task.pk).update(patient_id="4711")

        as_(owner).get(f"/jobs/tasks/{task.pk}/")

        event = Event.objects.get(action="task.viewed")
        assert (event.patient_id, event.study_uid, event.job) == ("4711", task.study_uid, job.pk)

    def test_does_what_a_button_says(self, job, owner):
        task = job.tasks.first()

        assert as_(owner).post(f"/jobs/tasks/{task.pk}/act/", {"action": "delete"}).url == f"/jobs/{job.pk}/"
        assert job.tasks.count() == 2


class TestAPseudonymisedJob:
    """One study of patient 4711 that went as P-01 under new UIDs, for a project."""

    @pytest.fixture
    def job(self, owner):
        project = a_project()
        Member.objects.create(project=project, user=owner, may_send=True)
        item = TransferStudy(study_uid(1), patient_id="4711")
        job = bring_to(submit(plan(item, project="Stroke", generate=True), by=owner), "failure")
        ledger(job.tasks.get(), new_study_uid="2.25.77", new_series_uid="2.25.77.1")
        return job

    def test_shows_old_and_new_side_by_side_only_to_who_may_link(self, job, owner, staff):
        path = f"/jobs/tasks/{job.tasks.get().pk}/"
        pseudonym = job.tasks.get().item["pseudonym"]
        for user in (owner, staff):
            shown = text(as_(user).get(path))
            assert study_uid(1) in shown
            assert "2.25.77" not in shown
            assert pseudonym not in shown
            assert as_(user).get(f"/jobs/{job.pk}/linking.csv").status_code == 403
        Member.objects.filter(user=owner).update(may_link=True)

        shown = text(as_(owner).get(path))

        assert "2.25.77.1" in shown
        assert pseudonym in shown
        assert Event.objects.filter(action="task.viewed", details__linked=True, actor="ann").count() == 1
        assert b"2.25.77.1" in as_(owner).get(f"/jobs/{job.pk}/linking.csv").content

    def test_lets_an_attribute_pass_that_somebody_who_may_has_looked_at(self, job, owner):
        assert "Stopped by the tripwire" not in text(as_(owner).get(f"/jobs/{job.pk}/"))
        path, asked = f"/jobs/{job.pk}/release/", {"attribute": "(0008,103E)"}
        assert as_(owner).post(path, asked).status_code == 403
        permit(owner, "can_release_tripwire")

        assert "Stopped by the tripwire" in text(as_(owner).get(f"/jobs/{job.pk}/"))
        assert as_(owner).post(path, {"attribute": "no such"}).status_code == 422
        assert as_(owner).post(path, asked).status_code == 302
        assert "Let pass already: (0008,103E)" in text(as_(owner).get(f"/jobs/{job.pk}/"))


class TestAcceptingAsComplete:
    def test_makes_a_success_of_it_and_keeps_the_reason(self, job, owner):
        job = bring_to(job, "warning", "success", "success")
        ledger(job.tasks.first())

        as_(owner).post(f"/jobs/{job.pk}/act/", {"action": "accept as complete", "reason": "  the PACS\nmiscounts "})

        task = job.tasks.first()
        assert Job.objects.get().status == "success"
        assert Job.objects.get().message == "3 of 3 studies complete (1 accepted as such); 9 instances stored"
        assert (task.status, task.accepted_reason, task.accepted_by) == ("success", "the PACS miscounts", "ann")
        assert Event.objects.get(action="job.accepted").details["reason"] == "the PACS miscounts"

    def test_needs_a_reason(self, job, owner):
        job = bring_to(job, "warning", "success", "success")

        answer = as_(owner).post(f"/jobs/{job.pk}/act/", {"action": "accept as complete", "reason": "  "})

        assert answer.status_code == 422
        assert "Say why it is complete" in text(answer)
        assert Job.objects.get().status == "warning"

    def test_of_one_task_leaves_the_others(self, job, owner):
        job = bring_to(job, "warning", "warning", "success")
        task = job.tasks.first()

        as_(owner).post(f"/jobs/tasks/{task.pk}/act/", {"action": "accept as complete", "reason": "seen at the PACS"})

        assert Job.objects.get().status == "warning"
        assert list(job.tasks.values_list("status", flat=True)) == ["success", "warning", "success"]

    def test_is_forgotten_when_it_runs_again(self, job, owner, staff):
        job = bring_to(job, "warning", "success", "success")
        job = perform(Action.ACCEPT, job, by=owner, reason="because")

        perform(Action.RESTART, job, by=staff)

        assert set(job.tasks.values_list("accepted_reason", "accepted_at")) == {("", None)}


class TestAReport:
    @pytest.fixture
    def job(self, job):
        job = bring_to(job, "warning", "success", "failure")
        ledger(job.tasks.first(), notes=["=cmd|' /C calc'!A0"])
        return job

    def test_can_be_printed(self, job, owner):
        shown = text(as_(owner).get(f"/jobs/{job.pk}/report/"))

        assert "10 expected, 9 stored, 9 confirmed, 0 excluded, 1 failed" in shown
        assert "1 × did not arrive from the source" in shown

    def test_is_json(self, job, owner):
        told = json.loads(b"".join(as_(owner).get(f"/jobs/{job.pk}/report.json")))

        assert (told["id"], len(told["tasks"]), told["tasks"][0]["entries"][0]["failed"]) == (job.pk, 3, 1)

    def test_is_a_table_without_formulas(self, job, owner):
        lines = b"".join(as_(owner).get(f"/jobs/{job.pk}/report.csv")).decode("utf-8-sig").splitlines()

        assert len(lines) == 1 + 3
        assert "'=cmd" in lines[1]
        assert as_(owner).get(f"/jobs/{job.pk}/report.exe").status_code == 404

    def test_is_recorded(self, job, owner):
        b"".join(as_(owner).get(f"/jobs/{job.pk}/report.csv"))

        assert Event.objects.get(action="job.reported").details == {"form": "csv"}


class TestAReceipt:
    @pytest.fixture
    def job(self, job):
        job = bring_to(job, "success", "success", "success")
        for task in job.tasks.all():
            ledger(task, received=10, stored=10, confirmed=10, failed=0, reasons={})
        return job

    def given(self, job, user, form="internal"):
        answer = as_(user).post(f"/jobs/{job.pk}/receipt/", {"form": form})
        return IssuedReceipt.objects.get(pk=int(answer.url.split("/")[-2]))

    def test_says_what_became_of_the_job(self, job, owner):
        receipt = self.given(job, owner)

        shown = text(as_(owner).get(f"/jobs/receipts/{receipt.pk}/"))

        assert receipt.code in shown
        assert receipt.content["totals"]["stored"] == 30
        assert study_uid(2) in shown
        assert "ann" in shown

    def test_says_why_a_study_failed_as_a_whole_and_what_was_not_sent_to_print_and_when_verified(self, job, owner):
        failed, canceled, _ = job.tasks.order_by("pk")
        Entry.objects.filter(task=failed).delete()
        Task.objects.filter(pk=failed.pk).update(status="failure", message="the study belongs to another patient")
        Entry.objects.filter(task=canceled).update(reasons={"not sent: canceled": 4})
        receipt = self.given(job, owner)

        code = {"number": receipt.pk, "code": receipt.code}
        pages = as_(owner).get(f"/jobs/receipts/{receipt.pk}/"), Client().post("/receipts/verify/", code)

        for page in map(text, pages):
            assert "1 × the study belongs to another patient" in page
            assert "4 × not sent: canceled" in page

    def test_is_not_there_for_others(self, job, owner):
        receipt = self.given(job, owner)
        stranger = User.objects.create(username="eve")

        assert as_(stranger).get(f"/jobs/receipts/{receipt.pk}/").status_code == 404

    def test_is_not_given_before_the_job_has_ended(self, owner):
        job = submitted([study_uid(9)], by=owner)

        answer = as_(owner).post(f"/jobs/{job.pk}/receipt/", {"form": "internal"}, follow=True)

        assert "a receipt says what became of it" in text(answer)
        assert not IssuedReceipt.objects.exists()

    def test_proves_itself_to_whoever_holds_it(self, job, owner):
        receipt = self.given(job, owner)

        shown = text(Client().post("/receipts/verify/", {"number": receipt.pk, "code": receipt.code.lower()}))

        assert "is genuine" in shown
        assert "30" in shown

    @pytest.mark.parametrize("number", ["1", "x", "9" * 30, ""])
    def test_that_was_made_up_is_told_from_a_genuine_one(self, job, owner, number):
        self.given(job, owner)

        answer = Client().post("/receipts/verify/", {"number": number, "code": "AAAA-BBBB"})

        assert "There is no genuine receipt" in text(answer)
        assert Event.objects.filter(action="receipt.verified", outcome="refused").exists()

    def test_that_was_changed_in_the_database_is_not_genuine(self, job, owner):
        receipt = self.given(job, owner)
        receipt.content["totals"]["stored"] = 31
        receipt.save()

        answer = Client().post("/receipts/verify/", {"number": receipt.pk, "code": receipt.code})

        assert "There is no genuine receipt" in text(answer)
        assert "it proves nothing" in text(as_(owner).get(f"/jobs/receipts/{receipt.pk}/"))

    def test_survives_a_new_key_as_long_as_the_old_one_is_known(self, job, owner, settings):
        receipt = self.given(job, owner)
        old = settings.ADIT_SECRET_KEYS

        settings.ADIT_SECRET_KEYS = ("new", *old)
        assert "is genuine" in text(Client().post("/receipts/verify/", {"number": receipt.pk, "code": receipt.code}))
        settings.ADIT_SECRET_KEYS = ("new",)
        assert "no genuine" in text(Client().post("/receipts/verify/", {"number": receipt.pk, "code": receipt.code}))

    def test_cannot_be_tried_for_ever(self, job):
        client = Client()

        answers = [client.post("/receipts/verify/", {"number": "1", "code": "x"}).status_code for _ in range(31)]

        assert answers[-1] == 429


class TestTheQueue:
    def test_is_for_staff(self, job, owner, staff):
        assert as_(owner).get("/jobs/queue/").status_code == 404
        shown = text(as_(staff).get("/jobs/queue/"))
        assert "no worker is running" in shown
        assert "selective transfer" in shown


class TestTheDashboard:
    def test_shows_what_is_under_way_and_where(self, job, owner):
        shown = text(as_(owner).get("/"))

        assert f'href="/jobs/{job.pk}/"' in shown
        assert "selective transfer" in shown
        assert "0 / 4" in shown

    def test_plots_what_was_stored(self, job, owner):
        bring_to(job, "success", "success", "success")
        ledger(job.tasks.first(), size=6_000_000, stored=12)

        told = as_(owner).get("/throughput.json").json()

        assert sum(told["speed"]) == 10_000
        assert sum(told["instances"]) == 12
        assert len(told["times"]) == len(told["speed"]) == 144


class TestWhoIsNotLoggedIn:
    @pytest.mark.parametrize("address", ["/jobs/", "/jobs/1/", "/jobs/queue/", "/jobs/receipts/1/", "/throughput.json"])
    def test_is_led_to_the_door(self, db, address):
        answer = Client().get(address)

        assert answer.status_code == 302
        assert answer.url.startswith("/login/")
