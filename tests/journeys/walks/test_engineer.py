"""Aylin, research engineer: a PACS that lies, and what is done about it; PACS that speak nothing but DICOMweb."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from adit.jobs.models import Entry, Task
from adit.site.demo.cast import ENGINEER
from adit.site.demo.patients import miscounted_study
from tests.journeys.screens import look_at
from tests.journeys.walks.acting import CHEST, follow_to, search, verify

REASON = "Three slices were never stored: the technician deleted them."


class TestTheEngineer:
    def test_finds_what_a_lying_pacs_left_out_and_accepts_it_with_a_reason(self, enter, worker, house):
        page = enter(ENGINEER)
        search(page, "Demo Liar", Patient_ID=miscounted_study().patient.id)
        page.get_by_label("Choose the study of").check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("heading", name="1 study of Demo Liar").wait_for()
        page.get_by_label("Destination").select_option(label="Demo Research")
        page.get_by_label("Project").select_option(label="Scanner quality")
        page.get_by_role("button", name="Send", exact=True).click()

        # It moves by itself, and tells the truth although the PACS does not.
        follow_to(page, "warning")
        expect(page.locator("#job-head")).to_contain_text("409 / 412")
        assert len(house.research.holds()) == 409
        look_at(page, "walk engineer warned")
        page.locator("#job-tasks tbody a").first.click()
        expect(page.locator("#task-ledger")).to_contain_text("3 × did not arrive from the source")
        expect(page.locator("#task-actions")).to_contain_text("the administrators of Demo Liar")

        page.get_by_text("Accept as complete").first.click()
        page.get_by_label("Why it is complete").fill(REASON)
        page.get_by_role("button", name="Accept as complete").click()
        page.get_by_text(f"aylin accepted it as complete: {REASON}").wait_for()
        page.locator("a.back").click()
        follow_to(page, "success")
        page.get_by_role("button", name="Receipt", exact=True).click()
        expect(page.locator(".receipt")).to_contain_text(REASON)
        verify(page)
        expect(page.locator(".receipt")).to_contain_text("3 × did not arrive from the source")

        assert Task.objects.get().accepted_by == ENGINEER.username

    @pytest.mark.usefixtures("only_dicomweb")
    def test_goes_the_same_way_where_the_pacs_speak_dicomweb_only(self, enter, worker, house):
        page = enter(ENGINEER)
        search(page, "Demo PACS", Patient_name="lefèvre*")
        page.get_by_text("1 study found.").wait_for()
        page.get_by_role("button", name="Show its series").click()
        page.locator(".picture img").wait_for()
        page.get_by_label("Choose the study of").check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Destination").select_option(label="Demo Research")
        page.get_by_label("Project").select_option(label="Scanner quality")
        page.get_by_role("button", name="Send", exact=True).click()

        follow_to(page, "success")
        page.get_by_role("button", name="Receipt", exact=True).click()
        expect(page.locator(".receipt")).to_contain_text(CHEST.uid)
        verify(page)

        assert [(entry.stored, entry.confirmed) for entry in Entry.objects.all()] == [(2, 2)]
        arrived = house.research.holds()
        assert len(arrived) == 2
        assert not arrived & {uid for _, _, uid in CHEST.uids()}
