from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError

from adit.accounts.models import local_administrator
from adit.audit.models import Event
from adit.nodes import changes
from adit.nodes.models import Ability, Access, Node, Slot
from tests.nodes.making import server, unsaved
from tests.peers.certificates import certified

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def root():
    return local_administrator("root")


def traces(root):
    """Actions recorded for this test's administrator, in order."""
    return list(Event.objects.filter(actor_id=root.pk).order_by("id").values_list("action", flat=True))


class TestChangingNodes:
    def test_adds_one_with_its_slots_and_a_trace(self, root):
        node = changes.add(Node(**unsaved(max_associations=2)), by=root)

        assert node.slots.count() == 2
        assert traces(root) == ["node.added"]

    def test_adds_nothing_that_does_not_fit(self, root):
        with pytest.raises(ValidationError):
            changes.add(Node(**unsaved(port=0)), by=root)

        assert not Node.objects.exists()
        assert traces(root) == []

    def test_edits_fields_and_abilities_and_records_what_was_before(self, root):
        node = server()

        changes.edit(node, by=root, port=11112, abilities=frozenset((Ability.STORE,)))

        node.refresh_from_db()
        assert (node.port, node.abilities) == (11112, {Ability.STORE})
        changed = Event.objects.get(actor_id=root.pk)
        assert changed.details == {"port": [104, 11112], "find_study": [True, False], "get_study": [True, False]}

    def test_keeps_a_private_key_out_of_the_trail(self, root):
        certificate, key = certified("adit")

        changes.edit(server(), by=root, tls=True, tls_certificate=certificate + key)

        changed = Event.objects.get(actor_id=root.pk)
        assert changed.details == {"tls": [False, True], "tls_certificate": ["…", "…"]}

    def test_edits_all_or_nothing(self, root):
        node = server()

        with pytest.raises(ValidationError):
            changes.edit(node, by=root, port=11112, ae_title="A\\B")

        node.refresh_from_db()
        assert node.port == 104
        assert traces(root) == []

    def test_does_not_invent_fields(self, root):
        with pytest.raises(TypeError, match="a node has no colour"):
            changes.edit(server(), by=root, colour="red")

    def test_removes_one_with_its_slots_and_access(self, root):
        node = server()
        changes.give_access(node, by=root, group=Group.objects.create(name="neuro"), source=True, destination=False)

        changes.remove(node, by=root)

        assert not Node.objects.exists()
        assert not Slot.objects.exists()
        assert not Access.objects.exists()
        assert traces(root) == ["node.access_changed", "node.removed"]

    def test_suspends_with_a_reason_and_lifts_it(self, root):
        node = server()

        changes.suspend(node, by=root, reason="moving house", now=NOW)
        assert (node.suspended_at, node.suspended_reason) == (NOW, "moving house")

        changes.lift(node, by=root)
        assert (node.suspended_at, node.suspended_reason) == (None, "")
        assert traces(root) == ["node.suspended", "node.suspension_lifted"]

    def test_does_not_suspend_without_a_reason(self, root):
        with pytest.raises(ValueError, match="reason"):
            changes.suspend(server(), by=root, reason=" ", now=NOW)

    def test_gives_access_to_a_group_or_to_a_user(self, root):
        with pytest.raises(ValueError, match="to a group or to a user"):
            changes.give_access(server(), by=root, source=True, destination=True)
