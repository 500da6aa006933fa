from itertools import product

import pytest
from django.contrib.auth.models import Group

from adit.accounts.models import local_administrator
from adit.nodes.effective import effective_nodes
from adit.nodes.models import Access
from adit.nodes.permissions import may_use
from tests.nodes.making import server

pytestmark = pytest.mark.django_db


def answer(user, group):
    (found,) = effective_nodes(user, group)
    return found


class TestEffectiveAccessToNodes:
    def test_says_from_which_row_it_comes(self, anna, group):
        node = server("PACS")
        Access.objects.create(node=node, group=group, source=True)
        Access.objects.create(node=node, user=anna, destination=True)

        found = answer(anna, group)

        assert (found.source, found.destination) == (True, True)
        assert found.why == (
            "Access as source was given to the group neuro. Access as destination was given to the account."
        )

    def test_names_no_node_that_one_cannot_know_of_unless_wanted(self, anna, group):
        Access.objects.create(node=server("PACS"), group=Group.objects.create(name="other"), source=True)

        assert effective_nodes(anna, group, unknown=False) == []
        Access.objects.create(node=server("Own", ae_title="OWN"), user=anna, source=True)
        assert [each.node.name for each in effective_nodes(anna, group, unknown=False)] == ["Own"]
        assert len(effective_nodes(anna, group)) == 2

    def test_says_why_not(self, anna, group):
        node = server("PACS")
        assert answer(anna, group).why == "Neither the account nor the active group was given access."
        Access.objects.create(node=node, group=group, source=True)
        assert answer(anna, None).why == "Only in the name of another group: neuro."
        node.enabled = False
        node.save()
        assert answer(anna, group).why == "It is switched off."

    def test_of_the_command_line_is_everything(self):
        server("PACS")

        found = answer(local_administrator("anna"), None)

        assert (found.source, found.destination, found.why) == (True, True, "The command line may use every node.")

    def test_is_what_the_rule_says_in_every_case(self, anna, group):
        node, other = server("PACS"), Group.objects.create(name="other")
        sides = [(False, False), (True, False), (False, True)]
        for own, of_group, of_other, member, acting in product(
            sides, sides, [(False, False), (True, True)], (True, False), (group, other, None)
        ):
            node.access.all().delete()
            for holder, (source, target) in (
                ({"user": anna}, own),
                ({"group": group}, of_group),
                ({"group": other}, of_other),
            ):
                if source or target:
                    Access.objects.create(node=node, source=source, destination=target, **holder)
            anna.groups.set([group] if member else [])

            found = answer(anna, acting)

            assert found.source == bool(may_use(node, user=anna, group=acting, as_source=True))
            assert found.destination == bool(may_use(node, user=anna, group=acting, as_destination=True))
