from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from adit.accounts.models import User
from adit.accounts.verdict import Denied
from adit.audit.models import Event
from adit.jobs.actions import WrongState, perform, perform_on_task
from adit.jobs.models import Entry, Job, Task
from adit.jobs.permissions import verdict
from adit.jobs.states import Action, TaskAction
from tests.jobs.bringing import bring_to
from tests.jobs.fakes import administrator, submitted, two_servers

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(owner):
    return submitted(3, by=owner)


@pytest.fixture
def staff():
    return User.objects.create(username="boss", is_staff=True)


def statuses(job):
    return list(job.tasks.values_list("status", flat=True))


class TestVerify:
    def test_lets_the_tasks_start(self, owner, staff):
        job = submitted(11, by=owner)

        job = perform(Action.VERIFY, job, by=staff)

        assert job.status == "pending"
        assert job.tasks.claimable().count() == 11

    def test_is_for_staff(self, owner):
        job = submitted(11, by=owner)

        with pytest.raises(Denied, match="Only an administrator may verify"):
            perform(Action.VERIFY, job, by=owner)


class TestDelete:
    def test_removes_a_job_that_has_not_started(self, job, owner):
        perform(Action.DELETE, job, by=owner)

        assert not Job.objects.exists()
        assert not Task.objects.exists()
        assert Event.objects.filter(action="job.deleted").count() == 1

    def test_is_refused_once_a_task_has_started(self, job, owner):
        job = bring_to(job, "success", "pending", "pending")

        with pytest.raises(WrongState, match="is in progress: it is possible to delete only what is pending"):
            perform(Action.DELETE, job, by=owner)


class TestCancel:
    def test_cancels_what_is_pending_and_asks_what_runs_to_stop(self, job, owner):
        job = bring_to(job, "in progress", "pending", "success")

        job = perform(Action.CANCEL, job, by=owner)

        assert (job.status, job.ended_at) == ("canceling", None)
        assert statuses(job) == ["in progress", "canceled", "success"]
        assert job.tasks.first().stop_requested_at is not None

    def test_ends_a_job_of_which_nothing_runs(self, job, owner):
        job = perform(Action.CANCEL, job, by=owner)

        assert job.status == "canceled"
        assert job.ended_at is not None

    def test_says_in_the_ledger_of_what_an_earlier_attempt_left_open_that_it_was_not_sent(self, job, owner):
        job = bring_to(job, "pending", "success", "success")
        Entry.objects.create(
            task=job.tasks.first(), study_uid="1", series_uid="2", expected=10, stored=7, failed=1, reasons={"no": 1}
        )

        perform(Action.CANCEL, job, by=owner)

        entry = Entry.objects.get()
        assert (entry.failed, entry.reasons) == (1, {"no": 1, "not sent: canceled": 2})


class TestResume:
    def test_makes_canceled_tasks_pending_again_and_keeps_the_ledger(self, job, owner):
        job = perform(Action.CANCEL, bring_to(job, "success", "pending", "pending"), by=owner)
        Entry.objects.create(task=job.tasks.last(), study_uid="1", series_uid="2", stored=7, stored_instances=["3"])

        job = perform(Action.RESUME, job, by=owner)

        assert (job.status, job.cancel_requested_at, job.ended_at) == ("in progress", None, None)
        assert statuses(job) == ["success", "pending", "pending"]
        assert Entry.objects.get().stored_instances == ["3"]


class TestRetry:
    def test_runs_what_failed_or_is_incomplete_again(self, job, owner):
        job = bring_to(job, "success", "warning", "failure")

        job = perform(Action.RETRY, job, by=owner)

        assert job.status == "in progress"
        assert statuses(job) == ["success", "pending", "pending"]
        assert set(job.tasks.pending().values_list("failures", "attempts")) == {(0, 1)}

    def test_is_refused_for_a_success(self, job, owner):
        job = bring_to(job, "success", "success", "success")

        with pytest.raises(WrongState, match="is success"):
            perform(Action.RETRY, job, by=owner)


class TestRestart:
    def test_runs_everything_from_scratch(self, job, staff):
        job = bring_to(job, "success", "warning", "failure")
        Entry.objects.create(task=job.tasks.last(), study_uid="1", series_uid="2")

        job = perform(Action.RESTART, job, by=staff)

        assert job.status == "pending"
        assert set(job.tasks.values_list("status", "attempts", "failures")) == {("pending", 0, 0)}
        assert not Entry.objects.exists()

    def test_is_for_staff(self, job, owner):
        with pytest.raises(Denied):
            perform(Action.RESTART, bring_to(job, "success", "success", "success"), by=owner)


class TestUrgency:
    def test_moves_only_what_has_not_started(self, job, staff):
        job = bring_to(job, "in progress", "pending", "success")

        urgent = perform(Action.MAKE_URGENT, job, by=staff)
        assert list(job.tasks.values_list("priority", flat=True)) == [40, 80, 40]
        assert urgent.urgent

        perform(Action.MAKE_NORMAL, job, by=staff)
        assert list(job.tasks.values_list("priority", flat=True)) == [40, 40, 40]

    def test_needs_the_permission(self, job, owner):
        assert not verdict(Action.MAKE_URGENT, job, owner)


class TestTaskActions:
    def test_delete_removes_a_pending_task(self, job, owner):
        perform_on_task(TaskAction.DELETE, job.tasks.first(), by=owner)

        assert job.tasks.count() == 2

    def test_deleting_the_last_task_leaves_nothing_to_do(self, owner):
        job = submitted(1, by=owner)

        perform_on_task(TaskAction.DELETE, job.tasks.get(), by=owner)

        job.refresh_from_db()
        assert (job.status, job.message) == ("success", "nothing to do")

    def test_reset_runs_one_task_from_scratch(self, job, owner):
        bring_to(job, "success", "failure", "success")

        perform_on_task(TaskAction.RESET, job.tasks.all()[1], by=owner)

        assert statuses(job) == ["success", "pending", "success"]
        assert Job.objects.get().status == "in progress"

    def test_kill_asks_the_running_task_to_stop(self, job, staff, owner):
        bring_to(job, "in progress", "pending", "pending")
        task = job.tasks.first()

        with pytest.raises(Denied):
            perform_on_task(TaskAction.KILL, task, by=owner)
        perform_on_task(TaskAction.KILL, task, by=staff)

        assert Task.objects.get(pk=task.pk).stop_requested_at is not None

    def test_are_refused_in_a_wrong_state(self, job, owner):
        with pytest.raises(WrongState, match="is pending: it is possible to reset only what is canceled or failure"):
            perform_on_task(TaskAction.RESET, job.tasks.first(), by=owner)


class TestAnAction:
    def test_is_for_the_owner_and_staff(self, job, staff):
        stranger = User.objects.create(username="eve")

        with pytest.raises(Denied, match=f"Only the owner of job {job.pk}"):
            perform(Action.CANCEL, job, by=stranger)
        assert perform(Action.CANCEL, job, by=staff).status == "canceled"

    def test_is_written_into_the_audit_trail_with_who_did_it(self, job, owner):
        perform(Action.CANCEL, job, by=owner)

        event = Event.objects.get(action="job.canceled")
        assert (event.actor, event.job, event.details) == ("ann", job.pk, {"status": "pending"})

    def test_on_a_job_that_is_gone_says_so(self, job, owner):
        Job.objects.all().delete()

        with pytest.raises(WrongState, match="does not exist any more"):
            perform(Action.CANCEL, job, by=owner)


class TestVisibility:
    def test_ends_at_the_own_jobs_except_for_staff(self, job, owner, staff):
        stranger = User.objects.create(username="eve")

        assert list(Job.objects.visible_to(owner)) == [job]
        assert list(Job.objects.visible_to(staff)) == [job]
        assert not Job.objects.visible_to(stranger).exists()
        assert not Task.objects.visible_to(stranger).exists()


@pytest.mark.django_db(transaction=True)
class TestTwoPeopleAtOnce:
    def test_get_one_effect(self):
        two_servers()
        job, by = submitted(2), administrator()
        start = Barrier(2)

        def cancel(_):
            try:
                start.wait(5)
                perform(Action.CANCEL, job, by=by)
            except WrongState as wrong:
                return str(wrong)
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            answers = sorted(map(str, pool.map(cancel, range(2))))

        assert answers[0].startswith(f"Job {job.pk} is canceled")
        assert answers[1] == "None"
        assert Event.objects.filter(action="job.canceled", job=job.pk).count() == 1
