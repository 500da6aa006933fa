"""What needs a receiver is left to workers that have one beside them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from adit.jobs.claim import claim
from adit.jobs.leases import Heartbeat
from adit.jobs.models import Task, Worker
from adit.jobs.queue import QUEUE, forget_tickets, queue_of, wake
from adit.jobs.receivers import Stranded, stranded
from adit.jobs.waiting import why_waiting
from adit.nodes.changes import edit
from adit.nodes.models import Node
from adit.nodes.moving import note_needs_receiver
from tests.jobs.a_worker import fill, start, wait_until
from tests.jobs.fakes import administrator, refs_of, study_uid, submitted
from tests.nodes.making import server
from tests.pace import within

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

NOBODY = (
    "waits for a worker on a machine with a receiver, to which A sends; none is running "
    "(can be mended by the administrator of ADIT, who starts 'adit receiver' there)"
)


def sends_only(name="A"):
    return server(name, get_study=False, move_study=True, max_associations=4)


def gets_and_sends(name="A"):
    return server(name, get_study=True, move_study=True, max_associations=4)


def works(name, *, places=2, receives=False):
    until = timezone.now() + timedelta(hours=1)
    Worker.objects.create(name=f"h:1:{name}", host="h", pid=1, places=places, receives=receives, alive_until=until)


def taken(*, receives, worker="here"):
    claimed = claim(f"h:1:{worker}", lease=45, now=NOON, receives=receives)
    return claimed and Task.objects.get(pk=claimed.task).source.name


def tickets_by_queue():
    with connection.cursor() as cursor:
        cursor.execute("SELECT queue_name, count(*) FROM procrastinate_jobs WHERE status = 'todo' GROUP BY queue_name")
        return dict(cursor.fetchall())


def why():
    return why_waiting(Task.objects.pending().last(), now=NOON)


class TestAWorkerWithoutAReceiver:
    def test_leaves_what_is_sent_to_one_to_those_who_have_it(self):
        sends_only(), server("B")
        works("here"), works("there", receives=True)
        submitted()

        assert taken(receives=False) is None
        assert taken(receives=True) == "A"

    def test_takes_what_comes_after_it(self):
        sends_only(), server("B"), server("C")
        works("here"), works("there", receives=True)
        submitted(), submitted(source="C")

        assert taken(receives=False) == "C"

    @pytest.mark.parametrize("also", ["get_study", "get_patient", "wado"])
    def test_takes_what_can_come_otherwise(self, also):
        server("A", get_study=also == "get_study", get_patient=also == "get_patient", move_study=True)
        if also == "wado":
            Node.objects.update(dicomweb_url="http://127.0.0.1/", wado=True)
        server("B")
        submitted()

        assert taken(receives=False) == "A"

    def test_leaves_what_refused_every_other_way_for_a_while(self):
        node, _ = gets_and_sends(), server("B")
        submitted()

        note_needs_receiver(node.pk, lasting=600)
        assert taken(receives=False) is None

        note_needs_receiver(node.pk, lasting=-1)
        assert taken(receives=False) == "A"

    def test_tries_again_when_the_node_was_changed(self):
        node, _ = gets_and_sends(), server("B")
        submitted()
        note_needs_receiver(node.pk, lasting=600)

        edit(node, by=administrator(), port=105)

        assert taken(receives=False) == "A"

    def test_learns_nothing_of_a_node_for_which_no_receiver_would_help(self):
        node, _ = server("A"), server("B")
        note_needs_receiver(node.pk, lasting=600)
        submitted()

        assert taken(receives=False) == "A"

    def test_leaves_it_a_second_association_only_when_nobody_could_use_it(self):
        sends_only(), server("B", max_associations=20), server("C", max_associations=20)
        Node.objects.filter(name="A").update(max_associations=20)
        works("here"), works("there", places=1, receives=True)
        submitted(), submitted(source="C")

        claimed = claim("h:1:here", lease=45, now=NOON)

        # The idle place beside the receiver will want one of B.
        assert (claimed.source_associations, claimed.destination_associations) == (2, 2)
        assert taken(receives=True) == "A"


class TestATaskThatNeedsAReceiver:
    @pytest.fixture(autouse=True)
    def nodes(self):
        sends_only(), server("B", max_associations=4)

    def test_says_that_nobody_has_one(self):
        works("here")
        submitted()

        assert why() == NOBODY

    def test_says_first_that_nobody_is_there_at_all(self):
        submitted()

        assert why() == "no worker is running"

    def test_starts_in_a_moment_where_somebody_has_one(self):
        works("here"), works("there", receives=True)
        submitted()

        assert why() == "starts in a moment"

    def test_says_that_those_who_have_one_are_busy(self):
        works("here", places=5), works("there", places=1, receives=True)
        submitted(2)
        taken(receives=True, worker="there")

        assert why() == "all 1 places of the workers that have a receiver are taken"

    def test_is_told_to_the_doctor_as_long_as_nobody_has_one(self):
        works("here")
        submitted(3)
        assert stranded() == Stranded(("A",), 3)

        works("there", receives=True)
        assert stranded() is None

    def test_is_nothing_for_the_doctor_while_no_worker_runs_at_all(self):
        submitted()

        assert stranded() is None


class TestTickets:
    @pytest.fixture(autouse=True)
    def nodes(self):
        sends_only(), server("B")

    def test_for_what_needs_a_receiver_go_to_those_who_have_one_too(self):
        works("here"), works("there", receives=True)
        submitted(3)

        assert wake() == 0
        assert tickets_by_queue() == {QUEUE: 3, queue_of("h:1:there"): 2}

    @pytest.mark.parametrize("receives", [False, True])
    def test_are_for_everybody_where_all_workers_are_alike(self, receives):
        works("here", receives=receives), works("there", receives=receives)
        submitted(3)

        assert tickets_by_queue() == {QUEUE: 3}

    def test_are_for_everybody_where_no_receiver_is_needed(self):
        works("here"), works("there", receives=True)
        server("C")
        submitted(3, source="C")

        assert tickets_by_queue() == {QUEUE: 3}

    def test_of_a_worker_that_is_gone_are_forgotten(self):
        works("here"), works("there", receives=True)
        submitted(3)
        Worker.objects.filter(receives=True).delete()

        forget_tickets()

        assert tickets_by_queue() == {QUEUE: 3}


class TestAHeartbeat:
    def test_tells_when_a_receiver_comes_and_goes_and_wakes_for_what_waited(self):
        sends_only(), server("B")
        there = [False]
        heartbeat = Heartbeat("h:1:w", places=2, lease=45, interval=10, no_progress=600, receives=lambda: there[0])
        heartbeat.beat()
        submitted()
        assert why() == NOBODY

        for now in (True, False):
            there[0] = now
            heartbeat.beat()
            assert Worker.objects.get().receives is now


@pytest.mark.django_db(transaction=True)
class TestTwoProcesses:
    def test_of_which_one_has_a_receiver_share_the_work(self, tmp_path):
        sends_only(), server("B", max_associations=4)
        fill(tmp_path, "A", [ref for number in range(1, 7) for ref in refs_of(study_uid(number))])
        workers = [start(tmp_path, receives=receives, lease=45) for receives in (False, False, True)]
        try:
            wait_until(lambda: Worker.objects.count() == 3)
            beside = str(Worker.objects.get(receives=True).pid)
            jobs = []
            for number in range(1, 7):
                jobs.append(submitted([study_uid(number)]))
                # The others are idle, and would be woken as well; a poll takes 5 s, upkeep 10 s.
                wait_until(lambda: done(jobs[-1]), seconds=within(3), worker=workers[-1])
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(10)
        assert {line.split()[0] for line in (tmp_path / "stored").read_text().splitlines()} == {beside}
        assert set(Task.objects.values_list("attempts", flat=True)) == {1}


def done(job):
    return job.tasks.filter(status="success").exists()
