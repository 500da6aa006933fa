"""A node's access is withdrawn while a job runs, and given back; the page of the job tells it as it happens."""

from __future__ import annotations

from playwright.sync_api import expect

from adit.dicom.refs import UID
from adit.jobs.models import Entry, Task
from adit.nodes.models import Access, Node
from tests.jobs.a_worker import wait_until
from tests.jobs.fakes import a_user, submitted
from tests.journeys.screens import look_at
from tests.peers.data import ct_study


class TestAccessThatIsWithdrawn:
    def test_fails_what_has_not_begun_and_is_made_good_by_a_retry(self, visit, pacs, workers):
        owner = a_user()
        first, second = (ct_study(instances=20, name=f"withdrawn {number}") for number in (1, 2))
        pacs.source.fill([*first.part10(), *second.part10()])
        # About half of a study: and the source has one place only, so that the other waits.
        pacs.valve.stall_after(10 * len(first.files[0].encoded))
        workers()
        job = submitted([UID(first.uid), UID(second.uid)], by=owner)
        page = visit(owner, f"/jobs/{job.pk}/")
        head, tasks = page.locator("#job-head"), page.locator("#job-tasks")
        expect(tasks).to_contain_text("in progress")
        page.get_by_text("Live").wait_for()
        # Its first instance goes: it was let in.
        wait_until(Entry.objects.exclude(left_at=None).exists)
        pacs.valve.wait_until_stalled()

        # While the first study is on its way, the group loses the destination.
        destination = Node.objects.get(name="B")
        Access.objects.filter(node=destination).delete()
        pacs.valve.let_go()

        expect(head.locator(".standing")).to_contain_text("failure", timeout=20_000)
        expect(tasks).to_contain_text("access withdrawn: ")
        expect(tasks).to_contain_text("B")
        # What had begun was let in when it began, and is complete.
        expect(head).to_contain_text("20")
        assert pacs.target.holds() == first.instances
        look_at(page, "job access withdrawn")

        Access.objects.create(node=destination, user=owner, source=True, destination=True)
        page.get_by_role("button", name="Retry").click()
        page.get_by_text("Tried again: only what is missing is sent.").wait_for()
        expect(head.locator(".standing")).to_contain_text("success", timeout=20_000)
        expect(head).to_contain_text("40 / 40")

        assert pacs.target.holds() == first.instances | second.instances
        assert set(Task.objects.values_list("status", flat=True)) == {"success"}
