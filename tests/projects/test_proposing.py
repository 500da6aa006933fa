"""Pseudonyms that are proposed before anything is sent."""

from __future__ import annotations

import pytest

from adit.accounts.verdict import Denied
from adit.audit.models import Event
from adit.deid.keys import Key
from adit.projects.aliases import add_free, pseudonym_for
from adit.projects.keys import key_of
from adit.projects.models import Alias
from adit.projects.proposing import proposals
from tests.projects.making import ANNE, BO, administrator, member, project

pytestmark = pytest.mark.django_db


class TestProposals:
    def test_are_what_the_patients_have_already_else_what_is_made(self):
        stroke = project()
        by = member(stroke, may_link=True)
        pseudonym_for(stroke, ANNE, "ALPHA", by=by)

        found = proposals(stroke, [ANNE, BO], by=by, made=True)
        assert found == {ANNE: "ALPHA", BO: Key(key_of(stroke)).pseudonym_of(BO)}

    def test_are_what_sending_gives_then(self):
        stroke = project()
        by = member(stroke, may_link=True)
        add_free(stroke, ["ONE", "TWO"], by=administrator())
        found = proposals(stroke, [ANNE, BO], by=by, made=False)

        assert found == {each: pseudonym_for(stroke, each, by=by) for each in (ANNE, BO)}

    def test_are_none_where_none_may_be_made(self):
        stroke = project()

        assert proposals(stroke, [ANNE], by=member(stroke, may_link=True), made=False) == {}

    def test_write_nothing_but_the_look(self):
        stroke = project()
        proposals(stroke, [ANNE], by=member(stroke, may_link=True), made=True)

        assert not Alias.objects.exists()
        assert Event.objects.get(action="project.linked").details["patients"] == 1

    def test_are_for_members_who_may_link(self):
        stroke = project()
        with pytest.raises(Denied):
            proposals(stroke, [ANNE], by=member(stroke), made=True)
