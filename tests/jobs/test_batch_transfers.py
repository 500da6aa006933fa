"""Batch transfers: what is planned from a file, what a check of it finds, and what the file says afterwards."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone

from adit.accounts.models import User
from adit.accounts.verdict import Denied
from adit.audit.models import Event
from adit.deid.keys import Patient
from adit.dicom.refs import UID
from adit.endpoints.memory import Faults
from adit.jobs.actions import perform
from adit.jobs.batch_transfers import Choices, check_file, plan_of, plan_of_check, rehearse, submit_check
from adit.jobs.check_totals import check_totals
from adit.jobs.files import keep_file
from adit.jobs.models import BatchFile, Job, Line, Task
from adit.jobs.outcome_sheets import NoFile, faulty_lines, outcome_sheet
from adit.jobs.receipts import Form, issue
from adit.jobs.states import Action
from adit.jobs.submit import BadPlan, submit
from adit.nodes.models import Slot
from adit.projects.models import Alias, Member
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Pseudonymising
from adit.transfer.pseudonyms import UnfitPseudonym
from tests.jobs.fakes import a_user, administrator, permit, process, submitted, two_servers
from tests.jobs.memories import Memories
from tests.jobs.pseudonymised import a_project, key
from tests.peers.changed import of_modality, with_elements
from tests.peers.data import Study, ct_study, uid_of

pytestmark = pytest.mark.django_db(transaction=True)

FIRST, SECOND, THIRD = (ct_study(series=2, instances=2, name=f"row {number}") for number in (1, 2, 3))
UNKNOWN = uid_of("nobody has it")
PLAIN = Choices("A", "B")


def pseudonymising(project: str = "Stroke", **values: object) -> Choices:
    return Choices("A", "B", Pseudonymising(project, **values))


@pytest.fixture(autouse=True)
def nodes() -> None:
    two_servers()


def kept(*rows: str, header: str = "PatientID;StudyInstanceUID", by: User | None = None) -> BatchFile:
    by = by or administrator()
    content = "\r\n".join((header, *rows)).encode()
    return keep_file(content, "list.csv", kind="batch_transfer", by=by, group=by.active_group)


def a_row(study: Study, *more: str) -> str:
    return ";".join((study.patient_id, study.uid, *more))


def ordered(file: BatchFile, choices: Choices = PLAIN, *, by: User | None = None) -> Job:
    by = by or file.owner
    return submit(plan_of(check_file(file, choices, by=by).good, choices, file=file).plan, by=by)


def checking(file: BatchFile, choices: Choices = PLAIN, *, by: User | None = None) -> Job:
    by = by or file.owner
    return submit_check(plan_of(check_file(file, choices, by=by).good, choices, file=file).plan, by=by)


def work(memories: Memories) -> None:
    process(memories, places=1).work()
    assert not Slot.objects.held().exists()


def table(job: Job, *, by: User | None = None, **values: bool) -> list[dict[str, str]]:
    given = outcome_sheet(Job.objects.get(pk=job.pk), by=by or job.owner, **values)
    return list(csv.DictReader(io.StringIO(given.content.decode("utf-8-sig")), delimiter=";"))


def statuses(job: Job, **values: object) -> list[str]:
    return [row["Status"] for row in table(job, **values)]


def outcomes(job: Job) -> dict[int, str]:
    return dict(Line.objects.filter(job=job).order_by("number").values_list("number", "outcome"))


class TestAFile:
    def test_becomes_a_task_for_each_study_with_its_lines(self):
        series = FIRST.series
        file = kept(
            a_row(FIRST, series[0]), a_row(SECOND, ""), a_row(FIRST, series[1]),
            header="PatientID;StudyInstanceUID;SeriesInstanceUID",
        )  # fmt: skip

        job = ordered(file)

        first, second = job.tasks.order_by("pk")
        assert (job.kind, job.file, first.lines, second.lines) == ("batch_transfer", file, [2, 4], [3])
        assert TransferStudy.from_json(first.item).series == tuple(map(UID, series))

    def test_waits_for_verification_above_the_limit_of_somebody_who_is_not_staff(self):
        user = permit(a_user(), "can_transfer_in_batches")
        file = kept(*(f"P{number};1.2.3.{number}" for number in range(501)), by=user)

        job = ordered(file)

        assert (job.status, job.tasks.count()) == ("unverified", 501)

    def test_needs_permission(self):
        with pytest.raises(Denied):
            ordered(kept(a_row(FIRST), by=a_user()))

    def test_has_to_bring_pseudonyms_where_nobody_makes_them(self):
        header = "PatientID;StudyInstanceUID;Pseudonym"
        file = kept(a_row(FIRST, "P-1"), a_row(SECOND, ""), header=header)

        without = check_file(file, pseudonymising(""), by=file.owner)
        made = check_file(file, pseudonymising("", generate=True), by=file.owner)

        assert [(fault.lines, fault.column) for fault in without.faults] == [((3,), "Pseudonym")]
        assert not made.faults

    def test_gets_its_pseudonyms_from_a_project_that_makes_them(self):
        project = a_project(generates=True)

        job = ordered(kept(a_row(FIRST)), pseudonymising())

        assert job.tasks.get().item["pseudonym"] == key(project).pseudonym_of(Patient(FIRST.patient_id))

    def test_is_told_which_lines_have_pseudonyms_that_others_have_in_the_project(self):
        a_project()
        header = "PatientID;StudyInstanceUID;Pseudonym"
        ordered(kept(a_row(FIRST, "P-1"), header=header), pseudonymising())
        file = kept(a_row(SECOND, "P-1"), a_row(THIRD, "P-3"), a_row(FIRST, "P-9"), header=header)
        aliases = Alias.objects.count()

        checked = check_file(file, pseudonymising(), by=file.owner)

        assert [(fault.lines, fault.value) for fault in checked.faults] == [((2,), "P-1"), ((4,), "P-9")]
        assert {row.lines for row in checked.good} == {(3,)}
        assert Alias.objects.count() == aliases

    def test_names_the_lines_when_it_is_submitted_in_spite_of_that(self):
        a_project()
        header = "PatientID;StudyInstanceUID;Pseudonym"
        ordered(kept(a_row(FIRST, "P-1"), header=header), pseudonymising())
        file = kept(a_row(SECOND, "P-1"), header=header)
        rows = check_file(file, PLAIN, by=file.owner).good

        with pytest.raises(UnfitPseudonym, match=r"belongs to another patient.*\(line 2\)\."):
            submit(plan_of(rows, pseudonymising(), file=file).plan, by=file.owner)

    def test_with_pseudonyms_is_not_sent_with_the_identity_of_the_patients(self):
        file = kept(a_row(FIRST, "P-1"), header="PatientID;StudyInstanceUID;Pseudonym")

        with pytest.raises(BadPlan, match="does not pseudonymise"):
            ordered(file)

    def test_gives_its_faulty_lines_back(self):
        file = kept(a_row(FIRST), "4711;no uid")
        checked = check_file(file, PLAIN, by=file.owner)

        rest = faulty_lines(file, checked)

        header, line = rest.content.decode().splitlines()
        assert rest.name == "list-rest.csv"
        assert header.endswith(";Errors")
        assert line.startswith("4711;no uid;StudyInstanceUID")


class TestARehearsal:
    def test_leaves_nothing(self):
        a_project(generates=True)
        file = kept(a_row(FIRST))
        plan = plan_of(check_file(file, pseudonymising(), by=file.owner).good, pseudonymising(), file=file).plan

        rehearse(plan, by=file.owner)

        assert not Job.objects.exists()
        assert not Alias.objects.exists()
        assert not Event.objects.filter(action="job.submitted").exists()


class TestACheckOfAFile:
    def test_asks_in_portions_and_sends_nothing(self):
        memories = Memories(A=(FIRST, SECOND))
        job = checking(kept(a_row(FIRST), a_row(SECOND), *(f"P{n};1.2.3.{n}" for n in range(25))))
        assert (job.kind, job.tasks.count(), set(outcomes(job).values())) == ("batch_check", 2, {"pending"})

        work(memories)

        job.refresh_from_db()
        assert (job.status, job.message) == ("success", "27 lines: 2 found, 25 not found")
        assert not memories["B"].kept
        assert ("B", "sink") not in memories.opened

    def test_tells_of_each_study_what_would_go(self):
        mixed = of_modality(FIRST, FIRST.series[1], "US")
        a_project(generates=True)
        job = checking(kept(a_row(mixed)), pseudonymising())

        work(Memories(A=(mixed,)))

        line = Line.objects.get()
        told = {name: line.details[name] for name in ("series", "instances", "bytes", "seconds", "risks")}
        assert line.outcome == "found"
        assert told == {"series": 2, "instances": 2, "bytes": 1_060_000, "seconds": None, "risks": {}}
        assert list(line.details["behind"].values()) == [1]
        assert (line.found.get().patient_id, line.found.get().modalities) == (FIRST.patient_id, ["CT", "US"])
        assert check_totals(job).instances == 2

    def test_finds_what_belongs_to_another_patient(self):
        a_project(generates=True)
        file = kept(f"OTHER;{FIRST.uid};;", f"SAME;{SECOND.uid};Müller^Änne;1954-03-12",
                    header="PatientID;StudyInstanceUID;PatientName;PatientBirthDate")  # fmt: skip
        job = checking(file, pseudonymising())

        work(Memories(A=(FIRST, SECOND)))

        assert outcomes(job) == {2: "ambiguous", 3: "found"}
        assert Line.objects.get(number=2).reason == "the study belongs to another patient than line 2 says"

    def test_finds_what_is_at_the_destination_under_its_new_uids(self):
        a_project(generates=True)
        memories = Memories(A=(FIRST, SECOND))
        ordered(kept(a_row(FIRST)), pseudonymising())
        work(memories)
        job = checking(kept(a_row(FIRST), a_row(SECOND)), pseudonymising())

        work(memories)

        assert outcomes(job) == {2: "already there", 3: "found"}

    def test_says_that_it_could_not_ask_the_destination(self):
        memories = Memories(A=(FIRST,))
        memories.silent.add("B")
        checking(kept(a_row(FIRST)))

        work(memories)

        line = Line.objects.get()
        assert line.outcome == "found"
        assert line.reason.startswith("the destination was not asked what it has: ")

    def test_finds_what_is_not_permitted_any_more(self):
        project = a_project(generates=True)
        user = permit(a_user(), "can_transfer_in_batches")
        Member.objects.create(project=project, user=user, may_send=True)
        job = checking(kept(a_row(FIRST), by=user), pseudonymising())
        project.expires_at = timezone.now() - timedelta(days=1)
        project.save()

        work(Memories(A=(FIRST,)))

        line = Line.objects.get()
        assert (line.outcome, "expired" in line.reason) == ("not permitted", True)
        job.refresh_from_db()
        assert job.status == "success"

    def test_is_refused_where_the_transfer_would_be(self):
        user = permit(a_user(), "can_transfer_in_batches")
        user.user_permissions.remove(*user.user_permissions.filter(codename="can_transfer_unpseudonymized"))

        with pytest.raises(Denied, match="pseudonymised studies only"):
            checking(kept(a_row(FIRST), by=User.objects.get(pk=user.pk)))

    def test_asks_again_only_for_what_has_no_answer(self):
        memories = Memories(A=(FIRST, SECOND))
        memories.silent.add("A")
        job = checking(kept(a_row(FIRST), a_row(SECOND)))
        for _ in range(4):
            work(memories)
        job.refresh_from_db()
        assert (job.status, set(outcomes(job).values())) == ("failure", {"failed"})
        Line.objects.filter(number=2).update(outcome="found", reason="known from before")
        memories.silent.clear()

        perform(Action.RETRY, job, by=job.owner)
        work(memories)

        job.refresh_from_db()
        assert (job.status, outcomes(job)) == ("success", {2: "found", 3: "found"})
        assert Line.objects.get(number=2).reason == "known from before"

    def test_asks_for_everything_when_it_is_restarted(self):
        memories = Memories(A=(FIRST,))
        job = checking(kept(a_row(FIRST), a_row(SECOND)))
        work(memories)
        assert outcomes(job) == {2: "found", 3: "not found"}

        perform(Action.RESTART, Job.objects.get(), by=job.owner)
        assert set(outcomes(job).values()) == {"pending"}
        work(Memories(A=(FIRST, SECOND)))

        assert outcomes(job) == {2: "found", 3: "found"}

    def test_records_who_was_looked_for(self):
        checking(kept(a_row(FIRST)))

        work(Memories(A=(FIRST,)))

        searched = Event.objects.get(action="search")
        assert (searched.patient_id, searched.study_uid) == (FIRST.patient_id, FIRST.uid)


class TestWhatACheckFound:
    def test_is_submitted_as_exactly_that_plan(self):
        project = a_project()
        header = "PatientID;StudyInstanceUID;Pseudonym"
        choices = Choices(
            "A", "B", Pseudonymising("Stroke", "longitudinal", generate=True), description="why", ethics_number="E 1"
        )
        named = with_elements(FIRST, {number: {"IssuerOfPatientID": "HOSPITAL"} for number in range(4)})
        file = kept(a_row(named, "P-1"), a_row(SECOND, ""), f"X;{UNKNOWN};P-9", header=header)
        check = checking(file, choices)
        work(Memories(A=(named, SECOND)))

        plan = plan_of_check(Job.objects.get(pk=check.pk))
        job = submit(plan, by=file.owner)

        assert plan.pseudonymising == choices.pseudonymising
        assert (plan.description, plan.ethics_number, job.file, job.project) == ("why", "E 1", file, project)
        assert job.tasks.get(lines=[2]).item["pseudonym"] == "P-1"
        assert {tuple(task.lines) for task in job.tasks.all()} == {(2,), (3,)}
        assert TransferStudy.from_json(job.tasks.get(lines=[2]).item).issuer == "HOSPITAL"

    def test_is_submitted_with_all_the_others_by_choice(self):
        file = kept(a_row(FIRST), a_row(SECOND))
        check = checking(file)
        work(Memories(A=(FIRST,)))
        check.refresh_from_db()

        assert [item.lines for item in plan_of_check(check).transfers] == [(2,)]
        assert [item.lines for item in plan_of_check(check, every=True).transfers] == [(2,), (3,)]

    def test_is_nothing_to_submit_until_the_check_has_ended(self):
        check = checking(kept(a_row(FIRST)))

        with pytest.raises(BadPlan, match="has to end"):
            plan_of_check(check)

    def test_is_nothing_to_submit_where_nothing_was_found(self):
        check = checking(kept(a_row(FIRST)))
        work(Memories())
        check.refresh_from_db()

        with pytest.raises(BadPlan, match="found nothing"):
            plan_of_check(check)

    def test_stands_in_the_file(self):
        check = checking(kept(a_row(FIRST), a_row(SECOND), a_row(FIRST)))
        work(Memories(A=(FIRST,)))

        rows = table(check)

        assert [row["Status"] for row in rows] == ["found", "not found", "found"]
        assert (rows[0]["Series"], rows[0]["Instances"], rows[0]["EstimatedMB"]) == ("2", "4", "2.1")
        assert statuses(check, failed_only=True) == ["not found"]

    def test_is_said_of_the_lines_that_were_not_sent(self):
        file = kept(a_row(FIRST), a_row(SECOND), "4711;wrong")
        rows = check_file(file, PLAIN, by=file.owner).good
        check = submit_check(plan_of(rows, PLAIN, file=file).plan, by=file.owner)
        memories = Memories(A=(FIRST,))
        work(memories)
        job = submit(plan_of_check(Job.objects.get(pk=check.pk)), by=file.owner)
        work(memories)

        sent, not_found, wrong = table(job)

        assert sent["Status"] == "success"
        assert not_found["Status"] == wrong["Status"] == "not sent"
        assert not_found["Reason"] == "the check said: not found; the source does not have the study"
        assert wrong["Reason"].startswith("StudyInstanceUID 'wrong'")


class TestTheResult:
    def test_tells_of_every_line_at_each_moment(self):
        job = ordered(kept(a_row(FIRST), a_row(SECOND), a_row(THIRD), a_row(FIRST)))
        assert statuses(job) == ["pending"] * 4
        memories = Memories(A=(FIRST, SECOND))
        refused = frozenset({UID(SECOND.files[0].uid)})
        memories.break_off("B", Faults(refuses=refused))

        work(memories)

        rows = table(job)
        assert [row["Status"] for row in rows] == ["success", "warning", "failure", "success"]
        assert rows[1]["Reason"].startswith("3 of 4 instances stored")
        assert rows[2]["Reason"].startswith("A: ")
        assert rows[3]["Reason"] == "the same as line 2"
        assert rows[0]["NewStudyInstanceUID"] == FIRST.uid
        assert statuses(job, failed_only=True) == ["warning", "failure"]

    def test_tells_of_the_series_that_a_line_names(self):
        first, second = FIRST.series
        file = kept(a_row(FIRST, first), a_row(FIRST, second), header="PatientID;StudyInstanceUID;SeriesInstanceUID")
        job = ordered(file)
        memories = Memories(A=(FIRST,))
        memories.break_off("B", Faults(refuses=frozenset({UID(FIRST.of(second)[0].uid)})))

        work(memories)

        assert Task.objects.get().status == "warning"
        assert [(row["Status"], row["NewSeriesInstanceUIDs"]) for row in table(job)] == [
            ("success", first),
            ("warning", second),
        ]

    def test_says_why_a_line_waits(self):
        job = ordered(kept(a_row(FIRST)))

        assert table(job)[0]["Reason"] == "no worker is running"

    def test_names_the_receipts(self):
        job = ordered(kept(a_row(FIRST)))
        work(Memories(A=(FIRST,)))
        numbers = [issue(Job.objects.get(pk=job.pk), form, by=job.owner).number for form in Form]

        assert table(job)[0]["Receipt"] == ", ".join(map(str, numbers))

    def test_joins_old_and_new_identity_only_for_those_who_may_link(self):
        project = a_project(generates=True)
        owner = permit(a_user(), "can_transfer_in_batches")
        Member.objects.create(project=project, user=owner, may_send=True)
        job = ordered(kept(a_row(FIRST), by=owner), pseudonymising())
        work(Memories(A=(FIRST,)))

        assert not {"NewStudyInstanceUID", "NewSeriesInstanceUIDs", "Pseudonym"} & table(job, by=owner)[0].keys()
        Member.objects.update(may_link=True)
        row = table(job, by=owner)[0]
        assert row["NewStudyInstanceUID"] == key(project).uid(UID(FIRST.uid))
        assert row["Pseudonym"] == key(project).pseudonym_of(Patient(FIRST.patient_id))
        assert set(row["NewSeriesInstanceUIDs"].split(",")) == {key(project).uid(UID(each)) for each in FIRST.series}
        assert Event.objects.filter(action="job.results_given", details__linking=True).count() == 1

    def test_shows_the_new_uids_to_the_owner_who_brought_all_pseudonyms_and_these_to_nobody_else(self):
        project = a_project()
        owner = permit(a_user(), "can_transfer_in_batches")
        Member.objects.create(project=project, user=owner, may_send=True)
        file = kept(a_row(FIRST, "P-1"), header="PatientID;StudyInstanceUID;pseudonym", by=owner)
        job = ordered(file, pseudonymising())
        work(Memories(A=(FIRST,)))
        staff = User.objects.create(username="staff", is_staff=True)

        own, other = table(job, by=owner)[0], table(job, by=staff)[0]

        assert (own["pseudonym"], own["NewStudyInstanceUID"]) == ("P-1", key(project).uid(UID(FIRST.uid)))
        assert (other["pseudonym"], "NewStudyInstanceUID" in other, other["Status"]) == ("", False, "success")

    def test_can_be_sent_again_as_it_is(self):
        job = ordered(kept(a_row(FIRST), a_row(SECOND)))
        work(Memories(A=(FIRST,)))
        failed = outcome_sheet(Job.objects.get(pk=job.pk), by=job.owner, failed_only=True)
        again = keep_file(failed.content, failed.name, kind="batch_transfer", by=job.owner, group=None)

        checked = check_file(again, PLAIN, by=job.owner)

        assert failed.name == f"list-failed-{job.pk}.csv"
        assert (checked.faults, [row.study for row in checked.good]) == ((), [SECOND.uid])

    def test_is_of_jobs_with_a_file_only(self):
        with pytest.raises(NoFile):
            outcome_sheet(submitted(1), by=administrator())
