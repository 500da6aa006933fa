"""What is remembered of other instances changes nothing but the time it takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from adit.deid.memory import LONGEST, Memory, Room
from adit.deid.treatment import Treatment
from adit.dicom.errors import DicomError
from adit.dicom.instance import InMemory, Instance
from tests.deid.treating import content, ct, from_file, instance, order
from tests.dicom.files import readable_files
from tests.dicom.making import NATIVE, data_sets

UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


def whole_files() -> Iterator[Instance]:
    for file in readable_files():
        if all(file.dataset.get(keyword) for keyword in UIDS):
            yield from_file(file)


def outcome(treatment: Treatment, instance: Instance) -> bytes | str:
    try:
        return content(treatment.apply(instance))
    except DicomError as error:
        return f"{type(error).__name__}: {error}"


def copy(one: Instance, encoded: bytes) -> Instance:
    return Instance(one.ref, one.sop_class, one.transfer_syntax, InMemory(encoded))


class TestARememberingTreatment:
    @pytest.mark.parametrize("name", ["basic", "research", "longitudinal"])
    def test_does_to_every_real_object_what_it_does_to_it_alone(self, name: str) -> None:
        remembering = Treatment(order(name))
        for _ in range(2):
            for one in whole_files():
                encoded = content(one)
                alone = outcome(Treatment(order(name), remember=False), copy(one, encoded))
                assert outcome(remembering, copy(one, encoded)) == alone

    @settings(max_examples=40, deadline=None)
    @given(made=st.lists(data_sets(), min_size=2, max_size=4), transfer_syntax=st.sampled_from(NATIVE))
    def test_does_to_any_data_set_what_it_does_to_it_alone(self, made: list[Dataset], transfer_syntax) -> None:
        remembering = Treatment(order("longitudinal"))
        for each in (*made, *made):
            for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID"):
                setattr(each, keyword, ct()[keyword].value)
            each.SpecificCharacterSet = "ISO_IR 192"

            alone = outcome(Treatment(order("longitudinal"), remember=False), instance(each, transfer_syntax))
            assert outcome(remembering, instance(each, transfer_syntax)) == alone

    def test_tells_patients_apart(self) -> None:
        remembering = Treatment(order("longitudinal"))
        shared = {"SeriesDescription": "Kopf Mustermann", "InterventionStatus": "MUSTERMANN"}
        others = [ct(**shared), ct(PatientID="87654321", PatientName="Beispiel^Max", **shared), ct(**shared)]

        for each in others:
            alone = outcome(Treatment(order("longitudinal"), remember=False), instance(each))
            assert outcome(remembering, instance(each)) == alone

    def test_counts_what_it_cut_in_each_instance(self) -> None:
        remembering = Treatment(order())

        for _ in range(3):
            remembering.apply(instance(ct(SeriesDescription="Kopf Mustermann", PatientName="Anderer")))

        assert list(remembering.tally.sentences()) == ["1 word cut from SeriesDescription, 3 times"]
        assert remembering.tally.cut == {"Mustermann": 3}


class TestAMemory:
    def test_forgets_what_was_not_asked_for(self) -> None:
        room = Room(most=10_000)
        memory: Memory[str] = Memory(room)
        memory.put(b"asked for", "1")
        memory.put(b"not", "2")

        for number in range(200):
            memory.put(b"%d" % number, "")
            assert memory.get(b"asked for") == "1"

        assert memory.get(b"not") is None
        assert memory.get(b"199") == ""

    def test_shares_its_room(self) -> None:
        room = Room(most=10_000)
        one, other = Memory[str](room), Memory[str](room)
        one.put(b"key", "1")

        for number in range(200):
            other.put(b"%d" % number, "")

        assert one.get(b"key") is None

    def test_does_not_hold_long_ones(self) -> None:
        memory: Memory[str] = Memory(Room())

        memory.put(bytes(LONGEST + 1), "1")

        assert memory.get(bytes(LONGEST + 1)) is None
