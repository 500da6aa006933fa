"""A node's access is withdrawn while a job runs, and given back; the page of the job tells it as it happens."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from adit.jobs.models import Entry, Task, Worker
from adit.nodes.models import Access, Node
from tests.jobs.a_worker import fill, start, wait_until
from tests.jobs.fakes import a_user, refs_of, study_uid, submitted, two_servers
from tests.journeys.screens import look_at


@pytest.fixture
def worker(tmp_path, transactional_db):
    """One that runs a task at a time, and stops before the tenth instance while `hold` exists."""
    (tmp_path / "hold").write_text("10")
    process = start(tmp_path, places=1)
    wait_until(Worker.objects.exists, worker=process)
    yield process
    process.kill()
    process.wait()


class TestAccessThatIsWithdrawn:
    def test_fails_what_has_not_begun_and_is_made_good_by_a_retry(self, visit, tmp_path, worker):
        two_servers()
        owner = a_user()
        for number in (1, 2):
            fill(tmp_path, "A", refs_of(study_uid(number), instances=20))
        job = submitted(2, by=owner)
        page = visit(owner, f"/jobs/{job.pk}/")
        head, tasks = page.locator("#job-head"), page.locator("#job-tasks")
        expect(tasks).to_contain_text("in progress")
        page.get_by_text("Live").wait_for()
        # Its first instance goes: it was let in.
        wait_until(Entry.objects.exclude(left_at=None).exists)

        # While the first study is on its way, the group loses the destination.
        destination = Node.objects.get(name="B")
        Access.objects.filter(node=destination).delete()
        (tmp_path / "hold").unlink()

        expect(head.locator(".standing")).to_contain_text("failure", timeout=20_000)
        expect(tasks).to_contain_text("access withdrawn: ")
        expect(tasks).to_contain_text("B")
        # What had begun was let in when it began, and is complete.
        expect(head).to_contain_text("20")
        look_at(page, "job access withdrawn")

        Access.objects.create(node=destination, user=owner, source=True, destination=True)
        page.get_by_role("button", name="Retry").click()
        page.get_by_text("Tried again: only what is missing is sent.").wait_for()
        expect(head.locator(".standing")).to_contain_text("success", timeout=20_000)
        expect(head).to_contain_text("40 / 40")

        assert set(Task.objects.values_list("status", flat=True)) == {"success"}
