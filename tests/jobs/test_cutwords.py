"""Words that jobs cut: kept within bounds, shown to those who may link, and gone with what they belong to."""

from __future__ import annotations

import time
from contextlib import nullcontext

import pytest
from django.db.models import F
from django.utils import timezone

from adit.accounts.models import User
from adit.accounts.verdict import Denied
from adit.audit.models import Event
from adit.jobs.actions import perform
from adit.jobs.attempt import Attempt, Conditions
from adit.jobs.claim import claim
from adit.jobs.cutwords import LONGEST, MOST, Cut, different_in, keep, words_of_job, words_of_project
from adit.jobs.forgetting import destroy_key
from adit.jobs.leases import Running
from adit.jobs.models import CutWord, Job, Task
from adit.jobs.options import Options
from adit.jobs.outcomes import Decision
from adit.jobs.rows import Lost
from adit.jobs.states import Action, TaskStatus
from adit.jobs.submit import submit
from adit.projects.approving import approve
from adit.transfer.items import TransferStudy
from tests.jobs.bringing import bring_to
from tests.jobs.fakes import Archives, study_uid
from tests.jobs.pseudonymised import a_project, operator, plan
from tests.projects.making import member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nodes")]

SERIES = "SeriesDescription"
PROTOCOL = "ProtocolName"


def a_job(project: str = "", *, by: User | None = None, number: int = 1) -> Job:
    item = TransferStudy(study_uid(number), patient_id=f"P{number}", pseudonym=f"P-0{number}")
    return submit(plan(item, project=project), by=by or operator())


def seen(job: Job, **asked: object) -> list[tuple[str, str, int]]:
    return [(line.attribute, line.word, line.count) for line in words_of_job(job, by=operator(), **asked).lines]


class TestTheWordsOfAJob:
    def test_add_up_and_come_by_how_often(self):
        job = a_job()
        keep(job, {(SERIES, "Mueller"): 3, (SERIES, "Uhu"): 1})
        keep(job, {(SERIES, "Mueller"): 2, (PROTOCOL, "Mueller"): 1})
        keep(job, {})

        assert seen(job) == [(SERIES, "Mueller", 5), (PROTOCOL, "Mueller", 1), (SERIES, "Uhu", 1)]
        assert different_in(job) == 3

    def test_are_searched_by_word_and_by_attribute(self):
        job = a_job()
        keep(job, {(SERIES, "Mueller"): 3, (PROTOCOL, "Uhu"): 1})

        assert seen(job, like="UELL") == [(SERIES, "Mueller", 3)]
        assert seen(job, like="protocol") == [(PROTOCOL, "Uhu", 1)]
        assert seen(job, like="\0%") == []

    def test_are_no_more_than_can_be_looked_through(self):
        job = a_job()
        keep(job, {(SERIES, f"often{n}"): 9 for n in range(MOST - 1)})
        assert not words_of_job(job, by=operator()).full

        keep(job, {(SERIES, "rare"): 1, (SERIES, "frequent"): 7, (SERIES, "often1"): 1})

        cuts = words_of_job(job, by=operator(), most=10)
        assert (len(cuts.lines), cuts.found, cuts.full) == (10, MOST, True)
        assert cuts.lines[0] == Cut(SERIES, "often1", 10, approved=False)
        assert CutWord.objects.filter(word="frequent").exists()
        assert not CutWord.objects.filter(word="rare").exists()

    def test_are_kept_as_far_as_a_table_can_hold_them(self):
        job = a_job()
        keep(job, {(SERIES, "x" * 500): 1, (SERIES, "x" * 600): 1, (SERIES, "a\0b"): 1, (SERIES, "\0"): 1})

        long, short = seen(job)
        assert (len(long[1]), long[2], short[1]) == (LONGEST, 2, "ab")
        assert [line.approvable for line in words_of_job(job, by=operator()).lines] == [False, True]

    @pytest.mark.parametrize("lost", [False, True])
    def test_are_written_by_who_holds_the_task(self, lost):
        job = a_job()
        claimed = claim("w", lease=45, now=timezone.now())
        attempt = Attempt(
            claimed, Running(claimed, time.monotonic), Conditions(Archives(), waits=(), wake=lambda: None)
        )
        if lost:
            Task.objects.update(claim=F("claim") + 1)

        with pytest.raises(Lost) if lost else nullcontext():
            attempt.settle(Decision(TaskStatus.SUCCESS, ""), along=lambda locked: keep(locked, {(SERIES, "Uhu"): 1}))

        assert different_in(job) == (0 if lost else 1)

    def test_say_which_are_approved(self):
        job = a_job()
        keep(job, {(SERIES, "Uhu"): 1, (SERIES, "4711"): 1})
        approve(["uhu"], by=operator())

        assert {(line.word, line.approved, line.approvable) for line in words_of_job(job, by=operator()).lines} == {
            ("Uhu", True, False),
            ("4711", False, False),
        }


class TestWhoSeesThem:
    def test_is_who_may_link_and_every_look_is_recorded_without_them(self):
        project = a_project()
        job = a_job("Stroke")
        keep(job, {(SERIES, "Mueller"): 3})
        anna, bea = member(project, "anna", may_link=True), member(project, "bea")
        staff = User.objects.create_user("boss", is_staff=True)

        assert words_of_job(job, by=anna).found == 1
        assert words_of_project(project, by=anna).found == 1
        for somebody in (bea, staff):
            with pytest.raises(Denied):
                words_of_job(job, by=somebody)
            with pytest.raises(Denied):
                words_of_project(project, by=somebody)

        one, all_jobs = Event.objects.filter(action__endswith="words_viewed").order_by("pk")
        assert (one.action, one.job, one.details) == ("job.words_viewed", job.pk, {"project": "Stroke", "words": 1})
        assert (all_jobs.action, all_jobs.details) == ("project.words_viewed", {"project": "Stroke", "words": 1})
        assert "Mueller" not in str(list(Event.objects.values()))

    def test_of_a_job_without_project_is_its_owner(self):
        job = a_job()

        assert words_of_job(job, by=job.owner).lines == ()
        with pytest.raises(Denied, match="Only its owner"):
            words_of_job(job, by=User.objects.create_user("boss", is_staff=True))


class TestTheWordsOfAProject:
    def test_are_those_of_all_its_jobs_and_of_no_other(self):
        project = a_project()
        a_project("Other")
        for number, name in enumerate(("Stroke", "Stroke", "Other", ""), 1):
            keep(a_job(name, number=number), {(SERIES, "Mueller"): number})

        assert words_of_project(project, by=operator()).lines == (Cut(SERIES, "Mueller", 3, approved=False),)


class TestTheyGo:
    def test_with_the_key(self):
        project, other = a_project(), a_project("Other")
        keep(a_job("Stroke"), {(SERIES, "Mueller"): 1})
        keep(a_job("Other", number=2), {(SERIES, "Mueller"): 1})

        destroy_key(project, by=operator())

        assert words_of_project(project, by=operator()).lines == ()
        assert words_of_project(other, by=operator()).found == 1

    def test_with_the_job(self):
        job = a_job()
        keep(job, {(SERIES, "Mueller"): 1})

        perform(Action.DELETE, job, by=operator())

        assert not CutWord.objects.exists()

    def test_when_all_is_treated_again(self):
        job = a_job()
        keep(job, {(SERIES, "Mueller"): 1})

        perform(Action.RESTART, bring_to(job, "failure"), by=operator())

        assert not CutWord.objects.exists()


class TestApprovedWords:
    def test_are_in_the_next_jobs_and_not_in_those_that_are_there(self):
        a_project()
        before = a_job()
        in_project = a_job("Stroke", number=2)
        approve(["uhu"], by=operator())
        after = a_job(number=3)
        still = a_job("Stroke", number=4)

        approved = [Options.of(Job.objects.get(pk=job.pk)).treating.profile["approved"] for job in
                    (before, in_project, after, still)]  # fmt: skip
        assert approved == [[], [], ["uhu"], []]
