"""Pseudonyms of thousands of patients, given at once."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from adit.audit.models import Event
from adit.deid.keys import Patient
from adit.projects.aliases import add_free, give_many, known_pseudonyms, pseudonym_for
from tests.projects.making import administrator
from tests.projects.making import project as make_project

pytestmark = pytest.mark.django_db

ANN, BOB, CID = (Patient(name) for name in ("P-1", "P-2", "P-3"))


def given(project, **wanted):
    people = {"ann": ANN, "bob": BOB, "cid": CID}
    give_many(project, {people[who]: pseudonym for who, pseudonym in wanted.items()}, by=administrator())
    return known_pseudonyms(project, people.values())


class TestGivingMany:
    def test_gives_what_is_wanted_and_makes_the_rest(self):
        project = make_project()
        known = given(project, ann="ALPHA", bob=None)

        assert known[ANN] == "ALPHA"
        assert known[BOB] == pseudonym_for(make_again(project), BOB, by=administrator(), generate=True)
        assert Event.objects.filter(action="project.pseudonym_given").count() == 2

    def test_changes_nothing_of_those_who_have_one(self):
        project = make_project()
        given(project, ann="ALPHA")

        assert given(project, ann="BETA")[ANN] == "ALPHA"
        assert Event.objects.filter(action="project.pseudonym_given").count() == 1

    def test_leaves_out_whose_pseudonym_is_taken(self):
        project = make_project()
        given(project, ann="ALPHA")

        assert given(project, bob="alpha", cid="GAMMA") == {ANN: "ALPHA", CID: "GAMMA"}

    def test_gives_none_while_the_list_has_free_ones(self):
        project = make_project()
        add_free(project, ["FREE"], by=administrator())

        assert given(project, ann=None) == {}

    def test_asks_no_more_for_a_thousand_than_for_ten_but_to_write_it_down(self):
        project = make_project()
        asked = []
        for start, count in ((0, 10), (10, 1000)):
            people = {Patient(f"Q-{number}"): None for number in range(start, start + count)}
            with CaptureQueriesContext(connection) as queries:
                give_many(project, people, by=administrator())
            asked.append(sum("projects_alias" in query["sql"] for query in queries))

        assert asked[1] <= asked[0] + 2


def make_again(project):
    """The project as another request reads it."""
    return type(project).objects.get(pk=project.pk)
