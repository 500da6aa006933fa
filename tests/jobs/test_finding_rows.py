"""Tasks that ask for rows of a file, through the queue and a worker."""

from __future__ import annotations

import pytest
from django.utils import timezone

from adit.accounts.verdict import Denied
from adit.audit.models import Event
from adit.dicom.errors import Refused, Unreachable
from adit.dicom.refs import Level
from adit.jobs.actions import perform
from adit.jobs.batch_queries import items_of
from adit.jobs.claim import claim
from adit.jobs.models import Found, Job, KindSetting, Line, Task
from adit.jobs.process import Limits
from adit.jobs.states import Action
from adit.jobs.upkeep import tidy
from adit.nodes.models import Access, Node, Slot
from adit.nodes.windows import DAYS
from adit.transfer.batches.rows import QueryRow
from tests.jobs.asking import Registers, asked, outcomes, rows_of
from tests.jobs.fakes import a_user, permit, two_servers
from tests.transfer.register import Register, series

SLOW = Limits(lease=45, heartbeat=10, no_progress=600, waits=(100.0, 100.0, 100.0))


def gone(query, cancel):
    raise Unreachable("no connection")


@pytest.fixture
def register():
    two_servers()
    return Register([series("1.1", "P1"), series("1.2", "P1"), series("2.1", "P2")])


class TestRows:
    def test_stand_in_blocks_of_25_in_the_order_of_the_file(self):
        items = items_of(rows_of(*(f"P{n}" for n in range(60))))

        assert [len(item.rows) for item in items] == [25, 25, 10]
        assert [line for item in items for line in item.lines] == list(range(2, 62))

    def test_of_one_patient_stand_in_one_block(self):
        rows = rows_of(*(f"P{n % 20}" for n in range(60)))

        blocks = [{row.patient_id for row in item.rows} for item in items_of(rows)]

        assert [len(block) for block in blocks] == [8, 8, 4]
        assert not blocks[0] & blocks[1]

    def test_of_a_patient_with_many_fill_several_blocks(self):
        assert [len(item.rows) for item in items_of(rows_of("P0", *(["P1"] * 60)))] == [1, 25, 25, 10]


@pytest.mark.django_db(transaction=True)
class TestATask:
    def test_answers_its_rows(self, register):
        job = asked(rows_of("P1", "P2", "P9"))

        registers = Registers(register)
        registers.process().work()

        task = Task.objects.get()
        assert (task.status, task.message) == ("success", "3 lines: 2 found, 1 not found")
        assert outcomes(job) == {2: "found", 3: "found", 4: "not found"}
        found = Found.objects.filter(line__number=2).order_by("position")
        assert [(one.position, one.study_uid, one.patient_id, one.series_count) for one in found] == [
            (1, "1.1", "P1", 1),
            (2, "1.2", "P1", 1),
        ]
        job = Job.objects.get()
        assert (job.status, job.message) == ("success", "3 lines: 2 found, 1 not found")
        assert registers.associations == [1]
        assert not Slot.objects.held().exists()

    def test_records_who_was_looked_for(self, register):
        job = asked(rows_of("P1", "P9"))

        Registers(register).process().work()

        events = Event.objects.filter(action="search", job=job.pk).order_by("pk")
        assert [(event.patient_id, event.details) for event in events] == [
            ("P1", {"line": 2, "result": "found", "found": 2}),
            ("P9", {"line": 3, "result": "not found", "found": 0}),
        ]
        assert {event.actor for event in events} == {"local:tester"}

    def test_keeps_the_series_that_were_found(self, register):
        asked(rows_of("P1", series_numbers=("1",)))

        Registers(register).process().work()

        assert [(one.study_uid, one.series_uid, one.series_number) for one in Found.objects.order_by("position")] == [
            ("1.1", "1.1.1", "1"),
            ("1.2", "1.2.1", "1"),
        ]

    def test_bears_what_no_database_takes(self, register):
        register.held = [series("1.1", "P1", "Doe\0^John", StudyDescription="a\0b")]
        asked(rows_of("P1"))

        Registers(register).process().work()

        found = Found.objects.get()
        assert (found.patient_name, found.study_description) == ("Doe^John", "ab")

    def test_takes_one_place_of_a_server_that_has_many(self, register):
        Node.objects.filter(name="A").update(max_associations=8)
        held = []
        register.before = lambda query, cancel: held.append(Slot.objects.held().count())
        asked(rows_of("P1"))

        Registers(register).process().work()

        assert held == [1]

    def test_goes_on_where_it_broke_off(self, register):
        def breaks_once(query, cancel):
            if query.value("PatientID") == "P2" and len(register.asked) == 2:
                gone(query, cancel)

        register.before = breaks_once
        job = asked(rows_of("P1", "P2", "P3"))

        Registers(register).process().work()

        assert outcomes(job) == {2: "found", 3: "found", 4: "not found"}
        assert [query.value("PatientID") for query in register.asked] == ["P1", "P2", "P3", "P2"]
        assert Task.objects.get().attempts == 2

    def test_waits_before_it_comes_back_and_keeps_what_it_has(self, register):
        register.before = lambda query, cancel: query.value("PatientID") == "P2" and gone(query, cancel)
        job = asked(rows_of("P1", "P2", "P3"))

        Registers(register).process(limits=SLOW).work()

        task = Task.objects.get()
        assert (task.status, task.failures) == ("pending", 1)
        assert task.not_before > timezone.now()
        assert task.waits_because.startswith("A: no connection (can be mended by")
        assert outcomes(job) == {2: "found", 3: "pending", 4: "pending"}

    def test_lets_no_row_wait_for_one_that_the_server_cannot_bear(self, register):
        register.before = lambda query, cancel: query.value("PatientID") == "P1" and gone(query, cancel)
        job = asked(rows_of("P1", "P2", "P3"))

        Registers(register).process().work()

        task = Task.objects.get()
        assert (task.status, task.attempts) == ("warning", 4)
        assert outcomes(job) == {2: "failed", 3: "found", 4: "not found"}
        assert Line.objects.get(number=2).reason.startswith("A: no connection (can be mended by")
        assert task.message.startswith("3 lines: 1 found, 1 not found, 1 failed; A: no connection")

    def test_fails_when_the_server_is_gone(self, register):
        register.before = gone
        job = asked(rows_of("P1", "P2"))

        Registers(register).process().work()

        task = Task.objects.get()
        assert (task.status, task.attempts) == ("failure", 4)
        assert task.message.startswith("A: no connection")
        assert outcomes(job) == {2: "failed", 3: "failed"}
        assert Job.objects.get().message == "2 lines: 2 failed"

    def test_fails_for_one_row_only_when_the_server_refuses_that(self, register):
        def refuses(query, cancel):
            if query.value("PatientID") == "P1":
                raise Refused("it does not understand the query", status=0xC000)

        register.before = refuses
        job = asked(rows_of("P1", "P2"))

        Registers(register).process().work()

        task = Task.objects.get()
        assert (task.status, task.attempts, task.message) == ("warning", 1, "2 lines: 1 found, 1 failed")
        assert outcomes(job) == {2: "failed", 3: "found"}
        assert Line.objects.get(number=2).reason == (
            "A: it does not understand the query (0xC000) (can be mended by the administrator of the PACS)"
        )

    def test_does_not_ask_a_server_for_ever_that_refuses_everything(self, register):
        def refuses(query, cancel):
            raise Refused("it does not understand the query", status=0xC000)

        register.before = refuses
        job = asked(rows_of(*(f"P{n}" for n in range(25))))

        Registers(register).process().work()

        assert len(register.asked) == 3
        assert set(outcomes(job).values()) == {"failed"}
        assert Task.objects.get().status == "failure"

    def test_says_what_the_limit_of_its_server_cut_off(self, register):
        register.held = [series(f"1.{n}", "P1") for n in range(30)]
        register.most = 10
        Node.objects.filter(name="A").update(result_limit=10)
        asked(rows_of("P1"))

        Registers(register).process().work()

        line = Line.objects.get()
        assert (line.outcome, line.found.count()) == ("found", 10)
        assert "may have more than 10: narrow the line" in line.reason

    def test_is_stopped_with_its_job_and_keeps_what_it_has(self, register):
        def cancels(query, cancel):
            if query.value("PatientID") == "P3":
                perform(Action.CANCEL, job, by=job.owner)
                cancel.wait(5)

        register.before = cancels
        job = asked(rows_of("P1", "P2", "P3"))
        process = Registers(register).process(limits=Limits(lease=45, heartbeat=0.05, no_progress=600, waits=()))
        process.start()
        try:
            process.work()
        finally:
            process.stop()
            process.finish()

        assert Job.objects.get().status == "canceled"
        assert outcomes(job) == {2: "found", 3: "found", 4: "pending"}
        assert Task.objects.get().message == "canceled: 3 lines: 1 pending, 2 found"

    def test_writes_nothing_when_somebody_else_has_it(self, register):
        def lost(query, cancel):
            Task.objects.update(claim=Task.objects.get().claim + 1)

        register.before = lost
        job = asked(rows_of("P1", "P2"))

        Registers(register).process().work()

        assert outcomes(job) == {2: "pending", 3: "pending"}
        assert not Found.objects.exists()
        assert not Event.objects.filter(action="search").exists()

    def test_needs_access_until_it_runs(self, register):
        ann = permit(a_user(), "can_query_in_batches")
        job = asked(rows_of("P1"), by=ann)
        Access.objects.all().delete()

        Registers(register).process().work()

        assert Task.objects.get().message.startswith("access withdrawn")
        assert not register.asked
        assert outcomes(job) == {2: "failed"}


@pytest.mark.django_db(transaction=True)
class TestAsking:
    def test_again_asks_only_for_what_failed(self, register):
        def refuses(query, cancel):
            if query.value("PatientID") == "P2":
                raise Refused(status=0xC000)

        register.before = refuses
        job = asked(rows_of("P1", "P2"))
        Registers(register).process().work()
        register.asked.clear()
        register.before = lambda query, cancel: None

        perform(Action.RETRY, job, by=job.owner)
        Registers(register).process().work()

        assert [query.value("PatientID") for query in register.asked] == ["P2"]
        assert outcomes(job) == {2: "found", 3: "found"}
        assert Job.objects.get().status == "success"

    def test_from_scratch_replaces_what_was_found(self, register):
        job = asked(rows_of("P1", "P2"))
        Registers(register).process().work()
        register.held = [series("1.3", "P1")]

        perform(Action.RESTART, job, by=job.owner)
        assert outcomes(job) == {2: "pending", 3: "pending"}
        Registers(register).process().work()

        assert outcomes(job) == {2: "found", 3: "not found"}
        assert [one.study_uid for one in Found.objects.all()] == ["1.3"]

    def test_takes_two_queries_of_a_patient_known_by_name_for_many_rows(self, register):
        born = series("1.1")["PatientBirthDate"]
        rows = [
            QueryRow((line,), patient_name="Doe^John", birth_date=timezone.datetime.strptime(born, "%Y%m%d").date(),
                     modalities=(modality,))
            for line, modality in enumerate(("CT", "MR", "US"), 2)
        ]  # fmt: skip
        register.held = [series("1.1"), series("1.2", modality="MR")]
        job = asked(rows)

        Registers(register).process().work()

        assert outcomes(job) == {2: "found", 3: "found", 4: "not found"}
        assert [query.level for query in register.asked] == [Level.STUDY]


@pytest.mark.django_db(transaction=True)
class TestAFile:
    def test_with_many_lines_waits_for_verification_however_few_its_tasks_are(self, register):
        KindSetting.objects.create(kind="batch_query", limit=3)
        ann = permit(a_user(), "can_query_in_batches")

        few, many = asked(rows_of("P1", "P2", "P3"), by=ann), asked(rows_of("P1", "P2", "P3", "P4"), by=ann)

        assert (few.status, many.status) == ("pending", "unverified")
        assert many.tasks.count() == 1

    def test_needs_the_permission_to_ask_by_a_file(self, register):
        with pytest.raises(Denied, match="batch query"):
            asked(rows_of("P1"), by=a_user())

    def test_needs_a_server_that_can_be_searched_until_it_runs(self, register):
        asked(rows_of("P1"))
        Node.objects.filter(name="A").update(find_study=False)

        Registers(register).process().work()

        assert Task.objects.get().message == "A can do neither C-FIND nor QIDO, so it cannot be searched."
        with pytest.raises(Denied, match="cannot be searched"):
            asked(rows_of("P1"))


@pytest.mark.django_db(transaction=True)
class TestAWindow:
    def test_holds_batch_queries(self, register):
        later = DAYS[(timezone.now().weekday() + 3) % 7]
        opens = {"zone": "UTC", "open": [{"days": [later], "from": "00:00", "until": "00:01"}]}
        Node.objects.filter(name="A").update(windows=opens)
        asked(rows_of("P1"))

        Registers(register).process().work()

        assert not register.asked
        assert Task.objects.get().status == "pending"


@pytest.mark.django_db(transaction=True)
class TestATaskThatItsWorkerLeft:
    def left(self, *, failures: int) -> None:
        """One of two lines was answered, and the worker died then."""
        asked(rows_of("P1", "P2"))
        assert claim("dead", lease=-1, now=timezone.now())
        Line.objects.filter(number=2).update(outcome="found")
        Task.objects.update(failures=failures, attempts=failures + 1)

    def test_asks_for_the_rest(self, register):
        self.left(failures=0)

        tidy(waits=(0, 0, 0))
        Registers(register).process().work()

        assert [query.value("PatientID") for query in register.asked] == ["P2"]
        assert Task.objects.get().message == "2 lines: 2 found"

    def test_ends_at_last_with_what_it_has(self, register):
        self.left(failures=3)

        tidy(waits=(0, 0, 0))

        task, line = Task.objects.get(), Line.objects.get(number=3)
        assert (task.status, Job.objects.get().status) == ("warning", "warning")
        assert task.message == "2 lines: 1 found, 1 failed; the worker process that ran it died"
        assert (line.outcome, line.reason) == ("failed", task.message)
        assert not register.asked
