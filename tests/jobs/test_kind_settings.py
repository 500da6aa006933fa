import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from adit.accounts.verdict import Denied
from adit.audit.models import Event
from adit.jobs.claim import claim
from adit.jobs.kind_settings import change, may_make, setting_of
from adit.jobs.kinds import KINDS
from adit.jobs.kinds.selective import SELECTIVE
from adit.jobs.submit import submit
from adit.jobs.waiting import why_waiting
from tests.jobs.fakes import a_user, administrator, permit, plan, submitted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nodes")]


def claimed():
    return claim("worker", lease=45, now=timezone.now())


class TestAKind:
    def test_has_priorities_that_no_other_has(self):
        priorities = [priority for kind in KINDS.values() for priority in {kind.priority.normal, kind.priority.urgent}]

        assert len(priorities) == len(set(priorities))

    def test_needs_its_permission(self):
        user = a_user()
        user.user_permissions.clear()
        permit(user, "can_transfer_unpseudonymized")

        with pytest.raises(Denied, match="You may not make a selective transfer"):
            submit(plan(), by=user)

    def test_that_is_locked_is_closed_to_all_but_administrators(self):
        user = a_user()
        change(SELECTIVE, by=administrator(), locked_reason="The archive moves house.")

        with pytest.raises(Denied, match=r"No selective transfer can be made at the moment: The archive moves house\."):
            submit(plan(), by=user)
        assert submitted().pk

        change(SELECTIVE, by=administrator(), locked_reason="")
        assert may_make(SELECTIVE, user=user, group=None)


class TestASuspendedKind:
    def test_waits_and_says_why_and_goes_on(self):
        job = submitted()
        change(SELECTIVE, by=administrator(), suspended_reason="Night of the long queues")

        assert claimed() is None
        assert why_waiting(job.tasks.get(), now=timezone.now()) == (
            "waits while every selective transfer is suspended: Night of the long queues"
        )

        change(SELECTIVE, by=administrator(), suspended_reason="")
        assert claimed().job == job.pk

    def test_holds_urgent_ones_too(self):
        submitted(urgent=True)
        change(SELECTIVE, by=administrator(), suspended_reason="Stop")

        assert claimed() is None


class TestVerification:
    def test_can_be_asked_of_every_job(self):
        change(SELECTIVE, by=administrator(), starts_without_verification=False)

        assert submit(plan(), by=a_user()).status == "unverified"
        assert submitted().status == "pending"

    @pytest.mark.parametrize(("limit", "status"), [(1, "unverified"), (2, "pending"), (None, "pending")])
    def test_is_asked_above_a_limit(self, limit, status):
        change(SELECTIVE, by=administrator(), limit=limit)

        assert submit(plan(2), by=a_user()).status == status


class TestDecidingAboutAKind:
    def test_leaves_a_trace_when_something_changed(self):
        change(SELECTIVE, by=administrator(), limit=3)
        change(SELECTIVE, by=administrator(), limit=3)

        event = Event.objects.get(action="kind.changed")
        assert event.details == {"kind": "selective", "changed": {"limit": [None, 3]}}

    def test_is_for_administrators(self):
        with pytest.raises(Denied, match="Only an administrator"):
            change(SELECTIVE, by=a_user(), limit=3)
        assert setting_of(SELECTIVE).limit is None

    def test_refuses_what_cannot_be(self):
        with pytest.raises(ValidationError):
            change(SELECTIVE, by=administrator(), limit=-1)
