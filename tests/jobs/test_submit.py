import pytest
from django.contrib.auth.models import Group, Permission

from adit.accounts.models import User
from adit.accounts.verdict import Denied
from adit.audit.models import Event
from adit.jobs.models import Job, Task
from adit.jobs.submit import BadPlan, submit
from adit.nodes.finding import UnknownNode
from adit.nodes.models import Access, Node
from tests.jobs.fakes import a_user, administrator, plan, study_uid, submitted

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(nodes):
    return a_user()


class TestSubmitting:
    def test_writes_a_job_with_a_task_per_study(self, nodes):
        job = submitted(2)

        assert (job.status, job.source_name, job.destination_name) == ("pending", "A", "B")
        assert [task.study_uid for task in job.tasks.all()] == [study_uid(1), study_uid(2)]
        assert {(task.priority, task.interactive, task.held) for task in job.tasks.all()} == {(40, True, False)}

    def test_leaves_a_trace_in_the_audit_trail(self, nodes):
        job = submitted()

        event = Event.objects.get(action="job.submitted")
        assert (event.actor, event.job, event.nodes) == ("local:tester", job.pk, ["A", "B"])

    def test_keeps_the_group_in_which_it_was_made(self, user):
        group = Group.objects.create(name="radiology")
        user.groups.add(group)
        user.active_group = group

        assert submit(plan(), by=user).group == group

    @pytest.mark.parametrize(
        ("values", "sentence"),
        [({"source": "a"}, None), ({"source": "C"}, "There is no node 'C'"), ({"destination": "C"}, "no node 'C'")],
    )
    def test_finds_nodes_by_name_whatever_the_case(self, nodes, values, sentence):
        if sentence is None:
            assert submitted(**values).source_name == "A"
        else:
            with pytest.raises(UnknownNode, match=sentence):
                submitted(**values)

    def test_tells_nothing_about_nodes_that_the_user_does_not_know(self, nodes):
        stranger = User.objects.create(username="eve")

        with pytest.raises(UnknownNode, match="There is no node 'A'"):
            submit(plan(), by=stranger)

    def test_is_denied_to_who_may_use_a_node_for_other_things_only(self, user):
        Access.objects.filter(node__name="A").update(source=False)

        with pytest.raises(Denied, match="may not use A as source"):
            submit(plan(), by=user)

    def test_is_denied_when_a_node_cannot_do_it(self, nodes):
        Node.objects.filter(name="B").update(store=False)

        with pytest.raises(Denied, match="nothing can be stored in it"):
            submitted()

    def test_lets_only_the_permitted_jump_the_queue(self, user):
        with pytest.raises(Denied, match="before those of others"):
            submit(plan(urgent=True), by=user)

        user.user_permissions.add(Permission.objects.get(codename="can_transfer_urgently"))
        job = submit(plan(urgent=True), by=User.objects.get(pk=user.pk))

        assert job.tasks.get().priority == 80

    def test_leaves_large_jobs_of_users_to_be_verified_by_staff(self, user):
        small, large = submit(plan(10), by=user), submit(plan(11), by=user)

        assert (small.status, large.status) == ("pending", "unverified")
        assert set(large.tasks.values_list("held", flat=True)) == {True}
        assert submitted(11).status == "pending"

    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            (plan(0), "nothing to do"),
            (plan([study_uid(1), study_uid(1)]), "occurs twice"),
        ],
    )
    def test_refuses_a_plan_that_makes_no_sense_and_writes_nothing(self, nodes, given, sentence):
        with pytest.raises(BadPlan, match=sentence):
            submit(given, by=administrator())

        assert not Job.objects.exists()
        assert not Task.objects.exists()
        assert not Event.objects.filter(action="job.submitted").exists()

    def test_of_thousands_of_studies_takes_few_round_trips(self, nodes, django_assert_max_num_queries):
        by = administrator()

        with django_assert_max_num_queries(25):
            submit(plan(3000), by=by)

        assert Task.objects.count() == 3000
