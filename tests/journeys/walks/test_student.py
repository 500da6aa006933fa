"""Mira, doctoral student: one study for the project, pseudonymised, with a receipt for her supervisor."""

from __future__ import annotations

from playwright.sync_api import expect

from adit.jobs.models import Entry, Job
from adit.site.demo.cast import STUDENT
from tests.journeys.screens import look_at
from tests.journeys.walks.acting import BRAIN, follow_to, search, verify


class TestTheStudent:
    def test_sends_a_study_for_the_project_and_holds_a_receipt_that_verifies(self, enter, worker, house):
        page = enter(STUDENT)
        search(page, "Demo PACS", Patient_name="o'neill*")
        page.get_by_text("1 study found.").wait_for()
        page.get_by_label("Choose the study of").check()
        page.get_by_role("button", name="Continue").click()

        # She may send only what nobody recognises, for a project that she is a member of, to the research PACS.
        page.get_by_role("heading", name="1 study of Demo PACS").wait_for()
        assert page.get_by_label("Destination").locator("option:not([value=''])").all_inner_texts() == ["Demo Research"]
        page.get_by_label("Destination").select_option(label="Demo Research")
        page.get_by_label("Project").select_option(label="Stroke outcome")
        page.get_by_text("Left empty, the project gives it").wait_for()
        page.get_by_role("button", name="Show before and after").click()
        page.locator("[data-preview]").wait_for()
        look_at(page, "walk student what leaves the house")
        page.get_by_role("button", name="Send", exact=True).click()

        follow_to(page, "success")
        look_at(page, "walk student job")
        page.get_by_role("button", name="Receipt for the recipient").click()
        page.get_by_role("heading", name="Receipt").wait_for()
        receipt = page.inner_text("main")
        assert BRAIN.patient.id not in receipt
        assert BRAIN.uid not in receipt
        look_at(page, "walk student receipt")
        verify(page)

        assert Job.objects.get().owner.username == STUDENT.username
        assert [(entry.stored, entry.confirmed) for entry in Entry.objects.all()] == [(32, 32), (32, 32)]
        [patient] = house.research.ask("GET", "/patients?expand")
        assert patient["MainDicomTags"]["PatientID"] in receipt
        arrived = house.research.holds()
        assert len(arrived) == 64
        assert not arrived & {uid for _, _, uid in BRAIN.uids()}

    def test_may_not_do_what_others_may(self, enter):
        page = enter(STUDENT)

        for path in ("/administration/", "/audit/", "/nodes/add/server/", "/jobs/queue/"):
            assert page.goto(path).status == 404
        expect(page.get_by_role("link", name="Administration")).to_have_count(0)
