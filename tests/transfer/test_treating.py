"""A study that is pseudonymised on its way: what goes, what stays, and what the ledger says of the originals."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import pytest
from pydicom import Dataset

from adit.deid.dates import shift_date
from adit.deid.keys import Key, Patient
from adit.deid.profile import find_profile
from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.refs import UID, Level, Ref
from adit.endpoints.memory import Faults, Memory
from adit.transfer.events import Excluded, Failed, Noted, Stored
from adit.transfer.items import Layout, TransferStudy
from adit.transfer.layout import layout_of
from adit.transfer.ledger import Ledger
from adit.transfer.plan import NO_TRIAL, Trial
from adit.transfer.treating import Labelled, Treats, Unfit, WrongPatient, pseudonymised
from tests.endpoints.conformance import kept
from tests.peers.changed import data_of, of_modality, with_elements
from tests.peers.data import EXPLICIT_LITTLE, IMPLICIT_LITTLE, ct_study
from tests.transfer.moving import Attempt, held, states

KEY = bytes(range(32))
STUDY = ct_study(series=2, instances=4, name="treated")
A, B = map(UID, STUDY.series)
PATIENT = Patient(STUDY.patient_id)
NEW = Key(KEY).uid


def treats(
    profile: str = "research", *, pseudonym: str = "P-01", patient: Patient = PATIENT, **values: object
) -> Treats:
    usual = {
        "domain": "",
        "trial": NO_TRIAL,
        "converted": False,
        "excluded_modalities": frozenset(),
        "unchecked_pixels": False,
        "released": frozenset(),
    }
    return pseudonymised(find_profile(profile), KEY, patient, pseudonym=pseudonym, **usual | values)


def item(**values: object) -> TransferStudy:
    usual = TransferStudy(UID(STUDY.uid), patient_id=STUDY.patient_id, pseudonym="P-01", treated=True)
    return replace(usual, **values)


class Asked(Memory):
    """Remembers what is retrieved from it."""

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]:
        self.asked.append(list(refs))
        yield from super().retrieve(refs)

    def __init__(self, *args: object, **values: object) -> None:
        super().__init__(*args, **values)
        self.asked: list[list[Ref]] = []


def match(**values: object) -> Match:
    told = Dataset()
    told.StudyInstanceUID, told.PatientID, told.PatientName = STUDY.uid, STUDY.patient_id, STUDY.patient_name
    told.StudyDate, told.StudyTime, told.ModalitiesInStudy = "20200229", "101112", ["CT"]
    for keyword, value in values.items():
        setattr(told, keyword, value)
    return Match(Level.STUDY, told)


class TestAPseudonymisedStudy:
    def test_is_stored_under_new_uids_and_counted_under_its_own(self):
        done = Attempt(Memory(held(STUDY)), sink := Memory(), treats=treats()).move(item())

        assert done.verdict == "success"
        assert set(sink.kept) == {NEW(file.uid) for file in STUDY.files}
        assert set(done.ledger.series) == {A, B}
        assert done.ledger.stored_instances == STUDY.instances
        assert [tally.confirmed for tally in done.ledger.series.values()] == [4, 4]

    def test_keeps_its_pixel_data(self):
        Attempt(Memory(held(STUDY)), sink := Memory(), treats=treats()).move(item())

        for file in STUDY.files:
            assert sink.kept[NEW(file.uid)].encoded.endswith(file.encoded[-8192:])

    def test_goes_on_after_a_break_with_what_the_destination_lacks(self):
        source, sink = Memory(held(STUDY)), Memory()
        first = Attempt(source, sink, treats=treats()).move(item())
        for file in STUDY.files[:3]:
            del sink.kept[NEW(file.uid)]
        second = Attempt(source, sink, treats=treats(), ledger=Ledger(states(first.ledger)))

        second.move(item(), again=True)

        assert second.verdict == "success"
        assert set(sink.kept) == {NEW(file.uid) for file in STUDY.files}
        assert [len(second.of(kind)) for kind in (Stored,)] == [3]

    def test_sends_nothing_again_where_only_the_ledger_knows_what_went(self):
        source, sink = Memory(held(STUDY)), Memory(faults=Faults(verifiable=False))
        first = Attempt(source, sink, treats=treats()).move(item())

        second = Attempt(source, sink, treats=treats(), ledger=Ledger(states(first.ledger))).move(item(), again=True)

        assert (second.verdict, second.of(Stored)) == ("success", [])


class TestItsFolder:
    @pytest.mark.parametrize(
        ("profile", "study"),
        [
            ("research", "20200229-101112-CT"),
            ("longitudinal", f"{shift_date('20200229', Key(KEY).shift_of(PATIENT))}-101112-CT"),
            ("basic", "CT"),
        ],
    )
    def test_is_named_after_the_treated_study(self, profile, study):
        layout = layout_of(treats(profile).placed(match()), [], "job")

        assert layout == Layout("job", "P-01", study)

    def test_never_has_the_original_uid(self):
        told = treats("basic").placed(match(ModalitiesInStudy=[]))

        assert layout_of(told, [], "job").study == NEW(STUDY.uid)


class TestWhatStaysBehind:
    def test_is_not_even_retrieved_where_its_series_tells(self):
        study = of_modality(STUDY, B, "US")
        source = Asked(held(study))

        done = Attempt(source, sink := Memory(), treats=treats()).move(item())

        assert source.asked == [[Ref(UID(STUDY.uid), A)]]
        assert set(sink.kept) == {NEW(file.uid) for file in STUDY.of(A)}
        left, gone = done.ledger.series[B], done.ledger.series[A]
        assert (left.expected, left.excluded_count, left.failed) == (4, 4, 0)
        assert "ultrasound" in left.left_out
        assert left.reasons() == {left.left_out: 4}
        assert (gone.expected, gone.confirmed) == (4, 4)
        assert done.ledger.verdict().message == "4 of 4 instances stored and confirmed; 4 excluded"

    def test_goes_where_unchecked_pixels_may(self):
        study = of_modality(STUDY, B, "US")

        done = Attempt(Memory(held(study)), sink := Memory(), treats=treats(unchecked_pixels=True)).move(item())

        assert (done.verdict, len(sink.kept)) == ("success", 8)

    def test_is_excluded_by_modality_where_the_settings_say_so(self):
        done = Attempt(Memory(held(STUDY)), Memory(), treats=treats(excluded_modalities=frozenset({"CT"}))).move(item())

        assert done.layouts == []
        assert done.verdict == "success"
        assert done.ledger.verdict().message == "nothing of it may go: 8 instances excluded"

    def test_is_told_by_the_only_sop_class_of_the_study_too(self):
        study, series = match(SOPClassesInStudy="1.2.840.10008.5.1.4.1.1.7"), match(Modality="CT")

        assert "secondary capture" in treats().stays_behind(study, series)
        assert treats().stays_behind(match(), series) == ""

    def test_is_excluded_on_arrival_where_only_the_instance_tells(self):
        study = with_elements(STUDY, {0: {"BurnedInAnnotation": "YES"}})

        done = Attempt(Memory(held(study)), sink := Memory(), treats=treats()).move(item())

        assert done.verdict == "success"
        (excluded,) = done.of(Excluded)
        assert excluded.ref.instance == STUDY.files[0].uid
        assert NEW(STUDY.files[0].uid) not in sink.kept
        assert (done.ledger.series[A].expected, done.ledger.series[A].excluded_count) == (4, 1)

    def test_is_not_asked_for_again(self):
        study = with_elements(STUDY, {0: {"BurnedInAnnotation": "YES"}})
        source = Asked(held(study))

        Attempt(source, Memory(), treats=treats()).move(item())

        assert len(source.asked) == 1


class TestAnInstanceThatCannotBeTreated:
    def test_fails_with_its_reason_and_the_others_go(self):
        study = with_elements(STUDY, {1: {"PatientID": "SOMEBODY ELSE"}})

        done = Attempt(Memory(held(study)), sink := Memory(), treats=treats()).move(item())

        assert done.verdict == "warning"
        assert len(sink.kept) == 7
        (failed,) = done.of(Failed)
        assert (failed.ref.instance, failed.transient) == (STUDY.files[1].uid, False)
        assert "another patient" in done.ledger.verdict().message
        assert "SOMEBODY" not in done.ledger.verdict().message


class TestAStudyOfSomebodyElse:
    @pytest.mark.parametrize("asked", [{"patient_id": "OTHER"}, {"issuer": "ELSEWHERE"}])
    def test_does_not_go_under_a_pseudonym(self, asked):
        with pytest.raises(WrongPatient, match="another patient than was asked for"):
            treats().whose(item(**asked), match(IssuerOfPatientID="HERE"))

    def test_goes_as_it_is_and_that_is_noted(self):
        done = Attempt(Memory(held(STUDY)), Memory()).move(replace(item(treated=False), patient_id="OTHER"))

        assert done.verdict == "success"
        assert "belongs to another PatientID" in done.of(Noted)[0].text

    def test_is_not_suspected_where_the_source_does_not_say(self):
        assert treats().whose(item(issuer="HERE"), match(PatientID="")) == ""

    def test_stops_before_anything_is_retrieved(self):
        source = Asked(held(STUDY))

        with pytest.raises(WrongPatient):
            Attempt(source, Memory(), treats=treats()).move(item(patient_id="OTHER"))

        assert source.asked == []


class TestAPseudonymThatTellsWhoItIs:
    def test_stops_the_study_where_the_source_tells_the_name(self):
        with pytest.raises(Unfit, match="part of the patient's name"):
            treats(pseudonym="Mueller-1").whose(item(), match())

    def test_does_not_by_chance_when_it_was_made(self):
        made = Key(KEY).pseudonym_of(PATIENT)

        assert treats(pseudonym=made).whose(item(), match(PatientName=f"{made[2:5]}^X")) == ""


class TestALabelledStudy:
    @pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, IMPLICIT_LITTLE])
    def test_keeps_all_but_the_trial_it_is_sent_for(self, syntax):
        (file,) = ct_study(instances=1, transfer_syntax=syntax).files

        with Labelled(Trial("PROT-1", "A trial")).apply(kept(file).instance()) as labelled:
            encoded = b"".join(labelled.body.chunks())
            assert labelled.body.size == len(encoded)

        after = data_of(replace(file, encoded=encoded))
        assert (after.ClinicalTrialProtocolID, after.ClinicalTrialProtocolName) == ("PROT-1", "A trial")
        for tag in [element.tag for element in after if element.tag.group == 0x0012]:
            del after[tag]
        assert after == data_of(file)

    def test_is_read_by_the_same_name_afterwards(self):
        done = Attempt(Memory(held(STUDY)), sink := Memory(), treats=Labelled(Trial("PROT-1"))).move(item(pseudonym=""))

        assert done.verdict == "success"
        assert set(sink.kept) == STUDY.instances
