"""In which order the tasks of all kinds start, and what those that wait say about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from adit.accounts.models import User
from adit.dicom.refs import UID
from adit.endpoints.memory import Faults
from adit.jobs.actions import perform
from adit.jobs.claim import claim
from adit.jobs.kind_settings import change
from adit.jobs.kinds.batch import BATCH_TRANSFER
from adit.jobs.models import Job, Task, Worker
from adit.jobs.process import Limits
from adit.jobs.states import Action
from adit.jobs.submit import submit
from adit.jobs.suspending import resume
from adit.jobs.waiting import why_waiting
from adit.nodes.changes import suspend
from adit.nodes.models import Node
from adit.transfer.batches.rows import QueryRow
from adit.transfer.batches.studies import checks_of
from adit.transfer.items import FindStudies, Item, SweepWindow, TransferStudy
from adit.transfer.mass.criteria import Criteria
from adit.transfer.plan import Plan
from tests.jobs.fakes import a_user, administrator, permit, process, two_servers
from tests.jobs.memories import Memories
from tests.nodes.making import server
from tests.peers.data import ct_study

pytestmark = pytest.mark.django_db(transaction=True)

TUESDAY_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
EVENINGS = {"zone": "UTC", "open": [{"days": ["tue"], "from": "18:00", "until": "20:00"}]}

IN_BATCHES = ("can_query_in_batches", "can_transfer_in_batches", "can_transfer_in_mass")


@pytest.fixture(autouse=True)
def nodes() -> tuple[Node, Node]:
    return two_servers(max_associations=20)


@pytest.fixture(autouse=True)
def places() -> None:
    Worker.objects.create(name="w", host="h", pid=1, places=50, alive_until=timezone.now() + timedelta(hours=1))


def studies(count: int, *, lines: bool = True) -> tuple[TransferStudy, ...]:
    return tuple(
        TransferStudy(UID(f"1.2.3.{number}"), patient_id=f"P{number}", lines=(number,) if lines else ())
        for number in range(1, count + 1)
    )


def items_of(kind: str, tasks: int) -> tuple[Item, ...]:
    match kind:
        case "batch_query":
            return tuple(FindStudies((QueryRow((line,), patient_id=f"P{line}"),)) for line in range(2, tasks + 2))
        case "batch_check":
            return tuple(check for study in studies(tasks) for check in checks_of([study]))
        case "mass":
            days = (datetime(2020, 1, day) for day in range(1, tasks + 1))  # noqa: DTZ001  in the time of the source
            return tuple(SweepWindow(day, day + timedelta(hours=23), Criteria()) for day in days)
    return studies(tasks, lines=kind != "selective")


def ordered(kind: str, tasks: int = 1, *, by: User | None = None, **values: object) -> Job:
    destination = values.pop("destination", "" if kind == "batch_query" else "B")
    source = values.pop("source", "A")
    return submit(Plan(kind, source, destination, items_of(kind, tasks), **values), by=by or administrator())


def starting(count: int | None = None, *, now: datetime = TUESDAY_NOON) -> list[tuple[str, bool]]:
    """The next tasks that start, as their kinds and whether they are urgent; all that can, without *count*."""
    found = []
    while (count is None or len(found) < count) and (claimed := claim("w", lease=45, now=now)):
        job = Job.objects.get(pk=claimed.job)
        found.append((job.kind, job.urgent))
    return found


def owners(count: int) -> list[str]:
    return [Job.objects.get(pk=claim("w", lease=45, now=TUESDAY_NOON).job).owner.username for _ in range(count)]


def why(job: Job, *, now: datetime = TUESDAY_NOON) -> str:
    return why_waiting(job.tasks.filter(status="pending").last(), now=now)


def somebody(name: str) -> User:
    return permit(a_user(name), *IN_BATCHES)


class TestPriority:
    def test_is_urgent_before_normal_and_by_kind_within(self):
        for kind in ("mass", "batch_transfer", "batch_check", "batch_query", "selective"):
            ordered(kind)
        for kind in ("batch_transfer", "batch_check", "batch_query", "selective"):
            ordered(kind, urgent=True)

        urgent = ["selective", "batch_query", "batch_check", "batch_transfer"]
        assert starting() == [
            *((kind, True) for kind in urgent),
            *((kind, False) for kind in (*urgent, "mass")),
        ]

    def test_can_be_changed_later_for_what_has_not_started(self):
        batch = ordered("batch_transfer", 3)
        selective = ordered("selective", 2)
        assert starting(1) == [("selective", False)]

        perform(Action.MAKE_URGENT, batch, by=administrator())
        assert starting(1) == [("batch_transfer", True)]
        perform(Action.MAKE_NORMAL, batch, by=administrator())

        assert starting() == [("selective", False), ("batch_transfer", False), ("batch_transfer", False)]
        assert not selective.tasks.filter(status="pending").exists()

    def test_says_how_many_go_before(self):
        Worker.objects.update(places=1)
        batch = ordered("batch_transfer")
        ordered("selective", 2)
        starting(1)

        assert why(batch) == "all 1 places of the workers are taken, 1 before yours"


class TestFairness:
    def test_is_for_the_owner_with_the_fewest_running_tasks(self):
        ordered("batch_transfer", 4, by=somebody("ann"))
        ordered("batch_transfer", 2, by=somebody("ben"))
        ordered("batch_transfer", 1, by=somebody("cat"))

        assert owners(7) == ["ann", "ben", "cat", "ann", "ben", "ann", "ann"]

    def test_counts_running_tasks_of_all_kinds(self):
        ann, ben = somebody("ann"), somebody("ben")
        ordered("selective", 2, by=ann)
        assert owners(2) == ["ann", "ann"]
        ordered("batch_transfer", 3, by=ann)
        ordered("batch_transfer", 3, by=ben)

        assert owners(4) == ["ben", "ben", "ann", "ben"]

    def test_comes_after_priority(self):
        ordered("batch_query", 3, by=somebody("ann"))
        ordered("mass", 2, by=somebody("ben"))

        assert owners(5) == ["ann", "ann", "ann", "ben", "ben"]


class TestTheMaximumOfAServer:
    def test_keeps_one_association_for_what_somebody_waits_for(self):
        Node.objects.update(max_associations=3)
        batch = ordered("batch_transfer", 4)
        mass = ordered("mass", 2)

        assert starting() == [("batch_transfer", False)] * 2
        assert why(batch) == "2 of 2 places of A taken, 1 before yours"
        assert why(mass) == "2 of 2 places of A taken, 3 before yours"
        ordered("selective", 2)
        assert starting() == [("selective", False)]

    def test_does_not_hold_what_goes_between_other_servers(self):
        server("C", max_associations=5)
        server("D", max_associations=5)
        Node.objects.filter(name="A").update(max_associations=1)
        ordered("batch_transfer", 3)
        ordered("mass", 2, source="C", destination="D")

        assert sorted(starting()) == [("batch_transfer", False), ("mass", False), ("mass", False)]

    def test_counts_queries_at_the_source_alone(self):
        Node.objects.filter(name="B").update(max_associations=1)
        ordered("batch_transfer", 2)
        ordered("batch_query", 2)
        ordered("batch_check", 2)

        assert starting() == [
            *[("batch_query", False)] * 2,
            *[("batch_check", False)] * 2,
            ("batch_transfer", False),
        ]


class TestAWindow:
    def test_holds_batch_and_mass_until_it_opens(self):
        Node.objects.filter(name="B").update(windows=EVENINGS)
        batch, mass = ordered("batch_transfer"), ordered("mass")
        ordered("selective")
        ordered("batch_query")

        # A query has nothing to do with the destination, a sweep of a mass transfer neither.
        assert starting() == [("selective", False), ("batch_query", False), ("mass", False)]
        assert why(batch) == "waits for B's window, opens 18:00"
        assert not mass.tasks.filter(status="pending").exists()
        assert starting(now=TUESDAY_NOON.replace(hour=18)) == [("batch_transfer", False)]

    def test_of_the_source_holds_queries_and_sweeps_too(self):
        Node.objects.filter(name="A").update(windows=EVENINGS)
        jobs = [ordered(kind) for kind in ("mass", "batch_transfer", "batch_check", "batch_query")]
        ordered("selective")

        assert starting() == [("selective", False)]
        assert {why(job) for job in jobs} == {"waits for A's window, opens 18:00"}
        evening = starting(now=TUESDAY_NOON.replace(hour=19, minute=59))
        assert [kind for kind, _ in evening] == ["batch_query", "batch_check", "batch_transfer", "mass"]

    def test_can_hold_everything(self):
        Node.objects.filter(name="A").update(windows=EVENINGS, windows_hold_all=True)
        selective = ordered("selective")

        assert starting() == []
        assert why(selective) == "waits for A's window, opens 18:00"


class TestSuspending:
    def test_a_kind_holds_its_tasks_and_no_others(self):
        batch = ordered("batch_transfer", 2, urgent=True)
        ordered("mass")
        assert starting(1) == [("batch_transfer", True)]

        change(BATCH_TRANSFER, by=administrator(), suspended_reason="the storage is moved")
        assert starting() == [("mass", False)]
        assert "the storage is moved" in why(batch)
        assert batch.tasks.filter(status="in progress").count() == 1
        change(BATCH_TRANSFER, by=administrator(), suspended_reason="")

        assert starting() == [("batch_transfer", True)]

    def test_a_server_holds_what_needs_it_and_resuming_keeps_the_order(self):
        server("C", max_associations=5)
        destination = Node.objects.get(name="B")
        batch = ordered("batch_transfer", 2)
        ordered("batch_transfer", 1, destination="C")
        ordered("batch_query")
        assert starting(1) == [("batch_query", False)]

        suspend(destination, by=administrator(), reason="upgrade", now=TUESDAY_NOON)
        ordered("selective")
        assert starting() == [("batch_transfer", False)]
        assert why(batch) == "waits while B is suspended: upgrade"
        resume(destination, by=administrator())

        assert [kind for kind, _ in starting()] == ["selective", "batch_transfer", "batch_transfer"]


class TestAFolderThatIsFull:
    def test_lets_its_tasks_wait_and_those_of_others_go_on(self):
        large, small = ct_study(series=1, instances=3, size=8192, name="large"), ct_study(instances=1, name="small")
        memories = Memories(A=(large, small))
        memories.break_off("B", Faults(room=9000))
        server("C")
        items = [TransferStudy(UID(study.uid), lines=(line,)) for line, study in ((2, large), (3, small))]
        limits = Limits(lease=45, heartbeat=10, no_progress=600, waits=(60.0, 60.0, 60.0))
        first = submit(Plan("batch_transfer", "A", "B", (items[0],)), by=administrator())
        second = submit(Plan("batch_transfer", "A", "C", (items[1],)), by=administrator())

        process(memories, places=1, limits=limits).work()

        assert [Job.objects.get(pk=job.pk).status for job in (first, second)] == ["pending", "success"]
        assert Task.objects.get(job=first).attempts == 1
        assert "is tried again at" in why_waiting(first.tasks.get(), now=timezone.now())
