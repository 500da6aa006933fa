"""Peter, PACS administrator: adds a server, tests it, lets people use it, and takes it out for an hour."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from adit.accounts.models import User
from adit.audit.models import Event
from adit.dicom.refs import uid
from adit.jobs.submit import submit
from adit.site.demo.cast import ADMINISTRATOR, RADIOLOGIST
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan
from tests.endpoints.receiving import hall
from tests.journeys.screens import look_at
from tests.journeys.walks.acting import CHEST, follow_to
from tests.journeys.walks.conftest import part10_files
from tests.peers.orthanc import orthanc


@pytest.fixture
def north(stage):
    """A PACS that ADIT does not know yet. It knows our receiver: C-GET it refuses, as many do."""
    with ExitStack() as exits:
        here = hall(stage.spool, exits)
        pacs = exits.enter_context(orthanc(ae_title="NORTH", peers=[here.peer], DicomAlwaysAllowGet=False))
        pacs.fill(part10_files(CHEST))
        yield pacs


class TestThePacsAdministrator:
    def test_adds_a_server_and_takes_it_out_while_a_task_waits(self, enter, north, worker, house):
        page = enter(ADMINISTRATOR)
        page.get_by_role("link", name="Servers", exact=True).click()
        page.get_by_role("link", name="Add a server").first.click()
        page.get_by_label("Name", exact=True).fill("North")
        page.get_by_label("AE title").first.fill(north.ae_title)
        page.get_by_label("Host").first.fill(north.host)
        page.get_by_label("Port").first.fill(str(north.port))
        page.get_by_role("button", name="Find out").click()
        expect(page.get_by_text("of them work here")).to_be_visible()
        # What it offers and then refuses only he knows who runs it.
        for root in ("study", "patient"):
            page.get_by_label(f"C-GET, {root} root").uncheck()
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("heading", name="North").wait_for()

        page.get_by_role("button", name="Test").click()
        expect(page.get_by_text("The test is done.")).to_be_visible()
        for step in ("C-ECHO", "C-MOVE, study root", "Receiver"):
            assert page.locator("tr.finding[data-outcome=ok]").filter(has_text=step).count() == 1
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

        assert house.research.holds() == {uid for _, _, uid in CHEST.uids()}
        assert Group.objects.get(name="Radiology").node_access.get(node__name="North").source
        assert set(Event.objects.filter(actor=ADMINISTRATOR.username).values_list("action", flat=True)) >= {
            "account.logged_in", "node.added", "node.tested", "node.suspended", "node.suspension_lifted"
        }  # fmt: skip
