"""Rows of a batch transfer: by study, for the person the line names, and looked up before anything goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from pydicom import Dataset

from adit.deid.keys import Patient
from adit.dicom.match import Match
from adit.dicom.refs import UID, Level
from adit.endpoints.memory import Memory
from adit.transfer.batches.rows import TransferRow
from adit.transfer.batches.studies import STUDIES_PER_CHECK, checks_of, transfers_of
from adit.transfer.events import Noted
from adit.transfer.items import LookUpStudies, TransferStudy
from adit.transfer.looking_up import Seen, held_there, look_up_all
from adit.transfer.persons import same_person
from adit.transfer.treating import Treats, Unchanged, WrongPatient
from adit.transfer.weights import OTHER, TYPICAL, Experience
from tests.peers.changed import of_modality, with_elements
from tests.peers.data import Study, ct_study
from tests.transfer.moving import Attempt, held
from tests.transfer.test_treating import NEW, treats

STUDY = ct_study(series=3, instances=2, name="batch")
A, B, C = map(UID, STUDY.series)
OTHER_STUDY = ct_study(series=1, instances=2, name="other")


def row(*lines: int, series: Sequence[UID] = (), study: Study = STUDY, **values: object) -> TransferRow:
    return TransferRow(lines, study.patient_id, UID(study.uid), tuple(series), **values)


class TestRowsOfOneStudy:
    def test_become_one_item_with_all_their_lines_and_series(self):
        (item,) = transfers_of([row(2, 5, series=[A]), row(3, series=[C, A])]).items

        assert (item.lines, item.series) == ((2, 3, 5), (A, C))

    def test_keep_the_pseudonym_and_whose_they_are(self):
        born = date(1954, 3, 12)
        rows = [row(2, series=[A], pseudonym="P-1"), row(3, series=[B], patient_name="Doe^Jane", birth_date=born)]
        (item,) = transfers_of(rows).items

        assert item == TransferStudy(
            UID(STUDY.uid), (A, B), STUDY.patient_id, pseudonym="P-1", lines=(2, 3), patient_name="Doe^Jane",
            birth_date="19540312",
        )  # fmt: skip

    def test_mean_the_whole_study_when_one_names_no_series_and_that_is_said(self):
        grouped = transfers_of([row(2, series=[A]), row(3), row(4, series=[B])])

        assert grouped.items[0].series == ()
        assert grouped.notices == ("Line 3 wants the whole study of which lines 2 and 4 name series: all of it goes.",)

    def test_stand_in_the_order_of_the_file(self):
        grouped = transfers_of([row(4, study=OTHER_STUDY), row(2), row(3, study=OTHER_STUDY)])

        assert [item.lines for item in grouped.items] == [(2,), (3, 4)]
        assert grouped.notices == ()


class TestACheck:
    def test_looks_up_so_many_studies_in_one_task(self):
        items = [TransferStudy(UID(f"1.2.{number}"), lines=(number,)) for number in range(1, STUDIES_PER_CHECK + 3)]

        first, second = checks_of(items)

        assert len(first.studies) == STUDIES_PER_CHECK
        assert second.lines == (STUDIES_PER_CHECK + 1, STUDIES_PER_CHECK + 2)
        assert LookUpStudies.from_json(second.to_json()) == second


def known(**values: str) -> Match:
    told = Dataset()
    told.PatientName, told.PatientBirthDate = "Müller^Änne^Maria", "19540312"
    for keyword, value in values.items():
        setattr(told, keyword, value)
    return Match(Level.STUDY, told)


class TestAPerson:
    @pytest.mark.parametrize("name", ["Müller^Änne", "MUELLER^AENNE", "Muller^Anne^M.", "x=Müller^Änne"])
    def test_is_the_same_by_family_and_given_name_and_birth_date(self, name):
        assert same_person(name, "19540312", known())

    @pytest.mark.parametrize(
        ("name", "born"),
        [
            ("Müller^Anna", "19540312"),
            ("Müller", "19540312"),
            ("M*^Änne", "19540312"),
            ("Müller^Änne", "19540313"),
            ("Müller^Änne", ""),
            ("", "19540312"),
        ],
    )
    def test_is_nobody_in_particular_by_less(self, name, born):
        assert not same_person(name, born, known())

    def test_is_not_the_same_where_the_source_does_not_say_when_he_was_born(self):
        assert not same_person("Müller^Änne", "19540312", known(PatientBirthDate=""))


class TestAStudyOfAnotherPatientThanItsLineSays:
    item = TransferStudy(
        UID(STUDY.uid), patient_id="OTHER", pseudonym="P-01", treated=True, lines=(17,), patient_name="Müller^Änne",
        birth_date="19540312",
    )  # fmt: skip

    def test_does_not_go_under_a_pseudonym(self):
        stranger = replace(self.item, patient_name="Doe^Jane")
        sink = Memory()

        with pytest.raises(WrongPatient, match="the study belongs to another patient than line 17 says"):
            Attempt(Memory(held(STUDY)), sink, treats=treats(patient=Patient("OTHER"))).move(stranger)
        assert not sink.kept

    def test_goes_and_is_noted_when_name_and_birth_date_of_the_line_are_its_own(self):
        patient = Patient("OTHER")
        done = Attempt(Memory(held(STUDY)), sink := Memory(), treats=treats(patient=patient)).move(self.item)

        assert done.verdict == "success"
        assert {kept.instance().head().PatientID for kept in sink.kept.values()} == {"P-01"}
        noted = [event.text for event in done.events if isinstance(event, Noted)]
        assert "the study has another PatientID there than line 17 says; name and birth date are the same" in noted

    def test_goes_without_a_pseudonym_and_is_noted(self):
        item = replace(self.item, pseudonym="", treated=False, patient_name="", lines=(17, 18))
        done = Attempt(Memory(held(STUDY)), Memory()).move(item)

        assert done.verdict == "success"
        noted = [event.text for event in done.events if isinstance(event, Noted)]
        assert noted == ["the study belongs to another PatientID there than lines 17 and 18 say"]

    def test_stops_an_instance_that_belongs_to_a_third_one(self):
        mixed = with_elements(STUDY, {1: {"PatientID": "THIRD"}})
        done = Attempt(Memory(held(mixed)), sink := Memory(), treats=treats(patient=Patient("OTHER")))

        assert done.move(self.item).verdict == "warning"
        assert len(sink.kept) == len(STUDY.files) - 1


def looked_up(*items: TransferStudy, holds: Sequence[Study] = (STUDY,), how: Treats | None = None) -> list[Seen]:
    return list(look_up_all(items, Memory(held(*holds)), treats_of=lambda item: how or Unchanged()))


class TestAStudyThatIsLookedUp:
    def test_is_found_with_what_would_go(self):
        (seen,) = looked_up(TransferStudy(UID(STUDY.uid), (A, B), STUDY.patient_id))

        assert (seen.outcome, seen.reason, seen.series_count, seen.instances) == ("found", "", 2, 4)

    def test_is_not_found_where_the_source_does_not_have_it_or_a_series_of_it(self):
        unknown, partly = looked_up(
            TransferStudy(UID(OTHER_STUDY.uid), patient_id="X"),
            TransferStudy(UID(STUDY.uid), (A, UID("1.2.3")), STUDY.patient_id),
        )

        assert (unknown.outcome, unknown.reason) == ("not found", "the source does not have the study")
        assert (partly.outcome, "1.2.3" in partly.reason) == ("not found", True)

    def test_is_ambiguous_where_it_is_that_of_another_patient(self):
        (seen,) = looked_up(
            TransferStudy(UID(STUDY.uid), patient_id="OTHER", lines=(9,)), how=treats(patient=Patient("OTHER"))
        )

        assert (seen.outcome, seen.reason) == ("ambiguous", "the study belongs to another patient than line 9 says")

    def test_tells_what_stays_behind_and_what_may_show_names(self):
        mixed = of_modality(of_modality(STUDY, A, "SR"), B, "US")
        usual = TransferStudy(UID(STUDY.uid), patient_id=STUDY.patient_id)
        (seen,) = looked_up(usual, holds=[mixed], how=treats(excluded_modalities=frozenset({"SR"})))
        (bold,) = looked_up(usual, holds=[mixed], how=treats(unchecked_pixels=True))

        assert seen.behind["modality SR is excluded by the settings"] == 1
        assert sum(seen.behind.values()) == 2
        assert len(seen.going) == 1
        assert (len(bold.going), sum(bold.risks.values())) == (3, 1)

    def test_is_held_against_what_the_destination_has_under_its_new_uids(self):
        how = treats(patient=Patient(STUDY.patient_id))
        (seen,) = looked_up(TransferStudy(UID(STUDY.uid), patient_id=STUDY.patient_id), how=how)
        arrived = Memory()
        item = TransferStudy(UID(STUDY.uid), (A, B), STUDY.patient_id, pseudonym="P-01", treated=True)
        Attempt(Memory(held(STUDY)), arrived, treats=how).move(item)

        def new_uid(item: TransferStudy, uid: UID) -> UID:
            return NEW(uid)

        assert held_there([seen], arrived, new_uid=new_uid) == {UID(STUDY.uid): 4}
        assert held_there([seen], Memory(), new_uid=new_uid) == {}


def series(modality: str, instances: int | None) -> Match:
    told = Dataset()
    told.Modality = modality
    if instances is not None:
        told.NumberOfSeriesRelatedInstances = instances
    return Match(Level.SERIES, told)


class TestAnEstimate:
    def test_goes_by_the_table_until_something_was_seen(self):
        assert Experience().weight([series("CT", 10), series("XYZ", 2)]) == 10 * TYPICAL["CT"] + 2 * OTHER
        assert Experience({"CT": 1000.0}).weight([series("CT", 10)]) == 10_000

    def test_is_unknown_where_the_source_does_not_count_or_nothing_was_measured(self):
        assert Experience().weight([series("CT", None)]) is None
        assert Experience().seconds(1000) is None
        assert Experience(speed=500.0).seconds(1000) == 2.0
        assert Experience(speed=500.0).seconds(None) is None
