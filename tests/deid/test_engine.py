"""dicognito is the engine in fact: what it is asked to make, it makes as it would by itself."""

from __future__ import annotations

from functools import cache

import pytest
from dicognito.anonymizer import Anonymizer
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset

from adit.deid.engine import Engine
from adit.deid.keys import Key
from adit.deid.profile import PROFILES
from adit.deid.rules.actions import Action
from adit.deid.rules.resolve import Rules
from adit.deid.rules.tables import attributes
from adit.dicom.refs import UID
from tests.deid.treating import KEY, ct, treated
from tests.peers.data import CT_IMAGE

SEED = Key(KEY).engine_seed

_INSTITUTION = 0x00080080


REPORT = UID("1.2.840.10008.5.1.4.1.1.88.11")

_SOP_CLASSES = (UID(CT_IMAGE), REPORT, UID("1.2.840.10008.5.1.4.1.1.1.2"), UID("1.2.840.10008.5.1.4.1.1.481.3"))


@cache
def asked() -> dict[int, str]:
    """Attributes that a shipped profile leaves to the engine in objects of several kinds, with their VR."""
    return {
        row.tag: row.vr
        for name in PROFILES
        for sop_class in _SOP_CLASSES
        for row in attributes().values()
        for inside in (None, 0x00081115)
        if Rules.of(PROFILES[name], sop_class).action(row.tag, row.vr, inside=inside) is Action.ENGINE
    }


def by_itself(dataset: Dataset) -> Dataset:
    dataset.file_meta = FileMetaDataset()
    Anonymizer(seed=SEED).anonymize(dataset)
    return dataset


class TestTheEngine:
    def test_is_asked_for_names_and_institutions(self) -> None:
        found = asked()

        assert _INSTITUTION in found
        assert {vr for tag, vr in found.items() if tag != _INSTITUTION} == {"PN"}

    @pytest.mark.parametrize("text", ["Mustermann^Erika", "Universitätsklinikum Beispiel", "X", "a^b^c=d=e"])
    def test_makes_for_each_what_dicognito_makes_of_it_alone(self, text: str) -> None:
        engine = Engine(SEED)
        for tag, vr in asked().items():
            alone = Dataset()
            alone.add_new(tag, vr, text)

            assert engine.stand_in(tag, vr, text) == str(by_itself(alone)[tag].value)

    def test_makes_in_a_treated_object_what_dicognito_makes_in_a_whole_one(self) -> None:
        def report() -> Dataset:
            observer = Dataset()
            observer.VerifyingObserverName = "Beispiel^Doktor"
            made = ct(SOPClassUID=REPORT, Modality="SR", VerifyingObserverSequence=[observer])
            made.PatientSex = "O"
            return made

        ours, theirs = treated(report()), by_itself(report())

        made = str(theirs.VerifyingObserverSequence[0].VerifyingObserverName)
        assert made != "Beispiel^Doktor"
        assert str(ours.VerifyingObserverSequence[0].VerifyingObserverName) == made

    @pytest.mark.parametrize("vr", ["DA", "LO", "UI"])
    def test_has_nothing_where_dicognito_fails_or_leaves_the_value(self, vr: str) -> None:
        assert Engine(SEED).stand_in(0x00091010, vr, "20201341") is None

    def test_is_the_same_for_all_patients(self) -> None:
        names = {str(Engine(SEED).stand_in(0x00081050, "PN", "Beispiel^Doktor")) for _ in range(2)}

        assert len(names) == 1
        assert names != {str(Engine(Key(bytes(32)).engine_seed).stand_in(0x00081050, "PN", "Beispiel^Doktor"))}
