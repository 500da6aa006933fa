import signal
import subprocess

import pytest
from django.db import connection

from adit.jobs.actions import perform
from adit.jobs.models import Job, Task, Worker
from adit.jobs.states import Action
from adit.nodes.models import Slot
from tests.jobs.a_worker import fill, refs_in, start, wait_until
from tests.jobs.fakes import administrator, refs_of, study_uid, submitted, two_servers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def workers(tmp_path):
    started: list[subprocess.Popen[bytes]] = []

    def begin(**values):
        started.append(start(tmp_path, **values))
        return started[-1]

    yield begin
    for worker in started:
        if worker.poll() is None:
            worker.kill()
        worker.wait()


def status(job: Job) -> str:
    return Job.objects.values_list("status", flat=True).get(pk=job.pk)


def stored(root) -> list[str]:
    return (
        [line.split()[1] for line in (root / "stored").read_text().splitlines()] if (root / "stored").exists() else []
    )


class TestAWorkerProcess:
    def test_picks_up_what_is_submitted_and_does_it(self, tmp_path, workers):
        two_servers()
        fill(tmp_path, "A", refs_of(study_uid(1)))
        worker = workers()
        wait_until(Worker.objects.exists, worker=worker)

        job = submitted()

        wait_until(lambda: status(job) == "success", worker=worker)
        assert refs_in(tmp_path, "B", study_uid(1)) == refs_of(study_uid(1))

    @pytest.mark.parametrize("silent", [False, True])
    def test_that_is_killed_is_followed_by_another_which_sends_only_what_is_missing(self, tmp_path, workers, silent):
        two_servers()
        refs = refs_of(study_uid(1), instances=200)
        fill(tmp_path, "A", refs)
        if silent:
            (tmp_path / "silent").touch()
        (tmp_path / "hold").write_text("150")
        first = workers()
        job = submitted()
        wait_until(lambda: len(stored(tmp_path)) == 149, worker=first)
        wait_until(lambda: Task.objects.get().entries.filter(stored__gte=128).exists(), worker=first)

        first.kill()
        first.wait()
        (tmp_path / "hold").unlink()
        second = workers()

        wait_until(lambda: status(job) == "success", worker=second)
        again = len(stored(tmp_path)) - len(refs)
        assert 0 <= again <= (64 if silent else 0)
        assert refs_in(tmp_path, "B", study_uid(1)) == sorted(refs)
        assert Task.objects.get().attempts == 2

    def test_that_is_told_to_stop_leaves_its_tasks_pending_and_nothing_behind(self, tmp_path, workers):
        two_servers()
        fill(tmp_path, "A", refs_of(study_uid(1)))
        (tmp_path / "hold").write_text("2")
        worker = workers(lease=45)
        job = submitted()
        wait_until(lambda: len(stored(tmp_path)) == 1, worker=worker)

        worker.send_signal(signal.SIGTERM)

        assert worker.wait(8) == 0
        task = Task.objects.get(job=job)
        assert (task.status, task.failures, task.worker, status(job)) == ("pending", 0, "", "pending")
        assert not Slot.objects.held().exists()
        assert not Worker.objects.exists()

    def test_stops_a_task_that_was_canceled(self, tmp_path, workers):
        two_servers()
        fill(tmp_path, "A", [*refs_of(study_uid(1)), *refs_of(study_uid(2))])
        (tmp_path / "hold").write_text("2")
        worker = workers(lease=45, places=1)
        job = submitted(2)
        wait_until(lambda: len(stored(tmp_path)) == 1, worker=worker)

        perform(Action.CANCEL, job, by=administrator())

        assert status(job) == "canceling"
        wait_until(lambda: status(job) == "canceled", seconds=5, worker=worker)
        assert not Slot.objects.held().exists()
        assert set(Task.objects.values_list("status", flat=True)) == {"canceled"}

    def test_tries_again_what_makes_no_progress(self, tmp_path, workers):
        two_servers()
        fill(tmp_path, "A", refs_of(study_uid(1)))
        (tmp_path / "hold").write_text("2")
        worker = workers(no_progress=0.2)
        job = submitted()

        wait_until(lambda: Task.objects.filter(failures__gte=1).exists(), worker=worker)
        (tmp_path / "hold").unlink()

        wait_until(lambda: status(job) == "success", worker=worker)

    def test_outlives_a_database_that_cuts_all_connections(self, tmp_path, workers):
        two_servers()
        fill(tmp_path, "A", refs_of(study_uid(1)))
        worker = workers()
        wait_until(Worker.objects.exists, worker=worker)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

        job = submitted()

        wait_until(lambda: status(job) == "success", seconds=3, worker=worker)
