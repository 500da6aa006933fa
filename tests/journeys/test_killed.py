"""The worker is killed while the page shows progress; the page tells the truth until another has finished."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from adit.dicom.refs import UID
from tests.jobs.fakes import a_user, submitted
from tests.journeys.screens import look_at
from tests.pace import within
from tests.peers.data import ct_study

COUNT = 200


class TestThePageOfAJob:
    def test_moves_by_itself_and_tells_the_truth_when_the_worker_is_killed(self, visit, pacs, workers, settings):
        settings.ADIT_LEASE, settings.ADIT_HEARTBEAT = within(3), 0.5
        quick = {"ADIT_LEASE": str(settings.ADIT_LEASE), "ADIT_HEARTBEAT": str(settings.ADIT_HEARTBEAT)}
        owner = a_user()
        study = ct_study(instances=COUNT, name="killed")
        pacs.source.fill(study.part10())
        pacs.valve.stall_after(150 * len(study.files[0].encoded))
        first = workers(**quick)
        job = submitted([UID(study.uid)], by=owner)
        page = visit(owner, f"/jobs/{job.pk}/")
        head = page.locator("#job-head")
        expect(head).to_contain_text("in progress", timeout=20_000)
        expect(head).to_contain_text("1 task runs now.")
        progress = re.compile(rf"(?<!\d)([1-9]\d*) / {COUNT}")
        expect(head).to_contain_text(progress, timeout=20_000)
        pacs.valve.wait_until_stalled()
        look_at(page, "job in progress")

        first.kill()
        first.wait()
        # Nobody renews its lease any more, and nobody says so: the page has to look by itself.
        expect(page.locator("#job-tasks")).to_contain_text("no sign of life", timeout=20_000)
        expect(head).to_contain_text("Nothing of it runs now; the tasks below say why.")
        shown = progress.search(head.inner_text())
        assert shown is not None
        assert int(shown[1]) <= len(pacs.target.holds()) < COUNT
        look_at(page, "job whose worker died")

        pacs.valve.let_go()
        second = workers(**quick)
        expect(head).to_contain_text("success", timeout=20_000)
        expect(head).to_contain_text(f"{COUNT} / {COUNT}")
        assert second.poll() is None
        assert pacs.target.holds() == study.instances
