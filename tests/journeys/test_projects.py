"""An administrator makes a project; a member who may link looks somebody up."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from adit.accounts.models import User
from adit.deid.profile import find_profile
from adit.projects import changes
from adit.projects.aliases import pseudonym_for
from adit.projects.models import Member, Project
from tests.journeys.screens import look_at
from tests.nodes.making import folder
from tests.projects.making import ANNE, BO, administrator, member


def stroke() -> Project:
    project = Project(name="Stroke", purpose="Lesions after a stroke", ethics_number="EK 12/26", generates=True)
    return changes.add(project, by=administrator(), profile=find_profile("research"))


class TestAnAdministrator:
    def test_makes_a_project_and_says_who_takes_part(self, visit, transactional_db):
        root = User.objects.create_user("root", is_staff=True)
        User.objects.create_user("ann", first_name="Ann", last_name="Other")
        folder("Shelf", "/data")
        page = visit(root, "/projects/")
        look_at(page, "projects none")

        page.get_by_role("link", name="New project").first.click()
        page.get_by_label("Name", exact=True).fill("Stroke")
        page.get_by_label("Rules of the site").fill("keep: [Nonsense]")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("what is wrong is marked below")).to_be_visible()
        look_at(page, "project refused")
        page.get_by_label("Rules of the site").fill("approved words: [fastview]")
        page.get_by_label("Shelf").check()
        page.get_by_label("Last day").fill("2027-12-31")
        page.get_by_role("button", name="Save").click()
        page.get_by_role("heading", name="Stroke").wait_for()

        page.get_by_label("User name").fill("ann")
        page.get_by_label("May link").last.check()
        page.get_by_role("button", name="Let take part").click()
        expect(page.get_by_label("ann may link")).to_be_checked()
        look_at(page, "project")
        page.get_by_label("ann may link").uncheck()
        page.get_by_role("button", name="Save ann").click()
        expect(page.get_by_label("ann may link")).not_to_be_checked()
        assert not Member.objects.get().may_link

        page.get_by_role("link", name="Attribute by attribute").click()
        page.get_by_role("heading", name="Profile research").wait_for()
        look_at(page, "profile")
        page.goto("/projects/")
        look_at(page, "projects")

    def test_keeps_the_key(self, visit, transactional_db, tmp_path):
        root = User.objects.create_user("root", is_staff=True)
        project = stroke()
        page = visit(root, f"/projects/{project.pk}/key/")
        page.get_by_label("Passphrase", exact=True).fill("a long passphrase")
        page.get_by_label("Passphrase again").fill("a long passphrase")
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Download the backup").click()
        downloading.value.save_as(tmp_path / "key.json")
        assert json.loads((tmp_path / "key.json").read_text())["project"] == "Stroke"

        page.get_by_label("Name of the project").fill("stroke")
        page.get_by_role("button", name="Destroy the key").click()
        expect(page.get_by_text("nothing was destroyed")).to_be_visible()
        look_at(page, "project key")
        page.get_by_label("Name of the project").fill("Stroke")
        page.get_by_role("button", name="Destroy the key").click()
        expect(page.get_by_text("is destroyed")).to_be_visible()
        assert Project.objects.get().secret is None


class TestAMemberWhoMayLink:
    def test_looks_somebody_up_and_takes_the_list_away(self, visit, transactional_db):
        project = stroke()
        pseudonym_for(project, ANNE, "S-001", by=administrator())
        pseudonym_for(project, BO, "S-002", by=administrator())
        page = visit(member(project, "lena", may_link=True), f"/projects/{project.pk}/")
        look_at(page, "project of a member")

        page.get_by_role("link", name="Linking list").click()
        expect(page.get_by_text("4711")).to_be_visible()
        look_at(page, "linking list")
        page.get_by_label("Pseudonym", exact=True).fill("002")
        page.get_by_role("button", name="Filter").click()
        expect(page.get_by_text("4711")).to_be_hidden()
        with page.expect_download() as downloading:
            page.get_by_role("button", name=re.compile("Excel.*all patients")).click()
        assert downloading.value.suggested_filename == "Stroke-patients.xlsx"
        page.get_by_label("Of studies, series or instances").fill("1.2.3")
        page.get_by_role("button", name="What are they called here?").click()
        expect(page.get_by_text("2.25.").first).to_be_visible()
        look_at(page, "linking uids")
