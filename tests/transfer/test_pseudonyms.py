import pytest

from adit.transfer.pseudonyms import UnfitPseudonym, checked, unfit


def objection(pseudonym: str, patient_id: str, name: str) -> str:
    """Why *pseudonym* cannot be that of the patient; empty where it can."""
    try:
        unfit(pseudonym, patient_id=patient_id, name=name)
    except UnfitPseudonym as unfitting:
        return str(unfitting)
    return ""


class TestAPseudonym:
    @pytest.mark.parametrize("text", ["P-0815", " P 1 ", "x" * 64, "a.b_c#7"])
    def test_is_plain_text_without_blanks_around_it(self, text):
        assert checked(text) == text.strip()

    @pytest.mark.parametrize("text", ["", "  ", "x" * 65, "Ä1", "a\\b", "a^b", "a=b", "a*", "a?", "a\nb"])
    def test_holds_nothing_that_means_something_in_an_id_a_name_or_a_query(self, text):
        with pytest.raises(UnfitPseudonym):
            checked(text)


class TestAPseudonymOfAPatient:
    @pytest.mark.parametrize(
        ("pseudonym", "patient_id", "name"),
        [
            ("P-4711x", "4711X", ""),
            ("S0012345", "12345", ""),
            ("S12345", "0012345", ""),
            ("P-7", "7", ""),
            ("7", "7", ""),
            ("MULLER-1", "1000", "Müller^Änne"),
            ("mueller1", "1000", "Müller^Änne"),
            ("Panne", "1000", "Meier^Anne"),
            ("Anna01", "1000", "Meier, Ann"),
            ("Doe-1", "1000", "Doe^John"),
        ],
    )
    def test_must_not_tell_who_it_is(self, pseudonym, patient_id, name):
        said = objection(pseudonym, patient_id, name)

        assert "it holds" in said
        assert "Müller" not in said

    @pytest.mark.parametrize(
        ("pseudonym", "patient_id", "name"),
        [
            ("P-017", "7", ""),
            ("P-0815", "4711", "Li^Bo"),
            ("P-0815", "", ""),
            ("SUBJ-01", "4711", "Meier^Anne"),
            ("DOG-1", "", "Doe"),
        ],
    )
    def test_may_look_like_any_other(self, pseudonym, patient_id, name):
        assert objection(pseudonym, patient_id, name) == ""
