"""What is derived from a project's key."""

import json
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit.deid.keys import Key, Patient
from adit.dicom.refs import UID

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))
KEY = Key(bytes(range(32)))
OTHER = Key(bytes(32))

IDS = st.text(min_size=1).filter(lambda written: written.strip("\0 "))


class TestTheStoredVectors:
    """Pseudonyms of running projects depend on these: a release that changes them splits every patient in two."""

    def test_hold_for_derived_bytes(self):
        for vector in VECTORS["derive"]:
            assert KEY.derive(vector["purpose"], *vector["parts"]).hex() == vector["hex"]

    def test_hold_for_uids(self):
        for original, made in VECTORS["uid"].items():
            assert KEY.uid(original) == made

    def test_hold_for_tokens(self):
        for vector in VECTORS["token"]:
            assert KEY.token(vector["purpose"], vector["original"], length=vector["length"]) == vector["token"]

    def test_hold_for_patients(self):
        for vector in VECTORS["patients"]:
            patient = Patient(vector["id"], vector["issuer"], vector["domain"])
            assert KEY.pseudonym_of(patient) == vector["pseudonym"]
            assert KEY.shift_of(patient) == vector["shift"]
            assert KEY.patient_digest(patient).hex() == vector["digest"]

    def test_hold_for_the_engine(self):
        assert KEY.engine_seed == VECTORS["engine_seed"]


class TestAKey:
    @pytest.mark.parametrize("size", [0, 16, 31, 33])
    def test_of_another_length_is_refused(self, size):
        with pytest.raises(ValueError, match="32 bytes"):
            Key(bytes(size))

    def test_shows_nothing_of_itself(self):
        assert repr(Key(b"secret" + bytes(26))) == "Key(…)"

    def test_cannot_be_written_down_by_accident(self):
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
            pickle.dumps(KEY)

    def test_tells_where_parts_end(self):
        assert len({KEY.derive("x", *parts) for parts in [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ()]}) == 5

    def test_tells_purposes_apart(self):
        assert KEY.token("accession", "4711") != KEY.token("study-id", "4711")

    @pytest.mark.parametrize("purpose", ["", "A", "a/b", "ä", "a\0"])
    def test_takes_plain_purposes_only(self, purpose):
        with pytest.raises(ValueError, match="no purpose"):
            KEY.derive(purpose)

    def test_of_another_project_makes_everything_else(self):
        patient = Patient("4711")

        assert KEY.uid("1.2.3") != OTHER.uid("1.2.3")
        assert KEY.pseudonym_of(patient) != OTHER.pseudonym_of(patient)
        assert KEY.patient_digest(patient) != OTHER.patient_digest(patient)


class TestANewUID:
    @given(st.text(max_size=80))
    def test_is_one_whatever_it_is_made_of(self, original):
        made = KEY.uid(original)

        assert re.fullmatch(r"2\.25\.(0|[1-9]\d{0,38})|1\.2\.840\.10008[.\d]+|", made)
        assert len(made) <= 64

    def test_is_the_same_for_padded_values(self):
        assert KEY.uid("1.2.3\0") == KEY.uid(" 1.2.3 ") == KEY.uid("1.2.3")

    def test_is_the_same_when_it_was_forgotten_meanwhile(self):
        key = Key(bytes(range(32)))
        before = key.uid("1.2.3")
        for number in range(70_000):
            key.uid(f"1.2.{number}.1")

        assert key.uid("1.2.3") == before

    @pytest.mark.parametrize(
        "known", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.4.1.1", "1.2.840.10008.5.1.4.1.1.481.25"]
    )
    def test_is_the_old_one_for_those_of_the_standard(self, known):
        assert KEY.uid(known) == known

    @pytest.mark.parametrize(
        "invented", ["1.2.840.10008.5.1.4.1.1.2.20200101103000", "1.2.840.100089.1", "1.2.840.10008", "1.2.840.10008."]
    )
    def test_is_new_for_what_only_looks_like_those_of_the_standard(self, invented):
        assert KEY.uid(invented).startswith("2.25.")

    def test_of_nothing_is_nothing(self):
        assert KEY.uid("\0 ") == UID("")


class TestAToken:
    @given(IDS, st.integers(1, 48))
    def test_begins_with_a_letter_and_has_the_length_asked_for(self, original, length):
        assert re.fullmatch(rf"[A-Z][A-Z2-7]{{{length - 1}}}", KEY.token("x", original, length=length))

    def test_of_nothing_is_nothing(self):
        assert KEY.token("accession", "  ") == ""

    @pytest.mark.parametrize("length", [0, 49])
    def test_of_another_length_is_refused(self, length):
        with pytest.raises(ValueError, match="1 to 48"):
            KEY.token("x", "y", length=length)


class TestAPatient:
    def test_is_told_from_others_by_id_issuer_and_domain(self):
        patients = [Patient("1"), Patient("2"), Patient("1", "A"), Patient("1", "", "A"), Patient("1A")]

        assert len({KEY.pseudonym_of(patient) for patient in patients}) == len(patients)

    def test_is_the_same_however_the_id_is_padded(self):
        assert Patient(" 4711\0", "Klinik ") == Patient("4711", "Klinik")

    @pytest.mark.parametrize("nothing", ["", " ", "\0"])
    def test_without_id_is_nobody(self, nothing):
        with pytest.raises(ValueError, match="nobody"):
            Patient(nothing, "issuer")

    def test_of_a_study_is_nobody_who_has_an_id(self):
        assert Patient.of_study(UID("1.2.3")) != Patient("1.2.3")
        assert KEY.pseudonym_of(Patient.of_study(UID("1.2.3"))) != KEY.pseudonym_of(Patient("1.2.3"))

    @given(IDS)
    def test_has_dates_shifted_back_by_two_months_to_two_years(self, id_):
        assert -729 <= KEY.shift_of(Patient(id_)) <= -62

    def test_has_a_shift_of_his_own(self):
        shifts = [KEY.shift_of(Patient(str(number))) for number in range(4000)]

        assert len(set(shifts)) > 600
        assert min(shifts) < -720
        assert max(shifts) > -71
