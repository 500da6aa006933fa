import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from adit.accounts.models import User, local_administrator
from adit.audit.models import Event
from adit.nodes.changes import give_access
from adit.nodes.models import Accepts, Access, Node
from adit.nodes.permissions import can_receive, can_search, can_send, may_use, takes
from tests.nodes.making import folder, server

pytestmark = pytest.mark.django_db


@pytest.fixture
def pacs():
    return server("PACS")


class TestUsingANode:
    def test_needs_an_access_row(self, pacs, anna, group):
        assert may_use(pacs, user=anna, group=group, as_source=True).reason == (
            "anna in the group neuro may not use PACS as source; an administrator can give access."
        )

    def test_is_granted_to_a_group_for_what_its_row_says(self, pacs, anna, group):
        Access.objects.create(node=pacs, group=group, source=True)

        assert may_use(pacs, user=anna, group=group, as_source=True)
        assert not may_use(pacs, user=anna, group=group, as_destination=True)
        assert list(Node.objects.usable_as_source(anna, group)) == [pacs]
        assert list(Node.objects.usable_as_destination(anna, group)) == []

    def test_is_granted_to_a_user_in_every_group_and_without(self, pacs, anna, group):
        Access.objects.create(node=pacs, user=anna, destination=True)

        assert may_use(pacs, user=anna, group=group, as_destination=True)
        assert may_use(pacs, user=anna, group=None, as_destination=True)

    def test_counts_only_the_group_that_acts(self, pacs, anna, group):
        other = Group.objects.create(name="cardio")
        anna.groups.add(other)
        Access.objects.create(node=pacs, group=other, source=True)

        assert not may_use(pacs, user=anna, group=group, as_source=True)
        assert not Node.objects.usable_as_source(anna, group).exists()
        assert may_use(pacs, user=anna, group=other, as_source=True)

    def test_as_both_needs_both_flags_in_one_row(self, pacs, anna, group):
        Access.objects.create(node=pacs, group=group, source=True)
        Access.objects.create(node=pacs, user=anna, destination=True)

        assert not may_use(pacs, user=anna, group=group, as_source=True, as_destination=True)
        assert not Node.objects.usable(anna, group, as_source=True, as_destination=True).exists()

    def test_does_not_borrow_a_flag_from_another_groups_row(self, pacs, anna, group):
        other = Group.objects.create(name="cardio")
        Access.objects.create(node=pacs, group=group, source=True)
        Access.objects.create(node=pacs, group=other, destination=True)

        assert not Node.objects.usable_as_destination(anna, group).exists()

    def test_ends_when_the_user_leaves_the_group(self, pacs, anna, group):
        Access.objects.create(node=pacs, group=group, source=True)
        anna.groups.clear()

        assert "not a member" in may_use(pacs, user=anna, group=group, as_source=True).reason
        assert not Node.objects.usable_as_source(anna, group).exists()

    def test_ends_when_the_account_is_deactivated(self, pacs, anna, group):
        Access.objects.create(node=pacs, user=anna, source=True)
        anna.is_active = False

        assert "deactivated" in may_use(pacs, user=anna, group=group, as_source=True).reason
        assert not Node.objects.usable_as_source(anna, group).exists()

    def test_ends_when_the_node_is_switched_off(self, pacs, anna, group):
        Access.objects.create(node=pacs, group=group, source=True)
        Node.objects.update(enabled=False)
        pacs.refresh_from_db()

        assert "switched off" in may_use(pacs, user=anna, group=group, as_source=True).reason
        assert not Node.objects.usable_as_source(anna, group).exists()

    def test_is_granted_to_the_command_line_for_every_node(self, pacs):
        root = local_administrator("root")

        assert may_use(pacs, user=root, group=None, as_source=True, as_destination=True)
        assert list(Node.objects.usable_as_destination(root, None)) == [pacs]

    def test_is_not_granted_to_a_superuser_who_logs_in(self, pacs):
        chief = User.objects.create_superuser("chief")

        assert not may_use(pacs, user=chief, group=None, as_source=True)
        assert not Node.objects.usable_as_source(chief, None).exists()

    def test_is_asked_for_something(self, pacs, anna, group):
        with pytest.raises(ValueError, match="as source or as destination"):
            may_use(pacs, user=anna, group=group)


class TestAnAccessRow:
    @pytest.mark.parametrize("who", ["both", "nobody"])
    def test_speaks_of_a_group_or_of_a_user(self, pacs, anna, group, who):
        whom = {"group": group, "user": anna} if who == "both" else {}

        with pytest.raises(IntegrityError, match="access_of_a_group_or_a_user"), transaction.atomic():
            Access.objects.create(node=pacs, source=True, **whom)

    def test_grants_something(self, pacs, group):
        with pytest.raises(IntegrityError, match="access_grants_something"), transaction.atomic():
            Access.objects.create(node=pacs, group=group)

    def test_is_one_for_each_group_and_user(self, pacs, anna, group):
        Access.objects.create(node=pacs, group=group, source=True)
        Access.objects.create(node=pacs, user=anna, source=True)

        with pytest.raises(IntegrityError, match="one_access_row_per_group"), transaction.atomic():
            Access.objects.create(node=pacs, group=group, destination=True)
        with pytest.raises(IntegrityError, match="one_access_row_per_user"), transaction.atomic():
            Access.objects.create(node=pacs, user=anna, destination=True)

    def test_is_set_changed_and_taken_away_by_one_verb_that_leaves_a_trace(self, pacs, anna, group):
        root = local_administrator("root")

        give_access(pacs, by=root, group=group, source=True, destination=False)
        give_access(pacs, by=root, group=group, source=True, destination=True)
        assert may_use(pacs, user=anna, group=group, as_source=True, as_destination=True)

        give_access(pacs, by=root, group=group, source=False, destination=False)
        assert not Access.objects.exists()
        traces = Event.objects.filter(action="node.access_changed", nodes__contains=["PACS"], actor="local:root")
        assert [trace.details["destination"] for trace in traces.order_by("id")][-3:] == [False, True, False]


class TestWhatANodeCanDo:
    def test_is_everything_for_a_folder(self):
        disk = folder("disk", "/data")

        assert can_receive(disk)
        assert can_search(disk)
        assert can_send(disk)

    def test_is_what_its_abilities_say(self):
        receiver = server("receiver", find_study=False, get_study=False)
        sender = server("sender", store=False)

        assert can_receive(receiver)
        assert "neither C-FIND nor QIDO" in can_search(receiver).reason
        assert "nothing can be retrieved" in can_send(receiver).reason
        assert can_send(sender)
        assert "neither C-STORE nor STOW" in can_receive(sender).reason


class TestWhatANodeTakes:
    @pytest.mark.parametrize(
        ("accepts", "untouched", "pseudonymised", "shifted"),
        [
            (Accepts.ANYTHING, True, True, True),
            (Accepts.PSEUDONYMISED, False, True, True),
            (Accepts.MODIFIED_DATES, False, False, True),
            (Accepts.IDENTIFIED, True, False, False),
        ],
    )
    def test_is_what_it_demands(self, accepts, untouched, pseudonymised, shifted):
        node = Node(name="research", accepts=accepts)

        assert bool(takes(node, pseudonymised=False, dates_modified=False)) == untouched
        assert bool(takes(node, pseudonymised=True, dates_modified=False)) == pseudonymised
        assert bool(takes(node, pseudonymised=True, dates_modified=True)) == shifted
