"""Descriptions cleaned by word: how much survives that is useful, and that nothing does that names somebody."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from adit.deid.descriptors import Cleaned, Words
from adit.deid.folding import fold, plain
from adit.deid.tripwire import Known
from adit.deid.vocabulary import entries, is_imaging
from tests.dicom.files import readable_files

HERE = Path(__file__).parent
WORDS = Words()
A_WORD = re.compile(r"[^\W_]+")


def lines(file: str) -> list[str]:
    written = (HERE / file).read_text("utf-8").splitlines()
    return [line for line in written if line and not line.startswith("#")]


def clean(text: str) -> str:
    return WORDS.clean(text, None).text


class TestUsefulWords:
    def test_of_descriptions_survive(self):
        descriptions = lines("descriptions.txt")
        cut = [word for text in descriptions for word in WORDS.clean(text, None).cut]
        words = sum(len(A_WORD.findall(text)) for text in descriptions)
        print(f"{words - len(cut)} of {words} words of {len(descriptions)} descriptions survive; cut: {cut}")

        assert len(descriptions) >= 300
        assert len(cut) <= 0.05 * words

    @pytest.mark.parametrize("line", lines("technique.txt"))
    def test_of_technique_attributes_survive_all(self, line):
        value = line.split("\t")[1]

        assert WORDS.clean(value, None) == Cleaned(value)

    def test_of_real_files_survive(self):
        found = {
            str(file.dataset.get(keyword) or "")
            for file in readable_files()
            for keyword in (
                "StudyDescription",
                "SeriesDescription",
                "ProtocolName",
                "ConvolutionKernel",
                "SequenceName",
            )
        }
        words = sum(len(A_WORD.findall(text)) for text in found)
        cut = [word for text in found for word in WORDS.clean(text, None).cut]
        print(f"{words - len(cut)} of {words} words in pydicom's files survive; cut: {cut}")

        assert len(cut) <= 0.25 * words


class TestNames:
    PEOPLE = frozenset(name for line in lines("people.txt") for name in line.split())
    PLACES = ("T1 MPRAGE sag {}", "{}_t2_tse", "CT {},Thorax", "MR-{}-1", "{}Thorax", "Kopf{}", "{}1", "{} {} T2")

    def test_survive_only_where_they_are_words_of_imaging(self):
        left = {
            name
            for name in self.PEOPLE
            for place in self.PLACES
            if fold(name) in fold(clean(place.format(name, name.upper())))
        }
        print(f"{len(self.PEOPLE)} names, left for the tripwire: {sorted(left)}")

        assert len(self.PEOPLE) > 450
        assert {
            name for name in left if not is_imaging(fold(name)) and plain(name) not in entries("capitals.txt")
        } == set()
        assert len(left) < 20

    def test_of_the_patient_go_also_where_they_are_words_of_imaging(self):
        for name in ("Klein^Petra", "Stein^Ute", "Lange^Hand", "Zahn^Kurt"):
            dataset = Dataset()
            dataset.PatientName = name
            family, given = name.split("^")

            cleaned = WORDS.clean(f"CT Thorax {family} {given.upper()} KM", Known.of(dataset))
            assert cleaned == Cleaned("CT Thorax KM", (family, given.upper()))


class TestIds:
    PLACES = ("T1 sag {}", "{}_t2", "CT {},Thorax", "b0_{}_KM", "MPRAGE ({})")

    @pytest.mark.parametrize("written", [id_ for line in lines("ids.txt") for id_ in line.split()])
    def test_and_dates_do_not_survive(self, written):
        for place in self.PLACES:
            kept = clean(place.format(written))
            left = re.sub(r"\D", "", re.sub(r"\b(T1|t2|b0)\b", "", kept.replace("_", " ")))

            assert written not in kept
            assert len(left) < 4
            assert len(left) <= len(re.sub(r"\D", "", written)) // 2

    def test_are_enough(self):
        assert len([id_ for line in lines("ids.txt") for id_ in line.split()]) >= 200


class TestADescription:
    @pytest.mark.parametrize(
        ("written", "cleaned"),
        [
            ("T1 MPRAGE sag Mueller 12.3.1954", "T1 MPRAGE sag"),
            ("Mueller T1 sag", "T1 sag"),
            ("T1 Mueller sag", "T1 sag"),
            ("t1_mueller_sag", "t1_sag"),
            ("T1 (Mueller) sag", "T1 sag"),
            ("T1 (Mueller, sag)", "T1 sag"),
            ("T1 sag, Mueller", "T1 sag"),
            ("Thorax/Mueller/Abdomen", "Thorax/Abdomen"),
            ("MUELLER^HANS", ""),
            ("Kopf + Hals (KM)", "Kopf + Hals (KM)"),
            ("  T1  sag ", "  T1  sag "),
            ("", ""),
            ("T1\\Mueller\\T2", "T1\\\\T2"),
            ("Thoraxaufnahme p.a. stehend", "Thoraxaufnahme p.a. stehend"),
            ("Kniegelenke beidseits", "Kniegelenke beidseits"),
            ("Lungenmetastasen", "Lungenmetastasen"),
            ("B31f T2w 3D TR2000 ep2d_diff_b1000", "B31f T2w 3D TR2000 ep2d_diff_b1000"),
            ("山田 T1", "T1"),
            ("12. März T1", "T1"),
            ("T1 vom 3.4.", "T1 vom 3.4."),
            ("1954", "1954"),
            ("19541", ""),
            ("kurze Achse, klein", "kurze Achse, klein"),
            ("T1 Klein", "T1"),
            ("T1 LANGE", "T1"),
            ("UTE petra", "UTE"),
            ("TR 600-1000", "TR 600-1000"),
        ],
    )
    def test_keeps_what_belongs_to_imaging(self, written, cleaned):
        assert clean(written) == cleaned

    def test_says_what_was_cut(self):
        assert WORDS.clean("T1 Mueller 12.3.1954 sag\\Hans", None).cut == ("Mueller", "12.3.1954", "Hans")

    def test_keeps_what_the_site_approved(self):
        words = Words({"Mueller-Protokoll", "wuppertal", "X 99999"})

        assert words.clean("T1 MUELLER-PROTOKOLL Wuppertal", None) == Cleaned("T1 MUELLER-PROTOKOLL Wuppertal")
        assert words.clean("T1 Mueller", None).text == "T1"
        assert words.clean("x 99999", None) == Cleaned("x 99999")

    def test_loses_the_patients_id_whatever_it_is(self):
        dataset = Dataset()
        dataset.PatientID = "T1X2"
        dataset.AccessionNumber = "123-456"
        dataset.PatientBirthDate = "20050412"
        known = Known.of(dataset)

        assert WORDS.clean("MR T1x2 sag", known).text == "MR sag"
        assert WORDS.clean("MR 123 456 sag", known) == Cleaned("", ("MR", "123", "456", "sag"))
        assert WORDS.clean("MR 12 4 05 sag", known).text == ""
        assert WORDS.clean("MR sag", known) == Cleaned("MR sag")

    @given(st.text(max_size=60))
    def test_is_cleaned_once_and_for_all(self, written):
        once = WORDS.clean(written, None)

        assert WORDS.clean(once.text, None).text == once.text
        assert once.text.count("\\") == written.count("\\")
        assert once.cut or once.text == written

    @given(st.text(st.sampled_from("aT1_ -./()5äMueller"), max_size=40))
    def test_is_never_longer_than_before(self, written):
        assert len(clean(written)) <= len(written)
