"""One patient, one pseudonym, for good."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from adit.audit.models import Event
from adit.deid.keys import Key, Patient
from adit.projects.aliases import NoPseudonym, Taken, add_free, original_of, pseudonym_for
from adit.projects.keys import key_of
from adit.projects.models import Alias, Project
from adit.transfer.pseudonyms import UnfitPseudonym
from tests.projects.making import ANNE, BO, administrator, project


@pytest.mark.django_db
class TestAPseudonym:
    def test_that_is_wanted_is_the_patients_for_good(self):
        stroke, by = project(), administrator()

        assert pseudonym_for(stroke, ANNE, "P-01", by=by) == "P-01"
        assert pseudonym_for(stroke, ANNE, by=by) == "P-01"
        assert pseudonym_for(stroke, ANNE, "p-01", by=by, generate=True) == "P-01"
        assert Alias.objects.count() == 1

    def test_is_made_from_the_key_where_that_is_allowed(self):
        stroke, by = project(), administrator()

        made = pseudonym_for(stroke, ANNE, by=by, generate=True)

        assert made == Key(key_of(stroke)).pseudonym_of(ANNE)
        assert pseudonym_for(stroke, BO, by=by, generate=True) != made
        with pytest.raises(NoPseudonym, match="Patient 4713 has no pseudonym in project Stroke"):
            pseudonym_for(stroke, Patient("4713"), by=by)

    def test_of_another_patient_is_refused_by_what_the_caller_brought_and_no_more(self):
        stroke, by = project(), administrator()
        pseudonym_for(stroke, ANNE, "P-01", by=by)

        with pytest.raises(Taken, match=r"The pseudonym 'p-01' belongs to another patient") as refused:
            pseudonym_for(stroke, BO, "p-01", by=by)

        assert ANNE.id not in str(refused.value)

    def test_other_than_the_patient_has_is_refused_without_naming_that(self):
        stroke, by = project(), administrator()
        pseudonym_for(stroke, ANNE, "P-01", by=by)

        with pytest.raises(Taken, match=r"Patient 4711 has another pseudonym than 'P-02'") as refused:
            pseudonym_for(stroke, ANNE, "P-02", by=by)

        assert "P-01" not in str(refused.value)

    @pytest.mark.parametrize("wanted", ["X4711", "Meierlein", "a^b"])
    def test_that_tells_who_it_is_is_refused_and_not_kept(self, wanted):
        with pytest.raises(UnfitPseudonym):
            pseudonym_for(project(), ANNE, wanted, by=administrator(), name="Meier^Anne")

        assert not Alias.objects.exists()

    def test_is_of_the_patient_of_one_issuer_and_one_domain(self):
        stroke, by = project(), administrator()
        people = [ANNE, Patient("4711", "PRACTICE", "east"), Patient("4711", "HOSPITAL", "west"), Patient("4711")]

        assert len({pseudonym_for(stroke, each, by=by, generate=True) for each in people}) == 4

    def test_may_be_the_same_in_two_projects_without_joining_them(self):
        stroke, glioma, by = project("Stroke"), project("Glioma"), administrator()
        for each in (stroke, glioma):
            pseudonym_for(each, ANNE, "P-01", by=by)

        digests = {bytes(digest) for digest in Alias.objects.values_list("digest", flat=True)}
        assert len(digests) == 2

    def test_does_not_tell_who_it_is_without_the_key_and_does_with_it(self):
        stroke = project()
        pseudonym_for(stroke, ANNE, "P-01", by=administrator())

        with connection.cursor() as cursor:
            cursor.execute("SELECT a::text FROM projects_alias a")
            (stored,) = cursor.fetchone()
        assert ANNE.id not in stored
        assert original_of(Alias.objects.get()) == ANNE

    def test_is_audited_without_being_named(self):
        pseudonym_for(project(), ANNE, "P-01", by=administrator())

        event = Event.objects.get(action="project.pseudonym_given")
        assert (event.patient_id, event.details) == ("4711", {"project": "Stroke"})

    def test_cannot_stand_twice_in_the_table_whoever_writes(self):
        stroke = project()
        pseudonym_for(stroke, ANNE, "P-01", by=administrator())

        with pytest.raises(IntegrityError, match="one_patient_per_pseudonym"), transaction.atomic():
            Alias.objects.create(project=stroke, pseudonym="p-01")


@pytest.mark.django_db
class TestAListOfPseudonyms:
    def test_is_given_out_in_its_order(self):
        stroke, by = project(), administrator()

        assert add_free(stroke, ["T-1", "T-2", "t-2", "T-3"], by=by) == 3
        assert add_free(stroke, ["T-3", "T-4"], by=by) == 1

        assert pseudonym_for(stroke, BO, by=by) == "T-1"
        assert pseudonym_for(stroke, ANNE, "T-3", by=by) == "T-3"
        assert pseudonym_for(stroke, Patient("4713"), by=by, generate=True) == "T-2"
        assert pseudonym_for(stroke, BO, by=by) == "T-1"

    def test_gives_nobody_what_would_tell_who_it_is(self):
        stroke, by = project(), administrator()
        add_free(stroke, ["Anne-1"], by=by)

        with pytest.raises(UnfitPseudonym):
            pseudonym_for(stroke, ANNE, by=by, name="Meier^Anne")

        assert Alias.objects.get().digest is None


@pytest.mark.django_db(transaction=True)
class TestManyAtOnce:
    def together(self, number: int, action):
        """What *number* threads get that call *action* at the same time with their number."""
        barrier = threading.Barrier(number)

        def run(which: int):
            try:
                barrier.wait(20)
                return action(which)
            except Taken as taken:
                return taken
            finally:
                connection.close()

        with ThreadPoolExecutor(number) as pool:
            return list(pool.map(run, range(number)))

    def test_get_one_pseudonym_for_one_patient(self):
        stroke, by = project(), administrator()

        got = self.together(6, lambda which: pseudonym_for(stroke, ANNE, by=by, generate=True))

        assert len(set(got)) == 1
        assert Alias.objects.count() == 1

    def test_do_not_give_one_pseudonym_to_two(self):
        stroke, by = project(), administrator()

        got = self.together(6, lambda which: pseudonym_for(stroke, Patient(f"47{which}1"), "P-01", by=by))

        assert sorted(isinstance(each, Taken) for each in got) == [False, True, True, True, True, True]

    def test_take_different_ones_of_a_list(self):
        stroke, by = Project.objects.get(pk=project().pk), administrator()
        add_free(stroke, [f"T-{number}" for number in range(6)], by=by)

        got = self.together(6, lambda which: pseudonym_for(stroke, Patient(f"47{which}1"), by=by))

        assert sorted(got) == [f"T-{number}" for number in range(6)]
