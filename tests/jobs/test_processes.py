import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from adit.jobs.actions import perform
from adit.jobs.leases import announce
from adit.jobs.models import Job, Task, Worker
from adit.jobs.states import Action
from adit.jobs.suspending import resume
from adit.jobs.waiting import why_waiting
from adit.nodes.changes import suspend
from adit.nodes.models import Slot
from tests.jobs.a_worker import fill, refs_in, start, wait_until
from tests.jobs.cable import Cable
from tests.jobs.fakes import Archives, administrator, process, refs_of, study_uid, submitted, two_servers
from tests.pace import within

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


@pytest.fixture
def cable():
    with Cable(int(connection.settings_dict["PORT"])) as cable:
        yield cable


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
        wait_until(lambda: status(job) == "canceled", seconds=within(5), worker=worker)
        assert not Slot.objects.held().exists()
        assert set(Task.objects.values_list("status", flat=True)) == {"canceled"}

    def test_lets_go_of_a_node_suspended_now_and_goes_on_when_it_takes_part_again(self, tmp_path, workers):
        source, _ = two_servers()
        fill(tmp_path, "A", refs_of(study_uid(1)))
        (tmp_path / "hold").write_text("2")
        worker = workers(lease=45, places=1)
        job = submitted()
        wait_until(lambda: len(stored(tmp_path)) == 1, worker=worker)

        suspend(source, by=administrator(), reason="moves house", now=timezone.now(), running_too=True)

        wait_until(lambda: status(job) == "pending", seconds=within(5), worker=worker)
        task = job.tasks.get()
        assert (task.status, task.failures) == ("pending", 0)
        assert why_waiting(task, now=timezone.now()) == "waits while A is suspended: moves house"
        assert not Slot.objects.held().exists()

        (tmp_path / "hold").unlink()
        resume(source, by=administrator())
        wait_until(lambda: status(job) == "success", seconds=within(5), worker=worker)

    def test_tries_again_what_makes_no_progress(self, tmp_path, workers):
        two_servers()
        fill(tmp_path, "A", refs_of(study_uid(1)))
        (tmp_path / "hold").write_text("2")
        worker = workers(no_progress=0.2)
        job = submitted()

        wait_until(lambda: Task.objects.filter(failures__gte=1).exists(), worker=worker)
        (tmp_path / "hold").unlink()

        wait_until(lambda: status(job) == "success", worker=worker)

    def test_that_is_told_to_stop_ends_in_time_although_a_peer_does_not_let_go(self, tmp_path, workers):
        two_servers()
        fill(tmp_path, "A", refs_of(study_uid(1)))
        (tmp_path / "hold").write_text("2")
        (tmp_path / "deaf").touch()
        worker = workers(lease=45, grace=0.3)
        job = submitted()
        wait_until(lambda: len(stored(tmp_path)) == 1, worker=worker)

        worker.send_signal(signal.SIGTERM)

        assert worker.wait(8) == 1
        assert (Task.objects.get().status, status(job)) == ("pending", "pending")
        assert not Slot.objects.held().exists()

    def test_hears_of_new_work_at_once_after_its_database_was_away(self, tmp_path, workers, cable):
        two_servers()
        fill(tmp_path, "A", refs_of(study_uid(1)))
        worker = workers(port=cable.port, lease=45)
        wait_until(Worker.objects.exists, worker=worker)
        wait_until(listens, worker=worker)
        cable.cut()
        wait_until(lambda: not listens(), worker=worker)
        cable.mend()
        wait_until(listens, worker=worker)

        job = submitted()

        # Its own poll would take 5 s, upkeep 10 s.
        wait_until(lambda: status(job) == "success", seconds=within(3), worker=worker)

    def test_goes_on_while_its_database_is_away(self, tmp_path, workers, cable):
        two_servers()
        refs = refs_of(study_uid(1), instances=300)
        fill(tmp_path, "A", refs)
        (tmp_path / "hold").write_text("20")
        worker = workers(port=cable.port, lease=45)
        job = submitted()
        wait_until(lambda: len(stored(tmp_path)) == 19, worker=worker)

        cable.cut()
        (tmp_path / "hold").unlink()
        wait_until(lambda: len(stored(tmp_path)) == 300, worker=worker)
        assert Task.objects.get().status == "in progress"
        cable.mend()

        wait_until(lambda: status(job) == "success", worker=worker)
        assert len(stored(tmp_path)) == 300
        assert Task.objects.get().attempts == 1

    def test_stops_its_transfers_when_the_database_is_away_for_as_long_as_a_lease(self, tmp_path, workers, cable):
        two_servers()
        fill(tmp_path, "A", refs_of(study_uid(1)))
        (tmp_path / "hold").write_text("2")
        worker = workers(port=cable.port, lease=0.5)
        job = submitted()
        wait_until(lambda: len(stored(tmp_path)) == 1, worker=worker)

        cable.cut()
        wait_until(lambda: "all transfers stop" in (tmp_path / "worker.log").read_text(), worker=worker)
        (tmp_path / "hold").unlink()
        cable.mend()

        wait_until(lambda: status(job) == "success", worker=worker)
        assert Task.objects.get().attempts == 2


def listens() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
        return cursor.fetchone()[0] > 0


class TestAPackedQueue:
    def test_runs_eight_studies_with_four_places_in_two_rounds(self):
        two_servers(max_associations=4)
        archives = Archives()
        for number in range(1, 9):
            archives["A"].held[study_uid(number)] = refs_of(study_uid(number), instances=1)
        round_of_four = Barrier(4)
        archives["A"].before = lambda number, cancel: round_of_four.wait(10) and None
        crew = process(archives, places=4)
        announce(crew.name, places=4, until=Now() + timedelta(seconds=45))
        job = submitted(8)

        with ThreadPoolExecutor(4) as pool:
            for each in [pool.submit(crew.work) for _ in range(4)]:
                each.result(30)

        assert status(job) == "success"
        assert (archives["A"].most, archives["B"].most) == (4, 4)
