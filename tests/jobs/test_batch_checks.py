"""Checks of files: what they find by queries only, and how that is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from adit.accounts.models import User
from adit.accounts.verdict import Denied
from adit.audit.models import Event
from adit.jobs.actions import perform
from adit.jobs.batch_transfers import Choices, check_file, plan_of, plan_of_check, submit_check
from adit.jobs.check_totals import check_totals
from adit.jobs.models import Job, Line
from adit.jobs.states import Action
from adit.jobs.submit import BadPlan, submit
from adit.projects.models import Member
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Pseudonymising
from tests.jobs.fakes import a_user, permit
from tests.jobs.memories import Memories
from tests.jobs.pseudonymised import a_project
from tests.jobs.sending import (
    FIRST,
    PLAIN,
    SECOND,
    UNKNOWN,
    a_row,
    checking,
    kept,
    ordered,
    outcomes,
    pseudonymising,
    statuses,
    table,
    work,
)
from tests.peers.changed import of_modality, with_elements

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("nodes")]


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
        assert line.details["unchecked"] == {"series": 1, "instances": 2, "bytes": 4_000_000}
        totals = check_totals(job)
        assert (totals.series, totals.left, totals.instances, totals.empty) == (1, 1, 2, 0)
        assert (totals.unchecked.studies, totals.unchecked.series, totals.unchecked.size) == (1, 1, 4_000_000)
        assert table(job)[0]["Series"] == "1"

    def test_says_of_how_many_studies_everything_stays_behind(self):
        scanned = of_modality(of_modality(FIRST, FIRST.series[0], "US"), FIRST.series[1], "US")
        a_project(generates=True)
        job = checking(kept(a_row(scanned), a_row(SECOND)), pseudonymising())

        work(Memories(A=(scanned, SECOND)))

        totals = check_totals(job)
        assert (totals.outcomes, totals.empty, totals.left) == ({"found": 2}, 1, 2)

    def test_has_no_series_in_question_where_a_setting_excludes_them(self, settings):
        settings.ADIT_EXCLUDED_MODALITIES = ("US",)
        a_project(generates=True)
        mixed = of_modality(FIRST, FIRST.series[1], "US")
        job = checking(kept(a_row(mixed)), pseudonymising())

        work(Memories(A=(mixed,)))

        totals = check_totals(job)
        assert (totals.left, totals.unchecked.series) == (1, 0)

    def test_takes_what_a_server_sends_that_no_database_takes(self):
        odd = with_elements(FIRST, {number: {"StudyDescription": "a\0b"} for number in range(len(FIRST.files))})
        a_project(generates=True)
        job = checking(kept(a_row(odd)), pseudonymising())

        work(Memories(A=(odd,)))

        assert outcomes(job) == {2: "found"}
        assert Line.objects.get().found.get().study_description == "ab"

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

    def test_is_submitted_with_what_may_show_names_only_by_those_who_may(self):
        mixed = of_modality(FIRST, FIRST.series[1], "US")
        a_project(generates=True)
        file = kept(a_row(mixed))
        check = checking(file, pseudonymising())
        work(Memories(A=(mixed,)))
        check.refresh_from_db()
        plan = plan_of_check(check, unchecked_pixels=True)
        assert plan.pseudonymising == replace(plan_of_check(check).pseudonymising, unchecked_pixels=True)
        stranger = permit(a_user("eve"), "can_transfer_in_batches")
        Member.objects.create(project=check.project, user=stranger, may_send=True)

        with pytest.raises(Denied, match="may show text in its pixels"):
            submit(replace(plan, file=None), by=stranger)
        submit(plan, by=file.owner)
        memories = Memories(A=(mixed,))
        work(memories)
        assert len(memories["B"].kept) == 4

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

    def test_says_found_nothing_of_a_line_that_a_batch_query_found_nothing_for(self):
        header = "PatientID;StudyInstanceUID;Status"
        rows = a_row(FIRST, "found"), "4711;;not found", "4712;;failed"
        check = checking(kept(*rows, header=header))
        work(Memories(A=(FIRST,)))

        told = [(row["Status"], row["Reason"]) for row in table(check)]

        assert told[1:] == [
            ("not sent", "found nothing"),
            ("not sent", "the batch query could name no study: failed"),
        ]

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
