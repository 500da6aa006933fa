"""References, and the UIDs in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit.dicom.refs import UID, BadUID, Level, Ref, uid

STUDY, SERIES, INSTANCE = UID("1.2"), UID("1.3"), UID("1.4")
UIDS = st.sampled_from([STUDY, SERIES, INSTANCE])
REFS = st.one_of(st.builds(Ref, UIDS), st.builds(Ref, UIDS, UIDS), st.builds(Ref, UIDS, UIDS, UIDS))


class TestAUID:
    @pytest.mark.parametrize("written", ["1.2.3", "1.2.3\0", " 1.2.3 ", "1.2.3 \0\0"])
    def test_loses_its_padding(self, written):
        assert uid(written) == "1.2.3"

    @pytest.mark.parametrize("written", ["1.02.3", "1..2", "0", "9" * 64])
    def test_may_be_odd(self, written):
        assert uid(written) == written

    @pytest.mark.parametrize(
        "written",
        [
            "",
            " \0",
            "*",
            "1.2.*",
            "1.2.?",
            "1.2\\1.3",
            "1.2,1.3",
            "1.2 1.3",
            "1.2\n",
            "1.2a",
            "1.2-1.3",
            "\u0661.\u0662",
            "9" * 65,
        ],
    )
    def test_is_digits_and_dots_only(self, written):
        with pytest.raises(BadUID, match="is no UID"):
            uid(written)

    def test_is_not_repeated_at_length_when_it_is_refused(self):
        with pytest.raises(BadUID) as refusal:
            uid("x" * 10_000)

        assert len(str(refusal.value)) < 200

    @given(st.text(alphabet=st.sampled_from("0123456789.*?\\ \0\n-a\u0660\u00b2")))
    def test_is_never_dangerous(self, written):
        try:
            accepted = uid(written)
        except BadUID:
            return
        assert 1 <= len(accepted) <= 64
        assert set(accepted) <= set("0123456789.")


class TestARef:
    def test_has_the_level_of_what_it_names(self):
        levels = [Ref(STUDY).level, Ref(STUDY, SERIES).level, Ref(STUDY, SERIES, INSTANCE).level]

        assert levels == [Level.STUDY, Level.SERIES, Level.INSTANCE]

    def test_to_an_instance_names_the_series(self):
        with pytest.raises(ValueError, match="names its series"):
            Ref(STUDY, None, INSTANCE)

    def test_contains_itself_and_what_lies_under_it(self):
        study, series, instance = Ref(STUDY), Ref(STUDY, SERIES), Ref(STUDY, SERIES, INSTANCE)

        assert all(inner in outer for outer, inner in [(study, study), (study, series), (study, instance)])
        assert all(inner in outer for outer, inner in [(series, instance), (instance, instance)])

    def test_does_not_contain_what_lies_above_or_beside_it(self):
        series = Ref(STUDY, SERIES)

        assert Ref(STUDY) not in series
        assert Ref(STUDY, INSTANCE) not in series
        assert Ref(SERIES, SERIES, INSTANCE) not in series
        assert series not in Ref(STUDY, SERIES, INSTANCE)

    @pytest.mark.parametrize("other", [None, STUDY, "1.2", 1])
    def test_contains_references_only(self, other):
        assert other not in Ref(STUDY)

    @given(REFS, REFS)
    def test_contains_another_both_ways_only_when_they_are_equal(self, one, other):
        assert (one in other and other in one) == (one == other)

    @given(REFS, REFS, REFS)
    def test_contains_what_is_in_what_it_contains(self, outer, middle, inner):
        assert inner in outer or not (inner in middle and middle in outer)
