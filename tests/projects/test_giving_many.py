"""Pseudonyms of thousands of patients, given at once."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from adit.audit.models import Event
from adit.deid.keys import Patient
from adit.projects.aliases import add_free, give_many, known_pseudonyms, original_of, pseudonym_for
from adit.transfer.pseudonyms import UnfitPseudonym
from tests.projects.making import administrator
from tests.projects.making import project as make_project

pytestmark = pytest.mark.django_db

ANN, BOB, CID = (Patient(name) for name in ("P-1", "P-2", "P-3"))


def given(project, *, generate=True, **wanted):
    people = {"ann": ANN, "bob": BOB, "cid": CID}
    asked = {people[who]: pseudonym for who, pseudonym in wanted.items()}
    has = give_many(project, asked, by=administrator(), generate=generate)
    known = known_pseudonyms(project, people.values())
    assert has == {patient: pseudonym for patient, pseudonym in known.items() if patient in asked}
    return known


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

    def test_gives_those_of_a_list_in_their_order_before_any_is_made(self):
        project = make_project()
        add_free(project, ["FREE", "MINE", "NEXT"], by=administrator())

        known = given(project, ann=None, bob="mine", cid=None)

        assert known == {ANN: "FREE", BOB: "MINE", CID: "NEXT"}
        assert not project.aliases.filter(digest=None).exists()
        assert [original_of(alias) for alias in project.aliases.all()] == [ANN, BOB, CID]
        assert Event.objects.filter(action="project.pseudonym_given").count() == 3

    def test_makes_none_where_none_may_be_made_and_the_list_has_ended(self):
        project = make_project()
        add_free(project, ["FREE"], by=administrator())

        assert given(project, ann=None, bob=None, generate=False) == {ANN: "FREE"}

    def test_gives_no_pseudonym_of_a_list_to_whom_it_tells(self):
        project = make_project()
        add_free(project, ["P-1", "FREE"], by=administrator())

        assert given(project, ann=None, bob=None) == {BOB: "FREE"}
        with pytest.raises(UnfitPseudonym):
            pseudonym_for(project, ANN, by=administrator(), generate=True)

    def test_asks_no_more_for_a_thousand_than_for_ten_but_to_write_it_down(self):
        project = make_project()
        asked = []
        for start, count in ((0, 10), (10, 1000)):
            people = {Patient(f"Q-{number}"): None for number in range(start, start + count)}
            with CaptureQueriesContext(connection) as queries:
                give_many(project, people, by=administrator(), generate=True)
            asked.append(sum("projects_alias" in query["sql"] for query in queries))

        assert asked[1] <= asked[0] + 2


def make_again(project):
    """The project as another request reads it."""
    return type(project).objects.get(pk=project.pk)
