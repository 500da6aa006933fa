"""WebSockets that keep the pages of batches and of mass transfers up to date."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from channels.db import database_sync_to_async

from adit.jobs.models import Job
from adit.web.sealed import seal
from tests.jobs.catalogue import Catalogued, a_study, ordered
from tests.jobs.fakes import a_user, administrator, process, two_servers
from tests.jobs.memories import Memories
from tests.peers.data import ct_study
from tests.web.batching import Batcher
from tests.web.test_live import says, taken_away, visiting

pytestmark = pytest.mark.django_db(transaction=True)

ONE, TWO = (
    ct_study(series=2, instances=2, name=name, patient_id=f"P-{number}", patient_name=f"{name.title()}^Jo")
    for number, name in enumerate(("one", "two"), 1)
)

STUDIES = ((ONE.patient_id, ONE.uid, "ALPHA"), (TWO.patient_id, TWO.uid, "BETA"), ("P-9", "1.2.3", "GAMMA"))


@pytest.fixture
def dora(tmp_path):
    return Batcher(tmp_path)


async def run(archives) -> None:
    """A worker does all there is to do, while somebody looks."""
    await database_sync_to_async(process(archives, places=1).work, thread_sensitive=False)()


class TestThePageOfABatchQuery:
    @pytest.fixture
    def job(self, dora):
        dora.order(dora.asked(("P-1", ""), ("P-2", ""), ("P-9", "")))
        return Job.objects.get()

    def address(self, job: Job, query: str = "") -> str:
        return f"/live/batch/query/jobs/{job.pk}/{query}"

    def test_shows_what_was_found_when_it_is_found(self, dora, job):
        async def look(socket):
            first = await says(socket, "3 lines are still waited for")
            await run(Memories(Archive=(ONE, TWO)))
            return first, await says(socket, "One, Jo")

        first, then = visiting(self.address(job), dora.user, look)

        assert set(first) == {"results-standing", "results-counts", "results-rows"}
        assert "waited for" not in then["results-standing"]
        assert "found 2" in then["results-counts"]

    def test_keeps_the_filter_of_the_page(self, dora, job):
        async def look(socket):
            await says(socket, "Nothing like that")
            await run(Memories(Archive=(ONE, TWO)))
            return await says(socket, "Two, Jo")

        query = urlencode(
            {"who": seal({"q": "two"}, to=dora.user), "outcome": "found", "sort": "name", "order": "down"}
        )
        then = visiting(self.address(job, f"?{query}"), dora.user, look)

        assert "One, Jo" not in then["results-rows"]
        assert 'aria-sort="descending"' in then["results-rows"]
        assert "sort=name&amp;order=down" in then["results-counts"]

    def test_ends_when_the_job_is_not_theirs_any_more(self, dora, job):
        assert visiting(self.address(job), dora.user, taken_away) == 4404
        assert visiting(self.address(job), dora.user, lambda socket: socket.closed_at_last()) == 4404

    def test_is_not_one_of_another_kind(self, dora, job):
        address = f"/live/batch/transfer/jobs/{job.pk}/"

        assert visiting(address, dora.user, lambda socket: socket.closed_at_last()) == 4404


class TestThePageOfACheck:
    @pytest.fixture
    def job(self, dora):
        dora.order(dora.kept(*STUDIES), do="check")
        return Job.objects.get()

    def test_gets_its_buttons_with_the_end(self, dora, job):
        async def look(socket):
            first = await says(socket, "The check has not ended yet.")
            await run(Memories(Archive=(ONE, TWO)))
            return first, await says(socket, "Send exactly the 2 studies that were found")

        first, then = visiting(f"/live/batch/transfer/jobs/{job.pk}/?outcome=found", dora.user, look)

        assert set(first) == {"check-standing", "check-sums", "check-counts", "check-lines"}
        assert "3 studies are waited for" in first["check-standing"]
        assert "The check has not ended yet." not in then["check-sums"]
        assert "One, Jo" in then["check-lines"]
        assert "does not have the study" not in then["check-lines"]

    def test_asks_every_time_what_may_be_sent(self, dora, job):
        async def look(socket):
            await says(socket, "The check has not ended yet.")
            await run(Memories(Archive=(ONE, TWO)))
            await says(socket, "Send exactly the 2")
            await database_sync_to_async(dora.user.user_permissions.clear, thread_sensitive=False)()
            return await says(socket, "You may not make a batch transfer")

        assert "disabled" in visiting(f"/live/batch/transfer/jobs/{job.pk}/", dora.user, look)["check-sums"]


class TestThePageOfAPartition:
    def test_shows_the_studies_that_it_found_and_how_far_they_are(self):
        two_servers()
        boss = administrator()
        job = ordered(by=boss)
        task = job.tasks.get()

        async def look(socket):
            first = await says(socket, "Nothing is known yet")
            await run(Catalogued([a_study(1), a_study(2)]))
            return first, await says(socket, "1.2.3.2")

        first, then = visiting(f"/live/jobs/{job.pk}/tasks/{task.pk}/", boss, look)

        assert "1.2.3.1" not in first["task-ledger"]
        assert then["task-ledger"].count("success") >= 2

    def test_is_not_there_for_others(self):
        two_servers()
        job = ordered(by=administrator())
        address = f"/live/jobs/{job.pk}/tasks/{job.tasks.get().pk}/"

        assert visiting(address, a_user(), lambda socket: socket.closed_at_last()) == 4404
