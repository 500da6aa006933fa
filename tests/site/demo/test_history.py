"""The jobs that the demo has had: submitted once, by its people, as these may."""

from __future__ import annotations

from collections import Counter

import pytest

from adit.accounts.models import User, local_administrator
from adit.audit.models import Event
from adit.jobs.models import Job
from adit.nodes.models import Node
from adit.site.demo.history import MADE, make_history
from adit.site.demo.people import let_them_work
from adit.site.demo.places import FOLDER
from adit.site.demo.processes import DEMO_PACS
from tests.nodes.making import folder, server

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(tmp_path) -> User:
    by = local_administrator("tester")
    for pacs in DEMO_PACS:
        server(pacs.name, ae_title=pacs.ae_title)
    folder(FOLDER, str(tmp_path))
    let_them_work(by=by)
    return by


class TestTheHistory:
    def test_is_ten_jobs_of_several_people(self, by):
        jobs = make_history(by=by)

        assert len(jobs) == 10
        owners = Counter(job.owner.username for job in jobs)
        assert set(owners) == {"mira", "jonas", "aylin", "peter"}
        assert Job.objects.filter(status="canceled").count() == 1

    def test_is_made_once(self, by):
        make_history(by=by)

        assert make_history(by=by) == ()
        assert Event.objects.filter(action=MADE).count() == 1

    def test_does_without_a_folder_that_there_is_not(self, by):
        Node.objects.filter(name=FOLDER).delete()

        assert {job.destination_name for job in make_history(by=by)} == {"Demo Research"}
