"""An administrator who may link looks through the words that a job cut, and approves some."""

from __future__ import annotations

from django.db import transaction
from playwright.sync_api import expect

from adit.accounts.models import User
from adit.jobs.cutwords import keep
from adit.jobs.submit import submit
from adit.projects.approving import approved_words
from adit.projects.models import Member
from adit.transfer.items import TransferStudy
from tests.jobs.fakes import study_uid, two_servers
from tests.jobs.pseudonymised import a_project, operator, plan
from tests.journeys.screens import look_at


class TestAnAdministratorWhoMayLink:
    def test_approves_words_and_gives_the_project_the_newest_version(self, visit, transactional_db):
        two_servers()
        root = User.objects.create_user("root", is_staff=True)
        project = a_project()
        Member.objects.create(project=project, user=root, may_link=True)
        item = TransferStudy(study_uid(1), patient_id="4711", pseudonym="P-01")
        with transaction.atomic():
            job = submit(plan(item, project="Stroke"), by=operator())
            found = {("SeriesDescription", "Mueller"): 412, ("ProtocolName", "Kolibri"): 96}
            keep(job, found | {("StudyDescription", f"Schwertfeger{number}"): 1 for number in range(22)})

        page = visit(root, f"/jobs/{job.pk}/")
        page.get_by_role("link", name="Words that were cut (24)").click()
        expect(page.get_by_role("cell", name="Mueller", exact=True)).to_be_visible()
        look_at(page, "words cut")
        page.get_by_label("Word or attribute").fill("kol")
        page.get_by_role("button", name="Filter").click()
        expect(page.get_by_role("cell", name="Mueller", exact=True)).to_be_hidden()
        page.get_by_label("Approve Kolibri from ProtocolName").check()
        page.get_by_role("button", name="Approve what is ticked").click()
        expect(page.get_by_text("1 word was approved.")).to_be_visible()
        assert approved_words() == {"kolibri"}
        look_at(page, "words some approved")

        page.goto(f"/projects/{project.pk}/")
        look_at(page, "project with a newer version of its profile")
        page.get_by_role("link", name="Words that were cut").click()
        page.get_by_role("heading", name="Words that were cut").wait_for()
        page.go_back()
        page.get_by_role("button", name="Take the newest version").click()
        expect(page.get_by_text("Jobs are made with research")).to_be_visible()

        page.goto("/administration/")
        page.get_by_role("link", name="Approved words").click()
        page.get_by_label("Words, parted by spaces").fill("falke 4711")
        page.get_by_role("button", name="Approve", exact=True).click()
        expect(page.get_by_text("'4711' is not one word")).to_be_visible()
        look_at(page, "words approved")
        page.get_by_label("Withdraw kolibri").check()
        page.get_by_role("button", name="Withdraw what is ticked").click()
        expect(page.get_by_text("1 word is cut again.")).to_be_visible()
        look_at(page, "words approved none")
