"""Mass transfers: partitions are searched, and what they hold becomes tasks of the same job."""

from __future__ import annotations

import pytest
from django.utils import timezone

from adit.accounts.verdict import Denied
from adit.audit.models import Event
from adit.dicom.errors import Unreachable
from adit.jobs.actions import perform, perform_on_task
from adit.jobs.claim import claim
from adit.jobs.mass import Order, estimated, may_estimate, plan_of
from adit.jobs.models import Job, Task
from adit.jobs.process import Limits
from adit.jobs.states import Action, TaskAction
from adit.jobs.submit import BadPlan, submit
from adit.jobs.upkeep import tidy
from adit.nodes.models import Access, Node
from adit.projects.models import Alias
from adit.transfer.items import SweepWindow, TransferStudy
from adit.transfer.mass.criteria import Filter
from adit.transfer.mass.partitions import Partition
from tests.jobs.catalogue import Catalogued, a_study, a_sweep, ordered
from tests.jobs.fakes import a_user, administrator, permit, process, two_servers
from tests.jobs.pseudonymised import a_project

pytestmark = pytest.mark.django_db(transaction=True)

MR = Filter("modality", ("MR",))


@pytest.fixture(autouse=True)
def nodes():
    return two_servers()


def sweeps(job: Job):
    return Task.objects.filter(job=job, work=SweepWindow.work)


def transfers(job: Job):
    return Task.objects.filter(job=job, work=TransferStudy.work)


def ended(archives, job: Job) -> Job:
    process(archives, places=1).work()
    job.refresh_from_db()
    return job


class TestAMassTransfer:
    def test_moves_everything_of_its_days(self):
        archives = Catalogued([a_study(n, f"202001{5 + n:02d}") for n in range(1, 10)])

        job = ended(archives, ordered())

        assert (job.status, job.message) == (
            "success",
            "1 of 1 partition searched; 7 of 7 studies complete; 14 instances stored",
        )
        assert set(archives["B"].held) == {f"1.2.3.{n}" for n in range(1, 8)}

    def test_says_of_each_partition_what_was_found_and_why_the_rest_stays(self):
        archives = Catalogued([a_study(1), a_study(2, modalities="MR"), a_study(3, modalities="MR\\SR")])

        job = ended(archives, ordered(Filter("modality", ("C*",))))

        sweep = sweeps(job).get()
        assert sweep.message == "1 of 3 studies to be moved"
        assert sweep.notes == ["2 left out: Modality of the study is C*", "1 query"]
        assert list(transfers(job).values_list("study_uid", "parent")) == [("1.2.3.1", sweep.pk)]

    def test_with_nothing_to_move_is_a_success(self):
        job = ended(Catalogued([]), ordered())

        assert (job.status, job.message) == ("success", "1 of 1 partition searched, nothing found")

    def test_moves_the_series_that_its_filters_choose(self):
        series = tuple(
            (("SeriesInstanceUID", f"1.2.3.1.{n}"), ("SeriesDescription", name), ("Modality", "CT"))
            for n, name in ((1, "scout"), (2, "axial"))
        )
        archives = Catalogued([a_study(1, series=series)])

        job = ended(archives, ordered(Filter("series_description", ("*Scout*",), exclude=True)))

        assert transfers(job).get().item["series"] == ["1.2.3.1.2"]
        assert {ref.series for ref in archives["B"].stored} == {"1.2.3.1.2"}

    def test_moves_a_study_once_whatever_the_number_of_partitions_that_give_it(self):
        archives = Catalogued([a_study(1), a_study(2, "20200107")], ignores=frozenset(("StudyDate",)))

        job = ended(archives, ordered(sweep=a_sweep(by=Partition.DAILY)))

        assert job.status == "success"
        assert transfers(job).count() == 2

    def test_is_never_urgent(self):
        order = Order("A", "B", a_sweep())
        plan = plan_of(order)

        with pytest.raises(Denied, match="never urgent"):
            submit(type(plan)(**{**{f: getattr(plan, f) for f in plan.__slots__}, "urgent": True}), by=administrator())

    def test_needs_a_destination(self):
        with pytest.raises(BadPlan, match="destination"):
            submit(plan_of(Order("A", "", a_sweep())), by=administrator())

    def test_is_for_those_who_may(self):
        ann = a_user()

        with pytest.raises(Denied, match="mass transfer"):
            ordered(by=ann)


class TestAPartition:
    def test_that_cannot_be_searched_completely_fails_and_moves_what_was_found(self):
        everything = frozenset(("StudyTime", "StudyInstanceUID", "ModalitiesInStudy", "PatientID"))
        archives = Catalogued([a_study(n) for n in range(1, 10)], most=5, ignores=everything)
        Node.objects.filter(name="A").update(result_limit=5)

        job = ended(archives, ordered())

        assert job.status == "failure"
        assert sweeps(job).get().message.startswith("A: it gives at most 5 answers to a query, and may have more of")
        assert transfers(job).filter(status="success").count() == 5
        assert (
            sweeps(job)
            .get()
            .message.split("(can be mended by ")[1]
            .startswith(
                "whoever asked for it: order these days again, with a filter on one modality at a time; or by the "
                "administrators of A: a higher limit of answers, then retry the job)"
            )
        )

    def test_of_a_modality_above_the_limit_ends_as_a_warning_that_says_what_is_missing_and_what_helps(self):
        archives = Catalogued(
            [a_study(n, time="") for n in range(1, 30)], most=5, literal=frozenset(("StudyInstanceUID",))
        )
        Node.objects.filter(name="A").update(result_limit=5)

        job = ended(archives, ordered())

        assert (job.status, sweeps(job).get().status) == ("warning", "warning")
        assert sweeps(job).get().message == (
            "A: it gives at most 5 answers to a query, and may have more of 2020-01-06 (CT): those that have neither a "
            "time of day nor a PatientID of plain letters cannot be asked for in smaller parts (can be mended by the "
            "administrators of A: a higher limit of answers, then retry the job; no filter asks for less than a "
            "modality of a day, but a batch query finds the rest by patient); 29 of 29 studies to be moved"
        )
        archives.catalogue.most = None
        Node.objects.filter(name="A").update(result_limit=None)
        perform(Action.RETRY, job, by=administrator())

        assert ended(archives, job).status == "success"
        assert transfers(job).count() == 29

    def test_that_is_cut_off_is_searched_in_parts(self):
        archives = Catalogued([a_study(n, time="" if n % 3 else "1200") for n in range(1, 30)], most=5)
        Node.objects.filter(name="A").update(result_limit=5)

        job = ended(archives, ordered())

        assert job.status == "success"
        assert transfers(job).count() == 29

    def test_that_was_searched_is_not_searched_again(self):
        archives = Catalogued([a_study(1), a_study(2, "20200107")])

        def fails_once(number, cancel):
            raise Unreachable("no connection")

        archives["A"].before = fails_once
        job = ended(archives, ordered(sweep=a_sweep(by=Partition.DAILY)))
        assert job.status == "failure"
        asked = len(archives.catalogue.asked)
        archives["A"].before = lambda number, cancel: None
        perform(Action.RETRY, job, by=administrator())

        assert ended(archives, job).status == "success"
        assert len(archives.catalogue.asked) == asked

    def test_is_searched_again_by_a_restart_and_no_study_becomes_two_tasks(self):
        archives = Catalogued([a_study(1)])
        job = ended(archives, ordered())
        archives.catalogue.studies = [a_study(1), a_study(2)]
        archives["A"].held.update({study.uid: archives["A"].held["1.2.3.1"] for study in archives.catalogue.studies})
        perform(Action.RESTART, job, by=administrator())

        ended(archives, job)

        assert sorted(transfers(job).values_list("study_uid", flat=True)) == ["1.2.3.1", "1.2.3.2"]
        assert "1 found before" in sweeps(job).get().notes

    def test_that_is_deleted_leaves_the_studies_that_it_found(self):
        job = ended(Catalogued([a_study(1)]), ordered())
        perform_on_task(TaskAction.RESET, sweeps(job).get(), by=administrator())

        perform_on_task(TaskAction.DELETE, sweeps(job).get(), by=administrator())

        assert transfers(job).get().status == "success"

    def test_adds_nothing_when_another_worker_has_it_by_now(self):
        archives = Catalogued([a_study(1)])
        job = ordered()

        def loses_its_lease():
            Task.objects.filter(job=job).update(claim=99)

        archives.catalogue.studies = Losing(archives.catalogue.studies, loses_its_lease)
        process(archives, places=1).work()

        assert not transfers(job).exists()
        assert sweeps(job).get().status == "in progress"

    def test_whose_worker_died_is_searched_by_another_and_every_study_goes_once(self):
        archives = Catalogued([a_study(n) for n in range(1, 4)])
        job = ordered()
        assert claim("dead", lease=0, now=timezone.now()) is not None

        assert tidy(waits=(0.0,))
        ended(archives, job)

        assert (job.status, sweeps(job).get().attempts) == ("success", 2)
        assert sorted(ref.study for ref in archives["B"].stored) == sorted(2 * [f"1.2.3.{n}" for n in range(1, 4)])

    def test_comes_back_when_the_source_is_away_for_the_moment(self):
        archives = Catalogued([a_study(1)])

        def is_gone():
            raise Unreachable("no connection")

        archives.catalogue.studies = Losing([], is_gone)
        job = ordered()
        process(archives, places=1, limits=Limits(lease=45, heartbeat=10, no_progress=600, waits=(100.0,))).work()

        sweep = sweeps(job).get()
        assert (sweep.status, sweep.failures) == ("pending", 1)
        assert sweep.waits_because.startswith("A: no connection")

    def test_of_a_job_that_is_canceled_meanwhile_adds_what_it_found_as_canceled(self):
        archives = Catalogued([a_study(1)])
        job = ordered()

        def is_canceled():
            Job.objects.filter(pk=job.pk).update(cancel_requested_at="2020-01-01T00:00Z", status="canceling")

        archives.catalogue.studies = Losing(archives.catalogue.studies, is_canceled)

        assert ended(archives, job).status == "canceled"
        assert transfers(job).get().status == "canceled"
        archives.catalogue.studies = []
        perform(Action.RESUME, job, by=administrator())
        assert ended(archives, job).status == "success"

    def test_is_not_searched_when_the_owner_may_not_send_any_more(self):
        ann = permit(a_user(), "can_transfer_in_mass")
        archives = Catalogued([a_study(1)])
        job = ordered(by=ann)
        Access.objects.filter(user=ann, node__name="B").delete()

        assert ended(archives, job).status == "failure"
        assert sweeps(job).get().message.startswith("access withdrawn")
        assert not archives.catalogue.asked

    def test_is_not_searched_when_the_owner_may_not_send_as_is_any_more(self):
        ann = permit(a_user(), "can_transfer_in_mass")
        job = ordered(by=ann)
        ann.user_permissions.clear()

        ended(archives := Catalogued([a_study(1)]), job)

        assert "pseudonymised studies only" in sweeps(job).get().message
        assert not archives.catalogue.asked

    def test_that_tells_nothing_of_what_is_asked_for_is_a_warning(self):
        archives = Catalogued([a_study(1)])

        job = ended(archives, ordered(Filter("institution", ("Clinic",))))

        assert (job.status, sweeps(job).get().message) == (
            "warning",
            "0 of 1 study to be moved; A tells of no study: institution name",
        )


class Losing(list):
    """Studies; something happens when they are looked through."""

    def __init__(self, studies, happens) -> None:
        super().__init__(studies)
        self._happens = happens

    def __iter__(self):
        self._happens()
        return super().__iter__()


class TestAPseudonymisedMassTransfer:
    def test_gives_every_patient_the_pseudonym_of_the_project(self):
        project = a_project()
        archives = Catalogued([a_study(1, patient="P1"), a_study(2, patient="P1"), a_study(3, patient="P2")])

        job = ended(archives, ordered(project="Stroke"))

        given = {task.study_uid: task.item["pseudonym"] for task in transfers(job)}
        assert given["1.2.3.1"] == given["1.2.3.2"] != given["1.2.3.3"]
        assert Alias.objects.filter(project=project).count() == 2
        assert all(task.item["treated"] for task in transfers(job))

    def test_leaves_out_what_has_no_patient_where_the_profile_wants_one_and_says_so(self):
        a_project()
        archives = Catalogued([a_study(1), a_study(2)])
        archives.catalogue.studies[1] = type(a_study(2))(a_study(2).uid, patient_id="")

        job = ended(archives, ordered(project="Stroke"))

        sweep = sweeps(job).get()
        assert sweep.status == "warning"
        assert "1 with no PatientID, and the profile research wants one" in sweep.message
        assert transfers(job).count() == 1

    def test_stops_giving_when_the_list_of_the_project_is_used_up(self):
        project = a_project(profile="trial")
        Alias.objects.create(project=project, pseudonym="T-001")
        archives = Catalogued([a_study(1), a_study(2)])

        job = ended(archives, ordered(project="Stroke"))

        assert transfers(job).get().item["pseudonym"] == "T-001"
        assert sweeps(job).get().message == (
            "1 of 2 studies to be moved; 1 with no pseudonym: the list of project Stroke is used up"
        )

    def test_is_what_users_without_the_permission_may_do(self):
        ann = permit(a_user(), "can_transfer_in_mass")
        ann.user_permissions.remove(*ann.user_permissions.filter(codename="can_transfer_unpseudonymized"))

        with pytest.raises(Denied, match="pseudonymised studies only"):
            ordered(by=ann)


class TestAnEstimate:
    def test_asks_by_queries_and_is_audited(self):
        archives = Catalogued([a_study(n, others=(("NumberOfStudyRelatedInstances", "100"),)) for n in range(1, 4)])

        found = estimated(a_sweep(), Node.objects.get(name="A"), archives.catalogue, by=administrator())

        assert (found.studies, found.instances, found.size, found.exact) == (3, 300, 159_000_000, True)
        event = Event.objects.get(action="mass.estimated")
        assert event.details["found"] == 3
        assert not Job.objects.exists()

    def test_is_for_those_who_may_send_in_mass_from_that_node(self):
        ann = a_user()
        node = Node.objects.get(name="A")

        assert "mass transfer" in may_estimate(node, user=ann, group=None).reason
        permit(ann, "can_transfer_in_mass")
        assert may_estimate(node, user=a_fresh(ann), group=None)
        Access.objects.filter(user=ann).delete()
        assert not may_estimate(node, user=a_fresh(ann), group=None)


def a_fresh(user):
    return type(user).objects.get(pk=user.pk)
