"""A batch query of the demo PACS, by the file that people download as a template."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adit.accounts.models import local_administrator
from adit.endpoints.budget import Budget
from adit.jobs.batch_queries import plan_of
from adit.jobs.files import keep_file, read_file
from adit.jobs.models import Job
from adit.jobs.process import Limits, Process
from adit.jobs.results import export
from adit.jobs.submit import submit
from adit.nodes.models import Node
from adit.nodes.opening import Opening
from adit.site.demo.archive import Archive
from adit.site.demo.pacs import Pacs
from adit.site.demo.patients import studies
from adit.transfer.batches.columns import QUERY
from adit.transfer.batches.templates import EXAMPLES, template
from adit.transfer.batches.validating import Pseudonyms, check_queries, check_transfers
from adit.transfer.sheets.reading import read_sheet
from tests.nodes.making import server
from tests.peers.process import HOST

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Node]:
    archive = Archive(tmp_path / "demo")
    for study in studies():
        archive.describe(study)
    pacs = Pacs("DEMO", archive)
    port = pacs.start(0)
    try:
        yield server("DEMO", host=HOST, port=port)
    finally:
        pacs.stop()


class TestTheTemplate:
    def test_finds_what_it_promises_and_becomes_a_batch_transfer(self, demo: Node, tmp_path: Path) -> None:
        by = local_administrator("tester")
        file = keep_file(template(QUERY, "xlsx"), "query.xlsx", kind=QUERY, by=by, group=None)
        job = submit(plan_of(check_queries(read_file(file)).good, source="DEMO", file=file), by=by)
        opening = Opening(spool=tmp_path, budget=Budget(1 << 20), calling_ae_title="ADIT", waits=())

        Process(places=1, opening=opening, limits=Limits(lease=45, heartbeat=10, no_progress=600, waits=())).work()

        job = Job.objects.get()
        assert (job.status, job.message) == ("success", f"{len(EXAMPLES[QUERY])} lines: {len(EXAMPLES[QUERY])} found")
        given = export(job, by=by, form="xlsx")
        checked = check_transfers(read_sheet(given.content, given.name), pseudonyms=Pseudonyms.OPTIONAL)
        assert checked.faults == ()
        assert len(checked.rows) >= len(EXAMPLES[QUERY])
