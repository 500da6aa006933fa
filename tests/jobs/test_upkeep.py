import os
import subprocess
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from adit.jobs.actions import perform
from adit.jobs.claim import claim
from adit.jobs.machine import here
from adit.jobs.models import Job, Task, Worker
from adit.jobs.queue import wake
from adit.jobs.states import Action
from adit.jobs.upkeep import give_back, tidy
from adit.nodes.models import Slot
from tests.jobs.fakes import administrator, submitted, two_servers

pytestmark = pytest.mark.django_db

WAITS = (10, 60, 300)
LATER = Now() + timedelta(hours=1)


def places(count, *, name="w"):
    Worker.objects.create(name=name, host="h", pid=1, places=count, alive_until=timezone.now() + timedelta(hours=1))


def tickets():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")
        return cursor.fetchone()[0]


@pytest.fixture
def left():
    """A task whose worker is gone."""
    two_servers()
    submitted()
    claimed = claim("dead", lease=-1, now=timezone.now())
    assert claimed
    return claimed


class TestUpkeep:
    def test_gives_back_what_a_dead_worker_had(self, left):
        tidy(waits=WAITS)

        task = Task.objects.get()
        assert (task.status, task.worker, task.attempts, task.failures) == ("pending", "", 1, 1)
        assert not Slot.objects.exclude(holder="").exists()
        assert Job.objects.get().status == "pending"
        assert claim("w", lease=45, now=timezone.now()).attempt == 2

    def test_leaves_what_is_alive(self):
        two_servers()
        submitted()
        claim("w", lease=45, now=timezone.now())

        tidy(waits=WAITS)

        assert Task.objects.get().status == "in progress"

    def test_ends_a_task_that_kills_its_workers(self, left):
        Task.objects.update(failures=3, attempts=4)

        tidy(waits=WAITS)

        task = Task.objects.get()
        assert (task.status, Job.objects.get().status) == ("failure", "failure")
        assert "died" in task.message

    def test_cancels_what_was_to_be_canceled_when_its_worker_died(self, left):
        perform(Action.CANCEL, Job.objects.get(), by=administrator())

        tidy(waits=WAITS)

        assert Task.objects.get().status == "canceled"
        assert Job.objects.get().status == "canceled"

    def test_settles_a_job_that_was_missed(self):
        two_servers()
        job = submitted()
        Task.objects.update(status="success", ended_at=Now())
        Job.objects.update(status="in progress")

        tidy(waits=WAITS)

        job.refresh_from_db()
        assert job.status == "success"

    def test_forgets_dead_workers(self):
        places(2)
        Worker.objects.update(alive_until=timezone.now() - timedelta(seconds=1))

        tidy(waits=WAITS)

        assert not Worker.objects.exists()

    def test_does_not_wait_for_the_lease_of_a_process_that_is_seen_to_be_dead(self):
        two_servers()
        submitted()
        claim("killed", lease=45, now=timezone.now())
        gone = subprocess.Popen(["true"])
        gone.wait()
        Worker.objects.create(name="killed", host="h", machine=here(), pid=gone.pid, places=1, alive_until=LATER)

        tidy(waits=WAITS)

        assert Task.objects.get().status == "pending"
        assert not Worker.objects.exists()

    @pytest.mark.parametrize(
        ("machine", "pid"),
        [("another", 999_999_999), ("", 999_999_999), (here(), os.getpid())],
        ids=["elsewhere", "unknown", "alive"],
    )
    def test_does_not_judge_processes_that_it_cannot_see_or_that_run(self, machine, pid):
        two_servers()
        submitted()
        claim("w", lease=45, now=timezone.now())
        Worker.objects.create(name="w", host="h", machine=machine, pid=pid, places=1, alive_until=LATER)

        tidy(waits=WAITS)

        assert Task.objects.get().status == "in progress"


class TestAWorkerThatEnds:
    def test_gives_its_tasks_back_at_once(self):
        two_servers()
        submitted(2)
        claim("w", lease=45, now=timezone.now())

        assert give_back("w") == 1
        assert set(Task.objects.values_list("status", "failures")) == {("pending", 0)}
        assert Job.objects.get().status == "pending"
        assert not Slot.objects.held().exists()

    def test_cancels_what_was_to_be_canceled(self):
        two_servers()
        job = submitted()
        claim("w", lease=45, now=timezone.now())
        perform(Action.CANCEL, job, by=administrator())

        give_back("w")

        assert Job.objects.get().status == "canceled"


class TestTickets:
    def test_are_as_many_as_there_are_idle_places_and_tasks(self):
        two_servers()
        places(3)

        submitted(2)
        assert tickets() == 2

        wake()
        assert tickets() == 3 - 1

        submitted(5)
        assert tickets() == 3

    def test_are_not_issued_when_nobody_could_use_them(self):
        two_servers()

        submitted(2)
        assert tickets() == 0

        places(2)
        Task.objects.update(not_before=timezone.now() + timedelta(hours=1))
        wake()
        assert tickets() == 0

    def test_are_issued_when_a_delayed_task_is_due(self):
        two_servers()
        places(2)
        submitted(1)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")
        Task.objects.update(not_before=timezone.now() - timedelta(seconds=1))

        tidy(waits=WAITS)

        assert tickets() == 1

    def test_of_workers_that_are_gone_are_removed(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, status)"
                " VALUES ('tickets', 'adit.ticket', 'doing'), ('tickets', 'adit.ticket', 'failed')"
            )

        tidy(waits=WAITS)

        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM procrastinate_jobs")
            assert cursor.fetchone() == (0,)
