"""The panel of the demo, and the page of mails, as a person sees them."""

from __future__ import annotations

import pytest
from environs import Env
from playwright.sync_api import expect

from adit.accounts.mails import write_mail
from adit.accounts.models import Mail, User
from adit.site.demo.breaking import Breaking
from adit.site.env import read
from tests.jobs.fakes import submitted, two_servers
from tests.journeys.screens import look_at


@pytest.fixture
def root(transactional_db):
    return User.objects.create_user("root", "root@example.org", is_staff=True)


class TestThePanel:
    @pytest.fixture(autouse=True)
    def _demo(self, settings, tmp_path, monkeypatch):
        monkeypatch.setenv("ADIT_HOME", str(tmp_path))
        settings.ADIT_DEMO = True
        settings.ADIT_DEMO_BREAKING = Breaking(read(Env()))

    def test_breaks_mends_and_shows_what_happens(self, visit, root):
        page = visit(root, "/demo/break/")
        look_at(page, "demo panel nothing sent")
        two_servers()
        submitted(3)

        page.get_by_role("button", name="Let the source lie").click()
        expect(page.get_by_text("broken", exact=True)).to_be_visible()
        # It moves by itself: what is sent afterwards appears.
        submitted(1)
        expect(page.get_by_text("A → B")).to_have_count(4)
        look_at(page, "demo panel")

        page.get_by_role("button", name="Mend it").click()
        expect(page.get_by_text("broken", exact=True)).to_have_count(0)
        page.get_by_role("button", name="Kill a worker").click()
        expect(page.get_by_text("No worker runs just now")).to_be_visible()


class TestMails:
    def test_are_written_to_everybody_and_watched(self, visit, root, settings):
        settings.ADIT_SENDS_MAILS = False
        page = visit(root, "/administration/mails/")
        look_at(page, "mails none")
        settings.ADIT_SENDS_MAILS = True
        write_mail(["ann@example.org"], subject="ADIT: job 17 has ended", body="success")
        Mail.objects.update(error="ConnectionRefusedError: [Errno 111] Connection refused", attempts=3)

        page.get_by_label("Subject").fill("Tonight")
        page.get_by_label("Text").fill("ADIT stands still between six and seven.")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_text("1 person gets it.")).to_be_visible()
        expect(page.get_by_text("2 mails wait")).to_be_visible()
        look_at(page, "mails")
