"""Peter, PACS administrator: adds a server, tests it, lets people use it, and takes it out for an hour."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from adit.accounts.models import User
from adit.audit.models import Event
from adit.dicom.refs import uid
from adit.jobs.submit import submit
from adit.site.demo.archive import Archive
from adit.site.demo.cast import ADMINISTRATOR, RADIOLOGIST
from adit.site.demo.pacs import HOST, Pacs
from adit.site.demo.patients import studies
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan
from tests.journeys.screens import look_at
from tests.journeys.walks.acting import follow_to

CHEST = next(study for study in studies() if study.patient.name.startswith("Lefèvre"))


@pytest.fixture
def north(tmp_path):
    """A PACS that ADIT does not know yet: its port."""
    archive = Archive(tmp_path / "north")
    archive.describe(CHEST)
    pacs = Pacs("NORTH", archive)
    yield pacs.start(0)
    pacs.stop()


class TestThePacsAdministrator:
    def test_adds_a_server_and_takes_it_out_while_a_task_waits(self, enter, worker, north):
        page = enter(ADMINISTRATOR)
        page.get_by_role("link", name="Servers", exact=True).click()
        page.get_by_role("link", name="Add a server").first.click()
        page.get_by_label("Name", exact=True).fill("North")
        page.get_by_label("AE title").first.fill("NORTH")
        page.get_by_label("Host").first.fill(HOST)
        page.get_by_label("Port").first.fill(str(north))
        page.get_by_role("button", name="Find out").click()
        expect(page.get_by_text("of them work here")).to_be_visible()
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("heading", name="North").wait_for()

        page.get_by_role("button", name="Test").click()
        expect(page.get_by_text("The test is done.")).to_be_visible()
        assert page.locator("tr.finding[data-outcome=ok]").filter(has_text="C-ECHO").count() == 1
        page.get_by_label("Radiology as source").check()
        page.get_by_role("button", name="Save access").click()
        page.get_by_text("Saved.").wait_for()
        look_at(page, "walk administrator server")

        page.get_by_label("Suspend, because").fill("new disks until noon")
        page.get_by_role("button", name="After the running ones").click()
        page.get_by_role("button", name="Let it take part again").wait_for()
        server = page.url
        # Somebody whom he has just let in sends something from there.
        jonas = User.objects.get(username=RADIOLOGIST.username)
        job = submit(Plan("selective", "North", "Demo Research", (TransferStudy(uid(CHEST.uid)),)), by=jonas)
        page.goto("/jobs/queue/")
        page.get_by_text("waits while North is suspended: new disks until noon").wait_for()
        page.goto(f"/jobs/{job.pk}/")
        expect(page.locator("#job-tasks")).to_contain_text("waits while North is suspended: new disks until noon")
        look_at(page, "walk administrator task waits")

        page.goto(server)
        page.get_by_role("button", name="Let it take part again").click()
        page.get_by_role("button", name="After the running ones").wait_for()
        page.goto(f"/jobs/{job.pk}/")
        follow_to(page, "success")

        assert Group.objects.get(name="Radiology").node_access.get(node__name="North").source
        assert set(Event.objects.filter(actor=ADMINISTRATOR.username).values_list("action", flat=True)) >= {
            "account.logged_in", "node.added", "node.tested", "node.suspended", "node.suspension_lifted"
        }  # fmt: skip
