"""Where did this go: who finds what by which id, and what is written down about it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.db import connection

from adit.accounts.models import User
from adit.audit.models import Event
from adit.audit.record import record
from adit.jobs.models import Entry, Job, Task
from adit.jobs.submit import submit
from adit.jobs.whereabouts import MOST, whereabouts
from adit.projects.models import Member
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan, Pseudonymising
from tests.jobs.fakes import study_uid, submitted, two_servers
from tests.jobs.pseudonymised import a_project, operator

pytestmark = pytest.mark.django_db

OLD, SERIES = study_uid(1), f"{study_uid(1)}.1"
NEW, NEW_SERIES = "2.25.1", "2.25.1.1"
ACCESSION = "ACC70011"


@pytest.fixture
def job() -> Job:
    """A job of project Stroke that moved study OLD of patient 0042 as P-01."""
    two_servers()
    a_project("Stroke")
    item = TransferStudy(OLD, patient_id="0042", pseudonym="P-01")
    job = submit(Plan("selective", "A", "B", (item,), pseudonymising=Pseudonymising("Stroke")), by=operator())
    job.tasks.update(accession_number=ACCESSION)
    Entry.objects.create(
        task=job.tasks.get(),
        study_uid=OLD,
        series_uid=SERIES,
        new_study_uid=NEW,
        new_series_uid=NEW_SERIES,
        expected=2,
        received=2,
        stored=2,
        stored_instances=[f"{SERIES}.1"],
    )
    return job


@pytest.fixture
def officer() -> User:
    """May ask the audit trail about patients, and link in no project."""
    officer = User.objects.create_user("dora")
    wanted = ("can_view_audit", "can_search_patients")
    officer.user_permissions.set(Permission.objects.filter(codename__in=wanted))
    return User.objects.get(pk=officer.pk)


ORIGINALS = ["0042", ACCESSION, OLD, SERIES, f"{SERIES}.1"]
RENAMED = ["P-01", "p-01", NEW, NEW_SERIES]


class TestTheQuestion:
    @pytest.mark.parametrize("wanted", [*ORIGINALS, *RENAMED])
    def test_is_answered_by_an_old_and_by_a_new_id(self, job, officer, wanted):
        [found] = whereabouts(wanted, by=officer).sendings

        assert (found.job, found.job.destination_name, found.instances) == (job, "B", 2)
        assert found.by_new is (wanted in RENAMED)
        assert found.renamed

    def test_is_answered_for_an_instance_of_a_study_that_kept_its_identity(self):
        two_servers()
        job = submitted()

        [found] = whereabouts(study_uid(1), by=operator()).sendings

        assert (found.job, found.renamed, found.link) == (job, False, None)

    def test_is_answered_by_each_job_that_moved_it_the_newest_first(self, job):
        again = submitted(by=operator())

        assert [found.job for found in whereabouts(OLD, by=operator()).sendings] == [again, job]

    def test_says_when_there_are_more_answers_than_it_gives(self):
        two_servers()
        jobs = [submitted(by=operator()) for _ in range(MOST + 1)]

        answer = whereabouts(study_uid(1), by=operator())

        assert answer.more
        assert [found.job for found in answer.sendings] == jobs[:0:-1]

    def test_is_answered_by_downloads_too(self, officer):
        ann = User.objects.create_user("ann")
        event = record("download.ended", by=ann, study_uid=OLD, nodes=["A"])

        assert whereabouts(OLD, by=officer).downloads == (event,)
        assert whereabouts(OLD, by=ann).downloads == (event,)
        assert whereabouts(OLD, by=User.objects.create_user("bob")).downloads == ()

    def test_of_nothing_known_finds_nothing(self, job):
        assert whereabouts("no such thing", by=operator()).sendings == ()

    def test_reads_indexes(self, job):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("EXPLAIN SELECT id FROM jobs_task WHERE lower(item ->> 'pseudonym') = 'p-01'")
            by_pseudonym = str(cursor.fetchall())
        by_new = Entry.objects.filter(new_study_uid=NEW).explain()
        by_accession = Task.objects.filter(accession_number=ACCESSION).explain()

        assert "task_pseudonym" in by_pseudonym
        assert "entry_new_study" in by_new
        assert "task_accession" in by_accession


class TestWhoAsks:
    def test_learns_of_own_jobs_only_without_a_right_to_more(self, job):
        assert whereabouts("0042", by=User.objects.create_user("bob")).sendings == ()

    @pytest.mark.parametrize("wanted", [*ORIGINALS, *RENAMED])
    def test_learns_old_and_new_identity_only_as_a_member_who_may_link(self, job, officer, wanted):
        assert whereabouts(wanted, by=officer).sendings[0].link is None

        Member.objects.create(project=job.project, user=officer, may_link=True)

        link = whereabouts(wanted, by=officer).sendings[0].link
        assert (link.patient_id, link.pseudonym, link.study_uid, link.new_study_uid) == ("0042", "P-01", OLD, NEW)


class TestTheTrail:
    def asked(self) -> Event:
        return Event.objects.get(action="whereabouts.asked")

    def test_holds_the_patient_who_was_asked_for(self, job, officer):
        whereabouts("0042", by=officer, address="192.0.2.1")

        event = self.asked()
        assert (event.actor, event.patient_id, event.study_uid) == ("dora", "0042", "")
        assert (event.address, event.details) == ("192.0.2.1", {"found": 1})

    def test_holds_the_study_that_was_asked_for(self, job, officer):
        whereabouts(OLD, by=officer)

        assert (self.asked().patient_id, self.asked().study_uid) == ("", OLD)

    @pytest.mark.parametrize("wanted", ["P-01", NEW, ACCESSION, "no such thing"])
    def test_does_not_take_anything_else_for_the_id_of_a_patient_or_a_study(self, job, officer, wanted):
        whereabouts(wanted, by=officer)

        assert (self.asked().patient_id, self.asked().study_uid) == ("", "")
        assert self.asked().details["asked"] == wanted

    def test_holds_that_identities_were_linked(self, job, officer):
        whereabouts("0042", by=officer)
        assert not Event.objects.filter(action="job.linked").exists()

        whereabouts("0042", by=operator())

        assert Event.objects.get(action="job.linked").job == job.pk


def test_tasks_of_two_studies_are_two_answers():
    two_servers()
    job = submitted(2)
    Task.objects.filter(job=job).update(patient_id="0042")

    assert len(whereabouts("0042", by=operator()).sendings) == 2
