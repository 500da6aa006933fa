import pytest

from adit.jobs.models import Entry, Job
from tests.jobs.fakes import Archives, process, refs_of, study_uid, submitted, two_servers


@pytest.mark.django_db(transaction=True)
class TestAJob:
    def test_moves_its_studies_and_is_settled_with_its_ledger(self):
        two_servers()
        archives = Archives()
        for number in (1, 2):
            archives["A"].held[study_uid(number)] = refs_of(study_uid(number), series=2, instances=3)
        job = submitted(2)

        process(archives).work()

        job = Job.objects.get(pk=job.pk)
        assert (job.status, job.message) == ("success", "2 of 2 studies complete; 12 instances stored")
        assert sorted(archives["B"].held[study_uid(1)]) == sorted(archives["A"].held[study_uid(1)])
        entries = Entry.objects.filter(task__job=job)
        assert {(e.expected, e.received, e.stored, e.confirmed, e.failed, e.size) for e in entries} == {
            (3, 3, 3, 3, 0, 300)
        }
        assert entries.count() == 4
