"""Buttons pressed twice in a browser, while the answer is on its way."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from adit.jobs.models import Job
from tests.jobs.fakes import process
from tests.jobs.memories import Memories
from tests.journeys.screens import look_at
from tests.peers.data import ct_study
from tests.web.batching import Batcher
from tests.web.test_mass import Page as Mass

ROWS = ("P-1", "1.2.3.1", "ALPHA"), ("P-2", "1.2.3.2", "BETA")


@pytest.fixture
def dora(transactional_db, tmp_path):
    return Batcher(tmp_path)


TWICE = """([button, name]) => {
  let through = 0;
  window.addEventListener(name, () => { through += 1; });
  button.click();
  button.click();
  return through;
}"""
"""Press a button twice before the answer to the first press can be there. How often that came through."""


def press_twice(page: Page, name: str, *, counting: str) -> int:
    button = page.get_by_role("button", name=name, exact=True)
    return page.evaluate(TWICE, [button.element_handle(), counting])


class TestAFormThatWaitsForItsAnswer:
    def test_is_not_sent_a_second_time(self, visit, dora):
        page = visit(dora.user, f"/batch/transfer/{dora.kept(*ROWS).pk}/")
        page.get_by_label("Destination").select_option(label="Shelf")

        assert press_twice(page, "Send", counting="submit") == 1
        page.wait_for_url("**/jobs/*/")
        expect(page.get_by_text("sent already")).to_have_count(0)
        assert Job.objects.count() == 1

    def test_is_not_sent_a_second_time_by_htmx_either(self, visit, tmp_path):
        page = visit(Mass(tmp_path).user, "/mass/")

        assert press_twice(page, "Add a filter", counting="click") == 1
        page.get_by_role("group", name="Filter 2").wait_for()
        page.get_by_role("button", name="Add a filter").click()
        page.get_by_role("group", name="Filter 3").wait_for()
        expect(page.locator("form[aria-busy]")).to_have_count(0)
        expect(page.get_by_role("group", name="Filter 4")).to_have_count(0)

    def test_is_there_again_after_going_back_and_says_what_was_sent(self, visit, dora):
        page = visit(dora.user, f"/batch/transfer/{dora.kept(*ROWS).pk}/")
        page.get_by_label("Destination").select_option(label="Shelf")
        page.get_by_role("button", name="Send", exact=True).click()
        page.wait_for_url("**/jobs/*/")
        page.go_back()
        page.get_by_text("This file was sent already").wait_for()
        look_at(page, "batch transfer sent already")
        page.get_by_label("Destination").select_option(label="Shelf")
        page.get_by_role("button", name="Send again").click()
        page.wait_for_url("**/jobs/*/")

        assert Job.objects.count() == 2

    def test_does_not_wait_when_a_fault_has_kept_it(self, visit, dora):
        page = visit(dora.user, f"/batch/transfer/{dora.kept(*ROWS).pk}/")
        page.get_by_role("button", name="Send", exact=True).click()
        page.get_by_text("This field is required.").wait_for()
        page.get_by_label("Destination").select_option(label="Shelf")
        page.get_by_role("button", name="Send", exact=True).click()
        page.wait_for_url("**/jobs/*/")

        assert Job.objects.count() == 1


class TestACheckInTwoTabs:
    def test_is_sent_once_and_says_as_which_job(self, visit, dora):
        study = ct_study(series=2, instances=2, name="twice", patient_id="P-1")
        dora.order(dora.kept(("P-1", study.uid, "ALPHA")), do="check")
        process(Memories(Archive=(study,)), places=1).work()
        check = Job.objects.get()
        tabs = [visit(dora.user, f"/batch/transfer/jobs/{check.pk}/") for _ in range(2)]
        for page in tabs:
            page.get_by_role("button", name="Send exactly the 1 study that was found").click()
            page.wait_for_url("**/jobs/*/")

        job = Job.objects.get(kind="batch_transfer")
        page.get_by_text(f"This was sent already, as job {job.pk}.").wait_for()
        look_at(page, "batch check second press")
        page.get_by_role("link", name="To the check, to send it once more").click()
        page.get_by_role("button", name="Once more: Send exactly the 1 study that was found").wait_for()
        look_at(page, "batch check sent already")
        page.get_by_role("link", name=f"job {job.pk}").click()
        page.wait_for_url(f"**/jobs/{job.pk}/")
