"""From the search to the job, with a real Orthanc behind."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from playwright.sync_api import expect

from adit.audit.models import Event
from adit.jobs.models import Job
from tests.journeys.conftest import session_of
from tests.journeys.screens import look_at
from tests.nodes.making import folder, server
from tests.peers.data import ct_study
from tests.peers.fixtures import orthanc  # noqa: F401  a fixture
from tests.peers.misbehaving import misbehaving
from tests.peers.scripts import Script
from tests.web.searching import give, searcher

ONE = ct_study(series=2, instances=5, size=64 * 128, name="one", patient_id="P-4711", patient_name="Doe^John")
TWO = ct_study(series=1, instances=3, size=64 * 128, name="two", patient_id="P-4712", patient_name="Roe^Jane")


@pytest.fixture
def pacs(orthanc, transactional_db):  # noqa: F811
    orthanc.fill([*ONE.part10(), *TWO.part10()])
    return server("Archive", ae_title=orthanc.ae_title, host=orthanc.host, port=orthanc.port)


@pytest.fixture
def rita(pacs, tmp_path):
    user = searcher("rita", "can_transfer_unpseudonymized", "can_download_study")
    give(user, pacs, source=True)
    give(user, folder("Research", tmp_path), destination=True)
    return user


class TestSearchAndSend:
    def test_goes_from_the_search_to_the_job(self, visit, rita):
        page = visit(rita, "/search/")
        look_at(page, "search empty")
        page.get_by_role("button", name="Search", exact=True).click()
        page.get_by_text("Fill in at least one field").wait_for()
        page.get_by_label("Patient name").fill("*oe*")
        page.get_by_role("button", name="Search", exact=True).click()
        page.get_by_text("2 studies found.").wait_for()

        page.get_by_role("row", name="Doe, John").get_by_role("button", name="Show its series").click()
        page.locator(".picture img").nth(1).wait_for()
        look_at(page, "search results")
        page.get_by_label("Choose series 2").check()
        page.get_by_label("Choose the study of Roe, Jane").check()
        page.get_by_role("button", name="Patient").click()
        assert page.get_by_label("Choose series 2").is_checked()
        page.get_by_text("2 studies chosen").wait_for()
        page.get_by_role("button", name="Continue").click()

        page.get_by_role("heading", name="2 studies of Archive").wait_for()
        look_at(page, "send")
        page.get_by_role("button", name="Show before and after").click()
        page.locator("[data-preview]").wait_for()
        look_at(page, "send preview")
        page.get_by_label("Pseudonym of Doe, John").fill("John-1")
        page.get_by_role("button", name="Send", exact=True).click()
        page.get_by_text("it holds a part of the patient's name").wait_for()
        look_at(page, "send refused")
        page.get_by_label("Pseudonym of Doe, John").fill("ALPHA")
        page.get_by_label("Destination").select_option(label="Research")
        page.get_by_role("button", name="Send", exact=True).click()
        page.wait_for_url("**/jobs/*/")

        job = Job.objects.get()
        items = {task.study_uid: task.item for task in job.tasks.all()}
        assert items[ONE.uid]["series"] == [ONE.series[1]]
        assert items[ONE.uid]["pseudonym"] == "ALPHA"
        assert items[TWO.uid]["series"] == []
        assert len(items[TWO.uid]["pseudonym"]) == 12
        rita.refresh_from_db()
        assert rita.preferences["destination"] == job.tasks.first().destination_id
        assert {"search", "image.viewed", "header.viewed", "job.submitted"} <= set(
            Event.objects.filter(actor="rita").values_list("action", flat=True)
        )

    def test_downloads_a_study(self, visit, rita):
        page = visit(rita, "/search/")
        page.get_by_label("Patient ID").fill("P-4711")
        page.get_by_role("button", name="Search", exact=True).click()
        page.get_by_label("Choose the study of Doe, John").check()
        page.get_by_role("button", name="Continue").click()
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Download as ZIP").click()
        content = downloading.value.path().read_bytes()

        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            assert opened.testzip() is None
            told = json.loads(opened.read("MANIFEST.json"))
        assert sum(each["stored"] for each in told["series"]) == 10
        assert b"P-4711" not in content
        assert [event.outcome for event in Event.objects.filter(action__startswith="download.")] == ["done", "done"]


class TestASearchThatGoesWrong:
    def test_says_that_it_takes_long_and_can_be_canceled(self, visit, transactional_db):
        user = searcher()
        with misbehaving(ONE, script=Script(silent_to=frozenset({0x0020}))) as pacs:
            give(user, server("Slow", ae_title=pacs.ae_title, host=pacs.host, port=pacs.port), source=True)
            page = visit(user, "/search/")
            page.get_by_label("Patient name").fill("*oe*")
            page.get_by_role("button", name="Search", exact=True).click()
            page.get_by_text("Asking Slow").wait_for()
            page.locator("[data-seconds]").wait_for()
            look_at(page, "search waits")
            page.get_by_role("button", name="Cancel").click()
            page.get_by_text("Canceled. 0 studies so far.").wait_for()

    def test_says_what_is_wrong_and_who_can_mend_it(self, visit, transactional_db):
        user = searcher()
        with misbehaving(ONE, script=Script(find_status=0xC001)) as pacs:
            give(user, server("Wrong", ae_title=pacs.ae_title, host=pacs.host, port=pacs.port), source=True)
            page = visit(user, "/search/")
            page.get_by_label("Patient name").fill("*oe*")
            page.get_by_role("button", name="Search", exact=True).click()
            assert "Who can mend it" in page.locator("#search-problem:not([hidden])").inner_text()
            look_at(page, "search failed")

    def test_has_a_placeholder_for_an_image_that_does_not_come(self, visit, transactional_db):
        user = searcher()
        with misbehaving(TWO, script=Script(stalls_in=1)) as pacs:
            where = {"ae_title": pacs.ae_title, "host": pacs.host, "port": pacs.port}
            give(user, server("Stalls", idle_timeout=0.3, **where), source=True)
            page = visit(user, "/search/")
            page.get_by_label("Patient name").fill("*oe*")
            page.get_by_role("button", name="Search", exact=True).click()
            page.get_by_role("button", name="Show its series").click()
            place = page.get_by_text("No image")
            place.wait_for()
            assert "Who can mend it" in place.get_attribute("title")
            look_at(page, "search without image")

    def test_has_a_sentence_for_who_may_search_nothing(self, visit, transactional_db):
        page = visit(searcher(), "/search/")
        page.get_by_text("No server to search").wait_for()
        look_at(page, "search nowhere")


class TestWhatElseHappensOnThePage:
    def test_a_script_that_fails_changes_nothing(self, browser, site, transactional_db):
        user = searcher()
        with misbehaving(ONE, TWO) as pacs:
            give(user, server("Archive", ae_title=pacs.ae_title, host=pacs.host, port=pacs.port), source=True)
            context = browser.new_context(base_url=site)
            context.add_cookies([{"name": "sessionid", "value": session_of(user), "url": site}])
            page = context.new_page()
            failed: list[str] = []
            page.on("pageerror", lambda error: failed.append(str(error)))
            broken = "document.addEventListener('click', () => { throw new Error('elsewhere') }, true); nothing();"
            page.route("**/web/app.js", lambda route: route.fulfill(body=broken, content_type="text/javascript"))
            page.goto("/search/")
            page.get_by_label("Patient name").fill("*oe*")
            page.get_by_role("button", name="Search", exact=True).click()
            page.get_by_label("Choose the study of Doe, John").check()
            page.get_by_role("button", name="Continue").click()
            page.get_by_role("heading", name="1 study of Archive").wait_for()
            context.close()
        assert any("elsewhere" in each for each in failed)

    def test_two_users_in_two_tabs_see_their_own_results(self, visit, transactional_db):
        rita, tom = searcher("rita"), searcher("tom")
        with misbehaving(ONE) as one, misbehaving(TWO, ae_title="OTHER") as other:
            for name, pacs, user in (("First", one, rita), ("Second", other, tom)):
                give(user, server(name, ae_title=pacs.ae_title, host=pacs.host, port=pacs.port), source=True)
            pages = [visit(rita, "/search/"), visit(tom, "/search/")]
            for page in pages:
                page.get_by_label("Patient name").fill("*oe*")
                page.get_by_role("button", name="Search", exact=True).click()
            for page, name in zip(pages, ("Doe, John", "Roe, Jane"), strict=True):
                page.get_by_text("1 study found.").wait_for()
                assert page.locator("tbody.study .fw-bold").all_inner_texts() == [name]

    def test_results_are_sorted_by_their_headings_with_the_keyboard_too(self, visit, transactional_db):
        user = searcher()
        with misbehaving(ONE, TWO) as pacs:
            give(user, server("Archive", ae_title=pacs.ae_title, host=pacs.host, port=pacs.port), source=True)
            page = visit(user, "/search/")
            page.get_by_label("Patient name").fill("*oe*")
            page.get_by_role("button", name="Search", exact=True).click()
            page.get_by_text("2 studies found.").wait_for()
            table, names = page.locator("#studies"), page.locator("tbody.study .fw-bold")
            page.get_by_label("Choose the study of Roe, Jane").check()

            heading = table.get_by_role("button", name="Patient")
            heading.focus()
            page.keyboard.press("Enter")
            expect(names).to_have_text(["Doe, John", "Roe, Jane"])
            expect(table.get_by_role("columnheader", name="Patient")).to_have_attribute("aria-sort", "ascending")
            page.keyboard.press("Enter")
            expect(names).to_have_text(["Roe, Jane", "Doe, John"])
            expect(table.get_by_role("columnheader", name="Patient")).to_have_attribute("aria-sort", "descending")

            # Numbers as numbers: 3 before 10.
            table.get_by_role("button", name="Instances").press("Space")
            expect(names).to_have_text(["Roe, Jane", "Doe, John"])
            table.get_by_role("button", name="Instances").press("Space")
            expect(names).to_have_text(["Doe, John", "Roe, Jane"])
            expect(table.locator("[aria-sort]:not([aria-sort=none])")).to_have_count(1)
            expect(page.get_by_label("Choose the study of Roe, Jane")).to_be_checked()

    def test_ticks_stay_for_the_next_search_of_the_same_server(self, visit, transactional_db):
        user = searcher()
        with misbehaving(ONE, TWO) as pacs:
            give(user, server("Archive", ae_title=pacs.ae_title, host=pacs.host, port=pacs.port), source=True)
            page = visit(user, "/search/")
            for name, number in (("Doe, John", 1), ("Roe, Jane", 2)):
                page.get_by_label("Patient name").fill(name)
                page.get_by_role("button", name="Search", exact=True).click()
                page.get_by_label(f"Choose the study of {name}").check()
                assert page.locator("tbody.study input:checked").count() == number
            page.get_by_text("2 studies chosen").wait_for()
