from datetime import timedelta

import pytest
from django.utils import timezone

from adit.jobs.actions import perform
from adit.jobs.claim import claim
from adit.jobs.leases import Heartbeat
from adit.jobs.models import Task, Worker
from adit.jobs.outcomes import Stop
from adit.jobs.states import Action
from adit.nodes.changes import suspend
from adit.nodes.models import Node, Slot
from tests.jobs.fakes import administrator, submitted, two_servers

pytestmark = pytest.mark.django_db


@pytest.fixture
def heartbeat(clock):
    two_servers()
    return Heartbeat("w", places=2, lease=45, interval=10, no_progress=600, clock=clock)


@pytest.fixture
def running(heartbeat):
    submitted()
    return heartbeat.watch(claim("w", lease=1, now=timezone.now()))


def in_a_lease(when):
    return timedelta(seconds=40) < when - timezone.now() < timedelta(seconds=46)


class TestAHeartbeat:
    def test_renews_the_task_its_slots_and_the_sign_of_life(self, heartbeat, running):
        Worker.objects.create(name="w", host="h", pid=1, places=1, alive_until=timezone.now())

        heartbeat.beat()

        assert in_a_lease(Task.objects.get().lease_until)
        assert all(in_a_lease(slot.lease_until) for slot in Slot.objects.exclude(holder=""))
        assert in_a_lease(Worker.objects.get().alive_until)
        assert not running.cancel.canceled

    def test_stops_what_was_given_to_somebody_else(self, heartbeat, running):
        Task.objects.update(worker="other")

        heartbeat.beat()

        assert (running.why, running.cancel.canceled) == (Stop.LOST, True)

    def test_leaves_alone_what_no_thread_is_at_any_more(self, heartbeat, running):
        heartbeat.forget(running)
        before = Task.objects.get().lease_until

        heartbeat.beat()

        assert Task.objects.get().lease_until == before

    def test_stops_what_makes_no_progress(self, heartbeat, running, clock):
        clock.now = 599
        heartbeat.look()
        assert running.why is None

        clock.now = 600
        heartbeat.look()
        assert running.why is Stop.NO_PROGRESS

    def test_leaves_what_moves(self, heartbeat, running, clock):
        clock.now = 500
        running.moved()
        clock.now = 1000

        heartbeat.look()

        assert running.why is None

    def test_stops_what_a_person_canceled(self, heartbeat, running):
        perform(Action.CANCEL, Task.objects.get().job, by=administrator())

        heartbeat.look()

        assert running.why is Stop.USER

    @pytest.mark.parametrize("name", ["A", "B"])
    def test_stops_what_uses_a_node_that_is_suspended_now(self, heartbeat, running, name):
        suspend(Node.objects.get(name=name), by=administrator(), reason="moves", now=timezone.now(), running_too=True)

        heartbeat.look()

        assert running.why is Stop.SUSPENDED

    def test_leaves_what_runs_when_a_node_is_suspended_after_it(self, heartbeat, running):
        suspend(Node.objects.get(name="A"), by=administrator(), reason="moves", now=timezone.now())

        heartbeat.look()

        assert running.why is None

    def test_lets_a_lost_lease_overrule_every_other_reason(self, running):
        running.stop(Stop.SHUTDOWN)
        running.stop(Stop.USER)
        assert running.why is Stop.SHUTDOWN

        running.stop(Stop.LOST)
        assert running.why is Stop.LOST
