import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from adit.audit.models import Event
from adit.dicom.errors import Full, Refused, Unreachable
from adit.dicom.protocols import Outcome, Receipt
from adit.jobs.actions import perform
from adit.jobs.models import Entry, Job, Task
from adit.jobs.process import Limits
from adit.jobs.states import Action
from adit.jobs.submit import submit
from adit.nodes.contact import Contact, contact_of
from adit.nodes.models import Access, Node, Slot
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan, Pseudonymising
from tests.jobs.fakes import Archives, a_user, administrator, process, refs_of, study_uid, submitted, two_servers

pytestmark = pytest.mark.django_db(transaction=True)

STUDY = study_uid(1)
SLOW = Limits(lease=45, heartbeat=10, no_progress=600, waits=(100.0, 100.0, 100.0))


@pytest.fixture
def archives():
    two_servers()
    archives = Archives()
    archives["A"].held[STUDY] = refs_of(STUDY, instances=5)
    return archives


def run(archives, **values) -> Task:
    process(archives, **values).work()
    assert not Slot.objects.held().exists()
    return Task.objects.get()


class TestATask:
    def test_succeeds_with_its_numbers_and_forgets_the_uids_it_needed_to_go_on(self, archives):
        submitted()

        task = run(archives)

        entry = task.entries.get()
        assert (task.status, task.message) == ("success", "5 of 5 instances stored and confirmed")
        assert (entry.expected, entry.received, entry.stored, entry.confirmed, entry.size) == (5, 5, 5, 5, 500)
        assert (entry.stored_instances, entry.excluded_instances) == (None, None)
        assert entry.left_at is not None
        assert task.seconds < 5
        assert Job.objects.get().ended_at is not None
        assert Event.objects.filter(action="job.ended", job=task.job_id).count() == 1

    def test_shows_that_its_nodes_answer(self, archives):
        submitted()

        run(archives)

        assert {contact_of(node) for node in Node.objects.all()} == {Contact.ANSWERS}

    def test_shows_that_a_node_is_silent_and_why(self, archives):
        def is_gone(number, cancel):
            raise Unreachable("no connection")

        archives["A"].before = is_gone
        submitted()

        run(archives, limits=SLOW)

        assert [contact_of(node) for node in Node.objects.order_by("name")] == [Contact.SILENT, Contact.UNKNOWN]
        assert Node.objects.get(name="A").silent_because.startswith("A: no connection")

    def test_says_so_when_the_destination_cannot_be_asked(self, archives):
        archives["B"].verifiable = False
        submitted()

        task = run(archives)

        assert task.status == "success"
        assert "cannot be asked" in task.message
        assert task.entries.get().confirmed is None

    def test_keeps_where_the_study_lies_for_every_later_attempt(self, archives):
        job = submitted()

        task = run(archives)

        assert task.item["layout"]["job"] == f"adit_selective_{job.pk}_{job.created_at:%Y%m%d}_local-tester"
        assert task.patient_id == "P1"

    def test_comes_back_after_a_transient_error_and_sends_only_what_is_missing(self, archives):
        def breaks_once(number, cancel):
            if number == 4:
                raise Unreachable("the connection broke off")

        archives["A"].before = breaks_once
        submitted()

        task = run(archives)

        assert task.status == "success"
        assert sorted(archives["B"].stored) == sorted(archives["A"].held[STUDY])

    def test_waits_before_it_comes_back_and_says_why(self, archives):
        def is_gone(number, cancel):
            raise Unreachable("no connection")

        archives["A"].before = is_gone
        submitted()

        task = run(archives, limits=SLOW)

        assert (task.status, task.failures, task.attempts) == ("pending", 1, 1)
        assert 60 < (task.not_before - timezone.now()).total_seconds() < 140
        assert task.waits_because == (
            "A: no connection (can be mended by the administrator of the PACS or of the network)"
        )

    def test_fails_after_four_attempts_with_the_node_and_who_can_mend_it(self, archives):
        def is_gone(number, cancel):
            raise Unreachable("no connection")

        archives["A"].before = is_gone
        submitted()

        task = run(archives)

        assert (task.status, task.attempts) == ("failure", 4)
        assert "A: no connection (can be mended by the administrator of the PACS" in task.message
        assert Job.objects.get().status == "failure"

    def test_does_not_come_back_after_a_permanent_error(self, archives):
        submitted([study_uid(99)])

        task = run(archives)

        assert (task.status, task.attempts) == ("failure", 1)
        assert f"A: study {study_uid(99)} is unknown there" in task.message

    def test_is_a_warning_when_one_instance_is_refused_for_good(self, archives):
        def refuses(number, ref):
            if ref.instance.endswith(".3"):
                return Receipt(ref, Outcome.REFUSED, 100, "does not fit the SOP class (0xA900)")
            return None

        archives["B"].taking = refuses
        submitted()

        task = run(archives)

        entry = task.entries.get()
        assert (task.status, task.attempts) == ("warning", 1)
        assert (entry.stored, entry.failed, entry.reasons) == (4, 1, {"does not fit the SOP class (0xA900)": 1})
        assert task.message.startswith("4 of 5 instances stored; 1 failed")

    def test_is_a_failure_when_a_destination_takes_nothing(self, archives):
        archives["B"].taking = lambda number, ref: Receipt(ref, Outcome.REFUSED, 100, "not wanted")
        submitted()

        assert run(archives).status == "failure"

    def test_waits_for_room_without_counting_that_as_a_failure(self, archives):
        def is_full(number, ref):
            raise Full("the quota of 1 GB is used up")

        archives["B"].taking = is_full
        submitted()

        task = run(archives, limits=SLOW)

        assert (task.status, task.failures) == ("pending", 0)
        assert task.waits_because.startswith("B: the quota of 1 GB is used up")
        assert Job.objects.get().status == "pending"

    def test_that_refuses_the_association_for_good_names_the_destination(self, archives):
        def refuses(number, ref):
            raise Refused("out of order", status=0xC000)

        archives["B"].taking = refuses
        submitted()

        assert "B: out of order (0xC000)" in run(archives).message

    def test_fails_when_access_was_withdrawn_and_runs_when_it_is_restored(self, archives):
        user = a_user()
        job = submitted(by=user)
        Access.objects.filter(node__name="B").update(destination=False, source=True)

        task = run(archives)
        assert task.status == "failure"
        assert task.message.startswith("access withdrawn: ann")
        assert not archives["B"].stored

        Access.objects.update(destination=True)
        perform(Action.RETRY, job, by=user)
        assert run(archives).status == "success"

    def test_with_an_item_of_a_later_release_fails_and_says_so(self, archives):
        submitted()
        Task.objects.update(item={"version": 99})

        task = run(archives)

        assert task.status == "failure"
        assert "version 99" in task.message

    def test_of_a_job_whose_treatment_cannot_be_read_fails_and_sends_nothing(self, archives):
        item = TransferStudy(STUDY, patient_id="P1", pseudonym="X-01")
        submit(Plan("selective", "A", "B", (item,), pseudonymising=Pseudonymising()), by=administrator())
        treating = Job.objects.get().options["treating"]
        Job.objects.update(options={"treating": treating | {"blur_faces": True}})

        task = run(archives)

        assert (task.status, archives["B"].stored) == ("failure", [])
        assert "cannot be read by this release" in task.message

    def test_whose_key_cannot_be_read_fails_and_says_who_can_mend_it(self, archives, settings):
        item = TransferStudy(STUDY, patient_id="P1", pseudonym="X-01")
        submit(Plan("selective", "A", "B", (item,), pseudonymising=Pseudonymising()), by=administrator())
        settings.ADIT_SECRET_KEYS = (Fernet.generate_key().decode(),)

        task = run(archives)

        assert (task.status, archives["B"].stored) == ("failure", [])
        assert "cannot be decrypted" in task.message
        assert "can be mended by the administrator of ADIT" in task.message

    def test_ends_even_when_an_endpoint_raises_what_nobody_expected(self, archives):
        def stumbles(number, ref):
            raise ZeroDivisionError

        archives["B"].taking = stumbles
        submitted()

        task = run(archives)

        assert task.status == "failure"
        assert "ADIT stumbled" in task.message


class TestARetry:
    def test_sends_only_what_is_missing(self, archives):
        refused = {"on": True}

        def refuses(number, ref):
            if refused["on"] and ref.instance.endswith(".3"):
                return Receipt(ref, Outcome.REFUSED, 100, "no")
            return None

        archives["B"].taking = refuses
        job = submitted()
        assert run(archives).status == "warning"
        refused["on"] = False
        archives["B"].stored.clear()

        perform(Action.RETRY, job, by=administrator())
        task = run(archives)

        assert task.status == "success"
        assert [ref.instance for ref in archives["B"].stored] == [f"{STUDY}.1.3"]
        assert (task.entries.get().stored, task.entries.get().confirmed) == (5, 5)


class TestARestart:
    def test_sends_everything_again(self, archives):
        job = submitted()
        run(archives)
        archives["B"].stored.clear()

        perform(Action.RESTART, job, by=administrator())
        task = run(archives)

        assert (task.status, task.attempts) == ("success", 1)
        assert len(archives["B"].stored) == 5
        assert Entry.objects.count() == 1
