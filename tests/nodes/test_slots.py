from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from adit.nodes.models import Node, Slot
from adit.nodes.slots import ensure_slots, free, free_all, free_count, most, renew, take
from tests.nodes.making import folder, server

SOON = Now() + timedelta(seconds=45)
GONE = Now() - timedelta(seconds=1)


def numbers(slots):
    return [slot.number for slot in slots]


@pytest.mark.django_db
class TestSlots:
    def test_come_with_a_server_and_not_with_a_folder(self):
        assert server(max_associations=3).slots.count() == 3
        assert folder("disk", "/data").slots.count() == 0

    def test_of_a_folder_are_unlimited(self):
        disk = folder("disk", "/data")

        assert free_count(disk) is None
        assert most(disk, interactive=False) is None
        assert ensure_slots(disk) == 0
        assert take(disk, 5, holder="a", until=SOON, interactive=True) == []
        assert not Slot.objects.exists()

    def test_are_taken_all_or_not_at_all(self):
        node = server(max_associations=3)

        assert len(take(node, 2, holder="a", until=SOON, interactive=True)) == 2
        assert take(node, 2, holder="b", until=SOON, interactive=True) == []
        assert free_count(node) == 1
        assert len(take(node, 1, holder="b", until=SOON, interactive=True)) == 1
        assert free_count(node) == 0

    def test_know_who_has_them_for_what_and_until_when(self):
        until = timezone.now() + timedelta(minutes=1)

        (slot,) = take(server(max_associations=1), 1, holder="a", until=until, interactive=False, task="7")

        assert (slot.number, slot.holder, slot.task, slot.lease_until) == (1, "a", "7", until)

    def test_leave_one_for_interactive_use_where_there_are_two_or_more(self):
        node = server(max_associations=2)

        assert most(node, interactive=False) == 1
        assert most(node, interactive=True) == 2
        assert free_count(node, interactive=False) == 1
        assert take(node, 2, holder="batch", until=SOON, interactive=False) == []
        assert numbers(take(node, 1, holder="batch", until=SOON, interactive=False)) == [2]
        assert take(node, 1, holder="batch", until=SOON, interactive=False) == []
        assert numbers(take(node, 1, holder="search", until=SOON, interactive=True)) == [1]

    def test_leave_none_where_there_is_only_one(self):
        node = server(max_associations=1)

        assert most(node, interactive=False) == 1
        assert numbers(take(node, 1, holder="batch", until=SOON, interactive=False)) == [1]

    def test_that_are_kept_go_last_to_interactive_use(self):
        assert numbers(take(server(max_associations=3), 1, holder="a", until=SOON, interactive=True)) == [3]

    def test_are_free_again_when_given_back(self):
        node = server(max_associations=2)
        slots = take(node, 2, holder="a", until=SOON, interactive=True)

        assert free(slots) == 2
        assert free_count(node) == 2

    def test_are_given_back_by_task_or_by_holder(self):
        node = server(max_associations=4)
        take(node, 1, holder="a", until=SOON, interactive=True, task="1")
        take(node, 2, holder="a", until=SOON, interactive=True, task="2")
        take(node, 1, holder="b", until=SOON, interactive=True, task="1")

        assert free_all(holder="a", task="1") == 1
        assert free_count(node) == 1
        assert free_all(holder="a") == 2
        assert free_count(node) == 3

    def test_are_free_when_their_lease_has_run_out(self):
        node = server(max_associations=1)
        take(node, 1, holder="dead", until=GONE, interactive=True)

        assert free_count(node) == 1
        assert take(node, 1, holder="alive", until=SOON, interactive=True)[0].holder == "alive"

    def test_that_somebody_else_has_by_now_are_not_given_back_nor_renewed(self):
        node = server(max_associations=1)
        stale = take(node, 1, holder="dead", until=GONE, interactive=True)
        take(node, 1, holder="alive", until=SOON, interactive=True)

        assert free(stale) == 0
        assert renew(holder="dead", until=SOON) == 0
        assert free_count(node) == 0

    def test_are_renewed_for_a_holder_in_one_statement(self, django_assert_num_queries):
        nodes = [server("one", max_associations=1), server("two", max_associations=1)]
        for node in nodes:
            take(node, 1, holder="a", until=GONE, interactive=True)

        with django_assert_num_queries(1):
            assert renew(holder="a", until=SOON) == 2

        assert [free_count(node) for node in nodes] == [0, 0]

    def test_become_more_with_the_maximum(self):
        node = server(max_associations=1)
        node.max_associations = 3
        node.save()

        assert len(take(node, 3, holder="a", until=SOON, interactive=True)) == 3

    def test_become_more_even_when_the_maximum_was_changed_past_the_model(self):
        server(max_associations=1)
        Node.objects.update(max_associations=3)

        assert len(take(Node.objects.get(), 3, holder="a", until=SOON, interactive=True)) == 3

    def test_above_a_lowered_maximum_are_not_given_out_again(self):
        node = server(max_associations=4)
        old = take(node, 4, holder="a", until=SOON, interactive=True)
        node.max_associations = 2
        node.save()

        free(old[2:])
        assert free_count(node) == 0
        assert take(node, 1, holder="b", until=SOON, interactive=True) == []
        free(old[:2])
        assert free_count(node) == 2
        assert numbers(take(node, 2, holder="b", until=SOON, interactive=True)) == [1, 2]

    def test_still_held_above_a_lowered_maximum_count(self):
        node = server(max_associations=4)
        old = take(node, 4, holder="a", until=SOON, interactive=True)
        node.max_associations = 2
        node.save()

        free(old[:3])
        assert free_count(node) == 1
        assert take(node, 2, holder="b", until=SOON, interactive=True) == []
        assert len(take(node, 1, holder="b", until=SOON, interactive=True)) == 1
        assert take(node, 1, holder="b", until=SOON, interactive=True) == []

    def test_of_one_node_are_not_those_of_another(self):
        one, two = server("one", max_associations=1), server("two", max_associations=1)
        take(one, 1, holder="a", until=SOON, interactive=True)

        assert free_count(two) == 1


def at_once(count, work):
    """What *work* gives for each of *count* threads that start together."""
    start = Barrier(count)

    def run(index):
        try:
            start.wait(10)
            return work(index)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))


@pytest.mark.django_db(transaction=True)
class TestSlotsOfSeveralProcesses:
    """Each thread has a connection of its own, as a process would."""

    def test_are_never_given_to_two(self):
        node = server(max_associations=3)

        results = at_once(8, lambda index: take(node, 1, holder=f"p{index}", until=SOON, interactive=True))
        taken = [slot for slots in results for slot in slots]

        assert sorted(numbers(taken)) == [1, 2, 3]
        assert free_count(node) == 0

    def test_never_pass_a_lowered_maximum_together(self):
        node = server(max_associations=4)
        surplus = take(node, 1, holder="old", until=SOON, interactive=True)
        Node.objects.update(max_associations=3)
        node.refresh_from_db()

        results = at_once(6, lambda index: take(node, 1, holder=f"p{index}", until=SOON, interactive=True))
        taken = [slot for slots in results for slot in slots]

        assert numbers(surplus) == [4]
        assert 1 <= len(taken) <= 2

    def test_that_are_about_to_be_taken_count_as_taken_and_nobody_waits(self):
        node = server(max_associations=2)

        def other():
            try:
                return take(node, 1, holder="b", until=SOON, interactive=True)
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as thread:
            with transaction.atomic():
                take(node, 2, holder="a", until=SOON, interactive=True)
                assert thread.submit(other).result(10) == []
                transaction.set_rollback(True)
            assert len(thread.submit(other).result(10)) == 1

    def test_do_not_wait_for_a_heartbeat_of_another(self):
        node = server(max_associations=2)
        take(node, 1, holder="a", until=SOON, interactive=True)

        def other():
            try:
                return take(node, 1, holder="b", until=SOON, interactive=True)
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as thread, transaction.atomic():
            renew(holder="a", until=SOON)
            assert len(thread.submit(other).result(10)) == 1
