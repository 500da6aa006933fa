from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from adit.accounts.models import User
from adit.jobs.claim import claim
from adit.jobs.models import Job, Task, Worker
from adit.nodes.models import Node, Slot
from adit.nodes.slots import take
from tests.jobs.fakes import a_folder, a_user, study_uid, submitted, two_servers
from tests.nodes.making import server

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def claimed(now=NOON):
    return claim("w1", lease=45, now=now)


def places(count):
    Worker.objects.create(name="w1", host="h", pid=1, places=count, alive_until=timezone.now() + timedelta(hours=1))


def user(name):
    return a_user(name)


class TestAClaim:
    def test_takes_the_oldest_task_with_a_slot_at_each_server(self):
        two_servers()
        places(4)
        job = submitted(2)
        first = job.tasks.first()

        found = claimed()

        assert (found.task, found.job, found.attempt) == (first.pk, job.pk, 1)
        task = Task.objects.get(pk=first.pk)
        assert (task.status, task.worker, task.claim, task.attempts) == ("in progress", "w1", 1, 1)
        assert timedelta(seconds=40) < task.lease_until - timezone.now() < timedelta(seconds=46)
        assert set(Slot.objects.held().values_list("node__name", "holder", "task")) == {
            ("A", "w1", found.key),
            ("B", "w1", found.key),
        }
        assert Job.objects.get().status == "in progress"
        assert Job.objects.get().started_at is not None

    def test_finds_nothing_when_nothing_is_there(self):
        assert claimed() is None

    def test_leaves_both_nodes_alone_when_one_of_them_is_full(self):
        two_servers(max_associations=1)
        take(Node.objects.get(name="B"), 1, holder="search", until=Now() + timedelta(seconds=45), interactive=True)
        submitted()

        assert claimed() is None
        assert not Slot.objects.filter(holder="w1").exists()

    def test_needs_no_slot_at_a_folder(self):
        server("A")
        a_folder()
        submitted()

        found = claimed()

        assert (found.source_associations, found.destination_associations) == (2, 0)

    def test_takes_what_is_urgent_first(self):
        two_servers()
        submitted([study_uid(1)])
        urgent = submitted([study_uid(2)], urgent=True)

        assert claimed().job == urgent.pk

    def test_is_fair_between_owners(self):
        two_servers()
        places(9)
        ann, ben = user("ann"), user("ben")
        of_ann = submitted(3, by=ann)
        of_ben = submitted(2, by=ben)

        assert [claimed().job for _ in range(4)] == [of_ann.pk, of_ben.pk, of_ann.pk, of_ben.pk]

    def test_passes_over_tasks_that_wait_for_something_else(self):
        two_servers()
        job = submitted(4)
        later, held, ended, free = job.tasks.all()
        Task.objects.filter(pk=later.pk).update(not_before=timezone.now() + timedelta(hours=1))
        Task.objects.filter(pk=held.pk).update(held=True)
        Task.objects.filter(pk=ended.pk).update(status="canceled", ended_at=Now())

        assert claimed().task == free.pk
        assert claimed() is None

    def test_takes_a_delayed_task_when_its_time_has_come(self):
        two_servers()
        submitted()
        Task.objects.update(not_before=timezone.now() - timedelta(seconds=1), waits_because="PACS: gone")

        assert claimed() is not None
        assert Task.objects.get().waits_because == ""

    @pytest.mark.parametrize(
        "values",
        [
            {"enabled": False},
            {"suspended_at": NOON, "suspended_reason": "upgrade"},
            {
                "windows": {"zone": "UTC", "open": [{"days": ["tue"], "from": "18:00", "until": "20:00"}]},
                "windows_hold_all": True,
            },
        ],
    )
    def test_respects_what_a_node_says(self, values):
        two_servers()
        submitted()
        Node.objects.filter(name="B").update(**values)

        assert claimed() is None

    def test_counts_attempts_and_never_gives_the_same_claim_twice(self):
        two_servers()
        submitted()
        first = claimed()
        Task.objects.update(status="pending", worker="", lease_until=None, attempts=0)
        Slot.objects.update(holder="", task="", lease_until=None)

        second = claimed()

        assert (first.claim, second.claim, second.attempt) == (1, 2, 1)

    def test_moves_within_one_node_with_a_slot_for_each_side(self):
        server("A", max_associations=3)
        submitted(source="A", destination="A")

        found = claimed()

        assert (found.source_associations, found.destination_associations) == (1, 1)
        assert Slot.objects.held().count() == 2

    def test_needs_few_round_trips_however_long_the_queue_is(self, django_assert_max_num_queries):
        two_servers(max_associations=50)
        job = submitted(3)
        _lengthen(job, 2000)
        claimed()

        with django_assert_max_num_queries(11):
            assert claimed() is not None

    def test_reads_few_rows_however_long_the_queue_is(self):
        two_servers()
        _lengthen(submitted(1), 2000)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE jobs_task")
        before = _rows_read_in_sequence()

        claimed()

        assert _rows_read_in_sequence() == before


def _lengthen(job, count):
    task = job.tasks.first()
    owners = [User.objects.create(username=f"u{number}").pk for number in range(5)]
    Task.objects.bulk_create(
        Task(
            job=job,
            owner_id=owners[number % 5],
            source_id=task.source_id,
            destination_id=task.destination_id,
            work=task.work,
            study_uid=f"9.{number}",
            item={},
            status="pending",
            priority=40 if number % 2 else 20,
            interactive=True,
        )
        for number in range(count)
    )


def _rows_read_in_sequence():
    """Rows of jobs_task that this transaction got by scanning the table instead of an index."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_get_xact_tuples_returned('jobs_task'::regclass)")
        (count,) = cursor.fetchone()
    return count


class TestFurtherAssociations:
    def test_are_given_when_the_queue_is_empty(self):
        two_servers(max_associations=4)
        places(4)
        submitted()

        found = claimed()

        assert (found.source_associations, found.destination_associations) == (2, 2)
        assert Slot.objects.held().count() == 4

    def test_are_not_given_while_others_could_start(self):
        two_servers(max_associations=4)
        places(4)
        submitted(8)

        found = [claimed() for _ in range(4)]

        assert {(each.source_associations, each.destination_associations) for each in found} == {(1, 1)}
        assert claimed() is None


@pytest.mark.django_db(transaction=True)
class TestClaimsAtTheSameTime:
    def test_never_take_the_same_task_or_more_slots_than_there_are(self):
        two_servers(max_associations=5)
        places(6)
        submitted(8)
        start = Barrier(6)

        def one(number):
            try:
                start.wait(5)
                return claim(f"w{number}", lease=45, now=NOON)
            finally:
                connection.close()

        with ThreadPoolExecutor(6) as pool:
            found = [each for each in pool.map(one, range(6)) if each]

        assert len({each.task for each in found}) == len(found) == 5
        assert Slot.objects.held().count() == 10

    def test_in_both_directions_with_one_slot_each_do_not_block_one_another(self):
        two_servers(max_associations=1)
        places(2)
        submitted([study_uid(1)])
        submitted([study_uid(2)], source="B", destination="A")
        start = Barrier(2)

        def one(number):
            try:
                start.wait(5)
                return claim(f"w{number}", lease=45, now=NOON)
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(one, range(2)))

        assert sum(each is not None for each in found) == 1
        assert Slot.objects.held().count() == 2
