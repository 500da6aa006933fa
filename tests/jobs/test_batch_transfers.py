"""Batch transfers: what is planned from a file, and for whom a line is."""

from __future__ import annotations

import pytest

from adit.accounts.verdict import Denied
from adit.audit.models import Event
from adit.deid.keys import Patient
from adit.dicom.refs import UID
from adit.jobs.batch_transfers import check_file, plan_of, rehearse
from adit.jobs.models import Job
from adit.jobs.outcome_sheets import faulty_lines
from adit.jobs.submit import BadPlan, submit
from adit.projects.models import Alias
from adit.transfer.items import TransferStudy
from adit.transfer.pseudonyms import UnfitPseudonym
from tests.jobs.fakes import a_user, permit
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


class TestAStudyOfAnotherPatientThanItsLineSays:
    def test_stops_with_that_line(self):
        a_project(generates=True)
        job = ordered(kept(a_row(FIRST), f"OTHER;{SECOND.uid}"), pseudonymising())
        memories = Memories(A=(FIRST, SECOND))

        work(memories)

        assert statuses(job) == ["success", "failure"]
        assert table(job)[1]["Reason"] == (
            "the study belongs to another patient than line 3 says (can be mended by whoever asked for it)"
        )
        assert len(memories["B"].kept) == len(FIRST.files)

    def test_goes_in_the_name_of_the_patient_of_the_line_when_it_is_the_same_person(self):
        project = a_project(generates=True)
        header = "PatientID;StudyInstanceUID;PatientName;PatientBirthDate"
        job = ordered(kept(f"OTHER;{FIRST.uid};Mueller, Aenne;12.03.1954", header=header), pseudonymising())
        memories = Memories(A=(FIRST,))

        work(memories)

        (row,) = table(job)
        assert (row["Status"], row["Reason"]) == (
            "success",
            "the study has another PatientID there than line 2 says; name and birth date are the same",
        )
        expected = key(project).pseudonym_of(Patient("OTHER"))
        assert {each.instance().head().PatientID for each in memories["B"].kept.values()} == {expected}
