"""The story of one patient, as a data protection officer needs it."""

from __future__ import annotations

import pytest

from adit.audit.models import Event
from adit.audit.record import record
from adit.jobs.models import Task
from adit.jobs.submit import submit
from adit.jobs.tracing import events_about, people_in, receivers_of
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan
from tests.jobs.fakes import Archives, administrator, process, refs_of, study_uid, two_servers


@pytest.mark.django_db(transaction=True)
class TestATransfer:
    @pytest.fixture
    def job(self):
        two_servers()
        archives = Archives()
        archives["A"].held[study_uid(1)] = refs_of(study_uid(1), instances=3)
        items = (TransferStudy(study_uid(1), patient_id="0042"), TransferStudy(study_uid(2), patient_id="0099"))
        job = submit(Plan("selective", "A", "B", items), by=administrator())
        process(archives, places=1).work()
        return job

    def test_stands_in_the_trail_with_patient_and_study(self, job):
        event = Event.objects.get(action="study.transferred", patient_id="0042")

        assert (event.actor, event.study_uid, event.job) == (job.owner.get_username(), study_uid(1), job.pk)
        assert (event.nodes, event.outcome) == (["A", "B"], "done")
        assert (event.details["stored"], event.details["status"]) == (3, "success")

    def test_that_moved_nothing_stands_there_as_failed(self, job):
        event = Event.objects.get(action="study.transferred", patient_id="0099")

        assert (event.outcome, event.details["stored"]) == ("failed", 0)

    def test_makes_the_destination_one_that_has_something_of_the_patient(self, job):
        [received] = receivers_of("0042")

        assert (received.destination, received.studies, received.instances) == ("B", 1, 3)
        assert received.jobs == (job.pk,)
        assert received.last == Task.objects.get(patient_id="0042").ended_at
        assert receivers_of("0099") == []

    def test_is_told_in_order_with_what_was_done_to_the_whole_job_and_to_nobody_else(self, job):
        record("search", by="ann", patient_id="0042")
        record("search", by="ann", patient_id="0099")
        record("image.viewed", by="bob", study_uid=study_uid(1))

        told = [(event.action, event.patient_id) for event in events_about("0042")]

        assert told == [
            ("job.submitted", ""),
            ("study.transferred", "0042"),
            ("job.ended", ""),
            ("search", "0042"),
            ("image.viewed", ""),
        ]


@pytest.mark.django_db
class TestPeople:
    def test_are_counted_by_what_they_did_and_the_last_comes_first(self):
        for actor, action in (("ann", "search"), ("bob", "search"), ("ann", "search"), ("ann", "image.viewed")):
            record(action, by=actor, patient_id="0042")

        ann, bob = people_in(list(events_about("0042")))

        assert (ann.actor, ann.actions) == ("ann", {"search": 2, "image.viewed": 1})
        assert (bob.actor, bob.actions) == ("bob", {"search": 1})
