import json

import pytest

from adit.jobs.models import Job
from adit.jobs.reports import job_list, job_report
from tests.jobs.fakes import Archives, process, refs_of, study_uid, submitted, two_servers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job():
    two_servers()
    archives = Archives()
    archives["A"].held[study_uid(1)] = refs_of(study_uid(1), instances=2)
    job = submitted()
    process(archives).work()
    return Job.objects.get(pk=job.pk)


class TestAReport:
    def test_has_what_the_command_line_promises(self, job):
        report = job_report(job)

        assert {"id", "kind", "status", "message", "seconds", "tasks"} <= report.keys()
        (task,) = report["tasks"]
        assert {"status", "message", "attempts", "seconds", "waiting_for", "entries"} <= task.keys()
        (entry,) = task["entries"]
        assert entry == {
            "study": study_uid(1),
            "series": f"{study_uid(1)}.1",
            "expected": 2,
            "received": 2,
            "stored": 2,
            "confirmed": 2,
            "excluded": 0,
            "failed": 0,
            "bytes": 200,
            "reasons": {},
            "notes": [],
        }
        assert (report["status"], report["source"], report["destination"]) == ("success", "A", "B")

    def test_is_json(self, job):
        assert json.loads(json.dumps(job_report(job)))["id"] == job.pk

    def test_of_a_job_that_waits_says_why(self):
        two_servers()

        report = job_report(submitted())

        assert report["tasks"][0]["waiting_for"] == "no worker is running"
        assert report["seconds"] is None


class TestAList:
    def test_has_the_newest_first_and_counts_tasks_by_status(self, job):
        newer = submitted(2)

        listed = job_list(Job.objects.newest_first()[:10])

        assert [(each["id"], each["tasks"]) for each in listed] == [
            (newer.pk, {"pending": 2}),
            (job.pk, {"success": 1}),
        ]
