"""Studies that went to a destination before under the same new UIDs, but by another profile."""

import pytest

from adit.deid.profile import find_profile
from adit.endpoints.memory import Faults, Memory
from adit.jobs.actions import perform
from adit.jobs.models import Job, Task
from adit.jobs.receipts import Form, issue
from adit.jobs.states import Action
from tests.jobs.fakes import administrator
from tests.jobs.memories import Memories
from tests.jobs.pseudonymised import a_project, pseudonymised
from tests.jobs.sending import work
from tests.nodes.making import folder, server
from tests.peers.data import ct_study

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("nodes")]

STUDY = ct_study(series=1, instances=3, name="sent twice")
DOUBT = "3 of 3 instances stored and confirmed; perhaps not as this job sent them"


@pytest.fixture
def memories() -> Memories:
    a_project()
    return Memories(A=(STUDY,))


def sent(memories: Memories, profile: str, **values: object) -> Task:
    """A study that was sent for the project with *profile*."""
    job = pseudonymised(STUDY, project="Stroke", profile=profile, **values)
    work(memories)
    return Task.objects.get(job=job)


class TestAStudyThatWasSentWithAnotherProfile:
    def test_is_a_warning_that_says_by_which_job_and_profile_and_what_can_be_done(self, memories):
        first = sent(memories, "research")

        task = sent(memories, "basic")

        version = {name: find_profile(name).version for name in ("research", "basic")}
        assert (first.status, task.status, task.message) == ("success", "warning", DOUBT)
        assert task.notes[0].startswith(
            f"this study was sent there before under the same UIDs, by job {first.job_id} with profile research"
            f" {version['research']}"
        )
        assert "have it deleted there and send it again" in task.notes[0]
        assert f"nothing of profile basic {version['basic']}" in task.notes[0]

    @pytest.mark.parametrize("form", list(Form))
    def test_says_so_on_its_receipt(self, memories, form):
        sent(memories, "research")
        task = sent(memories, "basic")

        assert issue(task.job, form, by=administrator()).content["doubts"] == [[task.notes[0], 1]]

    def test_is_a_success_where_the_destination_holds_nothing_of_it_any_more(self, memories):
        sent(memories, "research")
        memories["B"].kept.clear()

        task = sent(memories, "basic")

        assert (task.status, task.notes) == ("success", [])

    def test_is_a_success_once_it_was_deleted_there_and_sent_again(self, memories):
        sent(memories, "research")
        task = sent(memories, "basic")
        memories["B"].kept.clear()

        perform(Action.RETRY, Job.objects.get(pk=task.job_id), by=administrator())
        work(memories)

        task.refresh_from_db()
        assert (task.status, any("sent there before" in note for note in task.notes)) == ("success", False)

    def test_stays_a_warning_when_it_is_sent_again_as_it_is(self, memories):
        sent(memories, "research")
        task = sent(memories, "basic")

        perform(Action.RETRY, Job.objects.get(pk=task.job_id), by=administrator())
        work(memories)

        task.refresh_from_db()
        assert (task.status, task.message) == ("warning", DOUBT)

    def test_is_a_warning_where_the_destination_cannot_be_asked(self, memories):
        memories.by_name["B"] = Memory(faults=Faults(verifiable=False))
        sent(memories, "research")

        task = sent(memories, "basic")

        assert (task.status, len(task.notes)) == ("warning", 1)


class TestAStudyThatIsSentAgain:
    def test_with_the_same_profile_is_a_success(self, memories):
        sent(memories, "research")

        assert sent(memories, "research").status == "success"

    def test_to_another_destination_is_a_success(self, memories):
        server("C")
        sent(memories, "research")

        assert sent(memories, "basic", destination="C").status == "success"

    def test_to_a_folder_is_a_success(self, memories, tmp_path):
        folder("Folder", tmp_path)
        sent(memories, "research", destination="Folder")

        assert sent(memories, "basic", destination="Folder").status == "success"

    def test_for_another_project_is_a_success(self, memories):
        sent(memories, "research")
        a_project("Quality")
        job = pseudonymised(STUDY, project="Quality", profile="basic")
        work(memories)

        assert Task.objects.get(job=job).status == "success"
