"""Ruth, data protection officer: who saw, sent and received one patient, and where a pseudonym went, in a minute."""

from __future__ import annotations

import csv
import io

import pytest
from playwright.sync_api import expect

from adit.accounts.models import User
from adit.audit.models import Event
from adit.dicom.refs import uid
from adit.jobs.states import JOB_ENDED
from adit.jobs.submit import submit
from adit.site.demo.cast import OFFICER, RADIOLOGIST, STUDENT
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan, Pseudonymising
from tests.jobs.a_worker import wait_until
from tests.journeys.screens import look_at
from tests.journeys.walks.acting import CHEST, search

PATIENT = CHEST.patient.id


@pytest.fixture
def what_happened(enter, worker):
    """The radiologist looked and sent; the student sent the same study, pseudonymised."""
    page = enter(RADIOLOGIST)
    search(page, "Demo PACS", Patient_ID=PATIENT)
    page.get_by_text("1 study found.").wait_for()
    page.context.close()
    plan = Plan("selective", "Demo PACS", "Demo Research", (TransferStudy(uid(CHEST.uid), patient_id=PATIENT),))
    jonas, mira = (User.objects.get(username=person.username) for person in (RADIOLOGIST, STUDENT))
    jobs = [
        submit(plan, by=jonas),
        submit(
            Plan(
                plan.kind,
                plan.source,
                plan.destination,
                plan.items,
                pseudonymising=Pseudonymising("Stroke outcome", generate=True),
            ),
            by=mira,
        ),
    ]
    for job in jobs:
        wait_until(lambda job=job: job.refresh_from_db() or job.status in JOB_ENDED)
    assert {job.status for job in jobs} == {"success"}
    return jobs


class TestTheDataProtectionOfficer:
    def test_tells_the_story_of_one_patient_and_takes_it_along(self, enter, what_happened):
        page = enter(OFFICER)
        page.get_by_role("link", name="Audit").click()
        page.locator("main").get_by_label("Patient ID").first.fill(PATIENT)
        page.locator("main").get_by_role("button", name="Search").click()
        page.get_by_role("link", name="Who saw, sent and received this patient").click()

        page.get_by_role("heading", name=f"Patient {PATIENT}").wait_for()
        story = page.locator("main")
        for name in (RADIOLOGIST.username, STUDENT.username, "Demo Research"):
            expect(story).to_contain_text(name)
        look_at(page, "walk officer story")
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
        done = {(row["actor"], row["action"]) for row in rows}
        assert {
            (RADIOLOGIST.username, "search"),
            (RADIOLOGIST.username, "study.transferred"),
            (STUDENT.username, "study.transferred"),
        } <= done

    def test_asks_where_it_went_from_any_page(self, enter, what_happened):
        page = enter(OFFICER)
        box = page.get_by_label("Where did it go?")
        box.fill(PATIENT)
        box.press("Enter")

        page.get_by_role("heading", name="Where did this go?").wait_for()
        expect(page.locator("tbody tr")).to_have_count(2)
        expect(page.get_by_text("for those who may link")).to_have_count(1)
        look_at(page, "walk officer whereabouts")
        page.get_by_label("Patient ID, pseudonym, accession number").fill(CHEST.accession_number)
        page.get_by_role("button", name="Look").click()
        expect(page.locator("tbody tr")).to_have_count(2)
        assert Event.objects.filter(action="whereabouts.asked", actor=OFFICER.username).exists()
