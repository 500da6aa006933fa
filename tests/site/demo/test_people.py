import pytest
from django.contrib.auth.models import Group

from adit.accounts.effective import effective_features
from adit.accounts.features import FEATURES
from adit.accounts.models import User, local_administrator
from adit.audit.models import Event
from adit.nodes.effective import effective_nodes
from adit.projects.models import Member, Project
from adit.site.demo.cast import ADMINISTRATOR, OFFICER, PEOPLE, RADIOLOGIST, STUDENT
from adit.site.demo.people import WORK, let_them_work
from adit.site.demo.processes import DEMO_PACS
from tests.nodes.making import server

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo():
    for pacs in DEMO_PACS:
        server(pacs.name, ae_title=pacs.ae_title)
    let_them_work(by=local_administrator("tester"))


def may(person):
    user = User.objects.get(username=person.username)
    answers = [each for _, found in effective_features(user, user.active_group) for each in found]
    return {each.feature.name for each in answers if each.allowed}


def nodes(person):
    user = User.objects.get(username=person.username)
    return {each.node.name: (each.source, each.destination) for each in effective_nodes(user, user.active_group)}


class TestThePeopleOfTheDemo:
    def test_can_do_their_work_and_no_more(self):
        assert may(STUDENT) == {
            "jobs.can_transfer_selectively",
            "jobs.can_query_in_batches",
            "jobs.can_transfer_in_batches",
        }
        assert may(OFFICER) == {"audit.can_view_audit", "audit.can_search_patients"}
        assert "jobs.can_transfer_unpseudonymized" in may(RADIOLOGIST)
        assert nodes(STUDENT) == {
            "Demo Liar": (False, False),
            "Demo PACS": (True, False),
            "Demo Research": (False, True),
        }
        assert not any(any(flags) for flags in nodes(OFFICER).values())

    def test_are_administrators_only_where_it_is_their_work(self):
        staff = {user.username for user in User.objects.filter(is_staff=True, os_user="")}

        assert staff == {ADMINISTRATOR.username}
        assert not User.objects.filter(is_superuser=True, os_user="").exists()

    def test_have_no_password_that_somebody_could_guess(self):
        assert not any(User.objects.get(username=person.username).has_usable_password() for person in PEOPLE)

    def test_send_for_projects_and_only_some_may_link(self):
        assert set(Member.objects.filter(may_link=True).values_list("user__username", flat=True)) == {
            RADIOLOGIST.username
        }
        assert set(Project.objects.values_list("name", flat=True)) == {"Stroke outcome", "Scanner quality"}

    def test_stay_as_somebody_changed_them(self):
        Group.objects.get(name=WORK[0].group).permissions.clear()
        User.objects.filter(username=STUDENT.username).update(first_name="Mirabel")
        before = Event.objects.count()

        let_them_work(by=local_administrator("tester"))

        assert may(STUDENT) == set()
        assert User.objects.get(username=STUDENT.username).first_name == "Mirabel"
        assert Event.objects.count() == before

    def test_are_permitted_what_there_is(self):
        assert all(work.features <= FEATURES.keys() for work in WORK)
