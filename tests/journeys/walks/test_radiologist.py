"""Jonas, radiologist: looks at the images of a patient, sends single series as they are, and takes one study along."""

from __future__ import annotations

import io
import zipfile

from playwright.sync_api import expect

from adit.audit.models import Event
from adit.jobs.models import Job
from adit.site.demo.cast import RADIOLOGIST
from tests.journeys.screens import look_at
from tests.journeys.walks.acting import BRAIN, follow_to, search, verify


class TestTheRadiologist:
    def test_sends_the_series_he_has_looked_at_and_holds_a_receipt(self, enter, worker, house):
        page = enter(RADIOLOGIST)
        search(page, "Demo PACS", Patient_ID=BRAIN.patient.id)
        page.get_by_role("button", name="Show its series").click()
        page.locator(".picture img").nth(1).wait_for()
        page.get_by_label("Choose series 4").check()
        page.get_by_role("button", name="Continue").click()

        page.get_by_role("heading", name="1 study of Demo PACS").wait_for()
        page.get_by_label("Destination").select_option(label="Demo Research")
        page.get_by_label("Patients").select_option(label="with their identity")
        page.get_by_text("Nothing of what is chosen: what keeps its identity goes bit for bit").wait_for()
        page.get_by_label("Urgent").check()
        look_at(page, "walk radiologist sends")
        page.get_by_role("button", name="Send", exact=True).click()

        follow_to(page, "success")
        expect(page.locator("#job-head")).to_contain_text("32 / 32")
        page.get_by_role("button", name="Receipt", exact=True).click()
        page.get_by_role("heading", name="Receipt").wait_for()
        expect(page.locator(".receipt")).to_contain_text(BRAIN.uid)
        verify(page)

        assert house.research.holds() == {uid for series, _, uid in BRAIN.uids() if series.number == 4}
        job = Job.objects.get()
        assert (job.urgent, job.owner.username) == (True, RADIOLOGIST.username)
        looked = Event.objects.filter(action="image.viewed", actor=RADIOLOGIST.username)
        assert set(looked.values_list("patient_id", flat=True)) == {BRAIN.patient.id}

    def test_takes_one_study_along_under_a_pseudonym(self, enter):
        page = enter(RADIOLOGIST)
        search(page, "Demo PACS", Patient_ID=BRAIN.patient.id)
        page.get_by_label("Choose the study of").check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Pseudonym of").fill("TEACHING-1")

        with page.expect_download() as downloading:
            page.get_by_role("button", name="Download as ZIP").click()

        content = downloading.value.path().read_bytes()
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            assert sum(name.endswith(".dcm") for name in opened.namelist()) == 64
        assert BRAIN.patient.id.encode() not in content
