"""A mass transfer from its form to what was found, with a real Orthanc behind."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from adit.endpoints.budget import Budget
from adit.jobs.models import Job
from adit.jobs.process import Limits, Process
from adit.nodes.models import Node
from adit.nodes.opening import Opening
from adit.projects.models import Member
from tests.jobs.catalogue import Catalogued, a_study, ordered
from tests.jobs.fakes import process, two_servers
from tests.jobs.pseudonymised import a_project
from tests.journeys.screens import look_at
from tests.nodes.making import folder, server
from tests.peers.data import MR_IMAGE, ct_study
from tests.peers.fixtures import orthanc  # noqa: F401  a fixture
from tests.web.searching import give, searcher

CTS = [
    ct_study(series=2, instances=3, size=64 * 128, name=f"mass {n}", patient_id=f"P-{4700 + n // 2}") for n in range(5)
]
MRI = ct_study(instances=2, size=64 * 128, name="mass mr", patient_id="P-4799", sop_class=MR_IMAGE)
DAY = "2024-02-29"


@pytest.fixture
def pacs(orthanc, transactional_db):  # noqa: F811
    orthanc.fill([file for study in (*CTS, MRI) for file in study.part10()])
    return server("Archive", ae_title=orthanc.ae_title, host=orthanc.host, port=orthanc.port)


@pytest.fixture
def rita(pacs, tmp_path):
    user = searcher("rita", "can_transfer_in_mass")
    give(user, pacs, source=True)
    give(user, folder("Research", tmp_path / "research"), destination=True)
    (tmp_path / "research").mkdir()
    Member.objects.create(project=a_project(), user=user, may_send=True, may_link=True)
    return user


def run(tmp_path) -> None:
    """The worker does what there is."""
    opening = Opening(spool=tmp_path / "spool", budget=Budget(64 << 20), calling_ae_title="ADIT", waits=(0.0,))
    limits = Limits(lease=45, heartbeat=10, no_progress=60, waits=(0.0, 0.0, 0.0))
    Process(places=1, opening=opening, limits=limits).work()


class TestAMassTransfer:
    def test_goes_from_its_form_to_what_was_found(self, visit, rita, tmp_path):
        page = visit(rita, "/mass/")
        look_at(page, "mass empty")
        page.get_by_label("Study date from").fill(DAY)
        page.get_by_label("Study date until").fill("2024-03-03")
        page.get_by_label("Values, a line each").fill("CT")
        page.get_by_role("button", name="Add a filter").click()
        second = page.get_by_role("group", name="Filter 2")
        second.get_by_label("What is compared").select_option("instances")
        second.get_by_label("Values, a line each").fill("5-")
        page.get_by_role("button", name="Add a filter").click()
        page.get_by_role("group", name="Filter 3").wait_for()
        page.get_by_role("button", name="Remove filter 3").click()
        page.get_by_role("group", name="Filter 3").wait_for(state="detached")
        assert page.get_by_label("Values, a line each").nth(1).input_value() == "5-"

        page.get_by_role("button", name="Estimate").click()
        page.get_by_text("by queries only, in").wait_for()
        assert page.locator("#estimate dd").first.inner_text() == "5"
        page.get_by_label("Destination").select_option("Research")
        page.get_by_label("Project").select_option("Stroke")
        page.locator("summary", has_text="Days and filters as JSON").click()
        page.get_by_role("button", name="Show the form as JSON").click()
        expect(page.locator("#mass-json")).to_have_value(re.compile('"on": "instances"'))
        look_at(page, "mass filled")

        page.get_by_role("button", name="Send", exact=True).click()
        page.wait_for_url("**/jobs/*/")
        page.get_by_role("link", name=f"{DAY} to 2024-03-03").wait_for()
        look_at(page, "mass job begun")
        partition = page.context.new_page()
        partition.goto(page.get_by_role("link", name=f"{DAY} to 2024-03-03").evaluate("link => link.href"))
        partition.get_by_text("Nothing is known yet").wait_for()
        run(tmp_path)
        # What it found comes by itself.
        partition.get_by_role("link", name=CTS[0].uid).wait_for()
        partition.close()
        page.get_by_text("1 of 1 partition searched; 5 of 5 studies complete; 30 instances stored").wait_for()
        look_at(page, "mass job")
        page.get_by_role("link", name=f"{DAY} to 2024-03-03").click()
        page.get_by_role("heading", name="Studies that were found here").wait_for()
        page.get_by_text("5 of 5 studies to be moved").first.wait_for()
        look_at(page, "mass partition")
        assert Job.objects.get().status == "success"

    def test_says_what_may_be_missing_and_is_ordered_again_for_these_days(self, visit, transactional_db):
        two_servers()
        user = searcher("rita", "can_transfer_in_mass", "can_transfer_unpseudonymized")
        for node in Node.objects.all():
            give(user, node, source=node.name == "A", destination=node.name == "B")
        Node.objects.filter(name="A").update(result_limit=5)
        job = ordered(by=user)
        studies = [a_study(number, time="") for number in range(1, 12)]
        process(Catalogued(studies, most=5, literal=frozenset(("StudyInstanceUID",))), places=1).work()
        page = visit(user, f"/jobs/tasks/{job.tasks.get(parent=None).pk}/")
        page.get_by_text("may have more of 2020-01-06 (CT)").wait_for()
        look_at(page, "mass partition cut off")
        page.get_by_role("link", name="Order these days again").click()

        expect(page.get_by_label("Study date from")).to_have_value("2020-01-06")
        expect(page.get_by_label("Study date until")).to_have_value("2020-01-12")

    def test_says_what_is_wrong_near_its_field(self, visit, rita):
        page = visit(rita, "/mass/")
        page.get_by_label("Study date from").fill(DAY)
        page.get_by_label("Study date until").fill("2024-01-01")
        page.get_by_label("What is compared").select_option("age")
        page.get_by_label("Values, a line each").fill("old")
        page.get_by_role("button", name="Send", exact=True).click()
        page.get_by_text("'old' is no age").wait_for()
        look_at(page, "mass wrong")
