"""What receipts say, to whom, and that only ADIT can make them."""

from __future__ import annotations

import json

import pytest
from django.db.models.functions import Now

from adit.audit.models import Event
from adit.jobs.actions import perform
from adit.jobs.models import Entry, Job, Task
from adit.jobs.receipts import MOST_STUDIES, Form, NoReceipt, find_genuine, issue
from adit.jobs.states import Action
from adit.jobs.submit import submit
from adit.transfer.items import TransferStudy
from tests.jobs.bringing import bring_to
from tests.jobs.fakes import administrator, study_uid, submitted
from tests.jobs.pseudonymised import a_project, operator, plan

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nodes")]

NEW = "2.25.4242.1"


def pseudonymised_job() -> Job:
    """One study of patient 4711, sent as P-01 under new UIDs; one instance was excluded, one failed."""
    a_project()
    item = TransferStudy(study_uid(1), patient_id="4711", pseudonym="P-01")
    job = bring_to(submit(plan(item, project="Stroke"), by=operator()), "warning")
    Entry.objects.create(
        task=job.tasks.get(),
        study_uid=study_uid(1),
        series_uid=f"{study_uid(1)}.1",
        new_study_uid=NEW,
        new_series_uid=f"{NEW}.1",
        expected=10,
        received=9,
        stored=8,
        confirmed=8,
        excluded=1,
        failed=1,
        size=800,
        reasons={"a report": 1, f"instance {study_uid(1)}.1.9 did not arrive": 1},
        excluded_instances={f"{study_uid(1)}.1.8": "a report"},
    )
    return job


class TestTheInternalReceipt:
    def test_names_the_originals_and_no_pseudonym(self):
        said = issue(pseudonymised_job(), Form.INTERNAL, by=administrator()).content

        text = json.dumps(said)
        assert said["studies"][0]["study"] == study_uid(1)
        assert (said["source"], said["owner"]) == ("A", "local:tester")
        assert "P-01" not in text
        assert NEW not in text

    def test_tells_what_was_excluded_from_what_failed(self):
        said = issue(pseudonymised_job(), Form.INTERNAL, by=administrator()).content

        assert said["excluded"] == [["a report", 1]]
        assert said["failed"] == [[f"instance {study_uid(1)}.1.9 did not arrive", 1]]
        assert said["totals"]["stored"] == 8

    def test_says_that_somebody_accepted_it_and_why(self):
        job = perform(Action.ACCEPT, pseudonymised_job(), by=administrator(), reason="Dr Meyer counted them")

        (accepted,) = issue(job, Form.INTERNAL, by=administrator()).content["accepted"]

        assert (accepted["reason"], accepted["by"], accepted["studies"]) == (
            "Dr Meyer counted them", "local:tester", 1,
        )  # fmt: skip


class TestTheReceiptForTheRecipient:
    def test_names_what_arrived_and_nothing_original(self):
        job = perform(Action.ACCEPT, pseudonymised_job(), by=administrator(), reason="Mr Miller said so")

        said = issue(job, Form.RECIPIENT, by=administrator()).content

        text = json.dumps(said)
        assert said["studies"][0] | {"study": NEW, "pseudonym": "P-01"} == said["studies"][0]
        assert said["accepted"][0]["studies"] == 1
        for original in (study_uid(1), "4711", "Miller", "tester", '"A"'):
            assert original not in text

    def test_names_no_study_that_never_left(self):
        a_project()
        item = TransferStudy(study_uid(1), patient_id="4711", pseudonym="P-01")
        job = bring_to(submit(plan(item, project="Stroke"), by=operator()), "failure")

        assert issue(job, Form.RECIPIENT, by=administrator()).content["studies"][0]["study"] == ""

    def test_of_studies_that_keep_their_identity_names_them(self):
        job = bring_to(submitted(1), "success")

        assert issue(job, Form.RECIPIENT, by=administrator()).content["studies"][0]["study"] == study_uid(1)


def failed_as_a_whole(studies: int, message: str) -> Job:
    """Studies of patients 4711, 4712 … as P-1, P-2 … of which nothing was known when they failed."""
    a_project()
    items = [TransferStudy(study_uid(n), patient_id=str(4710 + n), pseudonym=f"P-{n}") for n in range(1, studies + 1)]
    job = bring_to(submit(plan(*items, project="Stroke"), by=operator()), *["failure"] * studies)
    for number, task in enumerate(job.tasks.order_by("pk"), 1):
        told = message.format(study=task.study_uid, patient=4710 + number, pseudonym=f"P-{number}")
        Task.objects.filter(pk=task.pk).update(message=told)
    return job


class TestAReceiptOfStudiesThatFailedAsAWhole:
    def test_says_why_and_how_many(self):
        job = failed_as_a_whole(2, "A: the study belongs to another patient than line 17 says")

        for form, where in ((Form.INTERNAL, "A"), (Form.RECIPIENT, "the source")):
            said = issue(job, form, by=administrator()).content
            assert said["studies_failed"] == [
                [f"{where}: the study belongs to another patient than line 17 says", 2]
            ]  # fmt: skip
            assert said["failed"] == []

    def test_names_the_study_inside_and_nothing_original_to_the_recipient(self):
        job = failed_as_a_whole(1, "A: study {study} is unknown there, patient {patient}")

        inside, outside = (issue(job, form, by=administrator()).content["studies_failed"] for form in Form)

        assert inside == [[f"A: study {study_uid(1)} is unknown there, patient 4711", 1]]
        assert outside == [["the source: study … is unknown there, patient …", 1]]

    def test_joins_no_pseudonym_with_a_study(self):
        job = failed_as_a_whole(1, "'{pseudonym}' cannot be the pseudonym: it holds the PatientID.")

        (said,) = issue(job, Form.INTERNAL, by=administrator()).content["studies_failed"]

        assert said == ["'…' cannot be the pseudonym: it holds the PatientID.", 1]

    def test_fits_on_a_page_however_many_they_are(self):
        job = failed_as_a_whole(MOST_STUDIES + 1, "A: study {study} is unknown there")

        said = issue(job, Form.INTERNAL, by=administrator()).content["studies_failed"]

        assert said == [["A: study … is unknown there", MOST_STUDIES + 1]]


class TestAReceiptOfWhatWasCanceled:
    def test_tells_what_was_not_sent_from_what_failed_and_what_was_excluded(self):
        job = bring_to(submitted(1), "canceled")
        Entry.objects.create(
            task=job.tasks.get(), study_uid=study_uid(1), series_uid="1",
            expected=10, received=8, stored=5, excluded=1, failed=1, excluded_instances={"1.8": "a report"},
            reasons={"a report": 1, "refused": 1, "not sent: canceled": 3},
        )  # fmt: skip

        said = issue(job, Form.RECIPIENT, by=administrator()).content

        assert (said["excluded"], said["failed"]) == ([["a report", 1]], [["refused", 1]])
        assert said["not_sent"] == [["not sent: canceled", 3]]


class TestAReceipt:
    def test_of_many_studies_fits_on_a_page_and_has_the_sums_of_all(self):
        job = submitted(MOST_STUDIES + 5)
        job = bring_to(job, *["success"] * (MOST_STUDIES + 5))
        for task in job.tasks.all():
            Entry.objects.create(task=task, study_uid=task.study_uid, series_uid="1", expected=2, received=2, stored=2)

        said = issue(job, Form.INTERNAL, by=administrator()).content

        assert (len(said["studies"]), said["more"], said["totals"]["stored"]) == (
            MOST_STUDIES,
            5,
            2 * MOST_STUDIES + 10,
        )
        assert said["totals"]["unasked"] == MOST_STUDIES + 5

    def test_is_there_once_the_job_has_ended(self):
        with pytest.raises(NoReceipt, match="it has to end first"):
            issue(submitted(1), Form.INTERNAL, by=administrator())

    def test_is_found_by_its_number_and_its_code_only(self):
        one, other = (issue(bring_to(submitted([study_uid(n)]), "success"), Form.INTERNAL, by=administrator())
                      for n in (1, 2))  # fmt: skip

        assert find_genuine(one.number, f" {one.code.lower().replace('-', ' ')} ") == one
        assert find_genuine(one.number, other.code) is None
        assert find_genuine(other.number + 1, other.code) is None

    def test_outlives_its_job_and_what_becomes_of_it(self):
        job = bring_to(submitted(1), "success")
        receipt = issue(job, Form.INTERNAL, by=administrator())
        Task.objects.update(status="pending", ended_at=None)
        Job.objects.update(status="pending", ended_at=None, verified_at=Now())

        perform(Action.DELETE, job, by=administrator())

        assert find_genuine(receipt.number, receipt.code) == receipt

    def test_is_recorded(self):
        job = bring_to(submitted(1), "success")

        receipt = issue(job, Form.RECIPIENT, by=administrator())

        event = Event.objects.get(action="receipt.issued")
        assert (event.job, event.details) == (job.pk, {"number": receipt.number, "form": "for the recipient"})
