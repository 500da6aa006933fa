from datetime import UTC, datetime, timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from adit.jobs.claim import claim
from adit.jobs.models import Task, Worker
from adit.jobs.waiting import reasons, why_waiting
from adit.nodes.models import Node
from tests.jobs.fakes import a_user, submitted, two_servers

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def job():
    two_servers(max_associations=1)
    Worker.objects.create(name="w", host="h", pid=1, places=4, alive_until=timezone.now() + timedelta(hours=1))
    return submitted(3)


def why(task=None):
    return why_waiting(task or Task.objects.last(), now=NOON)


class TestATaskThatWaits:
    def test_says_nothing_when_it_does_not(self, job):
        Task.objects.update(status="canceled", ended_at=Now())

        assert why() == ""

    def test_is_about_to_start(self, job):
        assert why(Task.objects.first()) == "starts in a moment"

    def test_counts_who_is_before_it(self, job):
        claim("w", lease=45, now=NOON)

        assert why() == "1 of 1 places of A taken, 1 before yours"
        assert sorted(reasons(Task.objects.all(), now=NOON).values()) == [
            "1 of 1 places of A taken",
            "1 of 1 places of A taken, 1 before yours",
        ]

    def test_names_the_window(self, job):
        evening = {"zone": "UTC", "open": [{"days": ["tue"], "from": "18:00", "until": "20:00"}]}
        Node.objects.filter(name="A").update(windows=evening, windows_hold_all=True)

        assert why() == "waits for A's window, opens 18:00"

    def test_says_when_it_is_tried_again_and_what_happened(self, job):
        Task.objects.update(not_before=NOON.replace(hour=14, minute=3), waits_because="A: no connection")

        assert why() == "A: no connection; is tried again at 14:03 UTC"

    def test_says_that_no_worker_is_running(self, job):
        Worker.objects.all().delete()

        assert why() == "no worker is running"

    def test_says_that_all_workers_are_busy(self, job):
        Worker.objects.update(places=1)
        Node.objects.update(max_associations=5)
        claim("w", lease=45, now=NOON)

        assert why(Task.objects.all()[1]) == "all 1 places of the workers are taken"

    def test_waits_for_verification(self, job):
        large = submitted(11, by=a_user())

        assert why(large.tasks.first()) == "waits until an administrator verifies the job"
