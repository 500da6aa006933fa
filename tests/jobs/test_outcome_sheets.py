"""The file of a batch transfer, with what became of its lines."""

from __future__ import annotations

import pytest

from adit.accounts.models import User
from adit.audit.models import Event
from adit.deid.keys import Patient
from adit.dicom.refs import UID
from adit.endpoints.memory import Faults
from adit.jobs.batch_transfers import check_file
from adit.jobs.files import keep_file
from adit.jobs.models import Job, Task
from adit.jobs.outcome_sheets import NoFile, outcome_sheet
from adit.jobs.receipts import Form, issue
from adit.projects.models import Member
from tests.jobs.fakes import a_user, administrator, permit, submitted
from tests.jobs.memories import Memories
from tests.jobs.pseudonymised import a_project, key
from tests.jobs.sending import (
    FIRST,
    PLAIN,
    SECOND,
    THIRD,
    a_row,
    kept,
    ordered,
    pseudonymising,
    statuses,
    table,
    work,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("nodes")]


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
