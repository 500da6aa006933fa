"""Presentation contexts within their budget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import AllTransferSyntaxes
from pynetdicom.sop_class import _STORAGE_CLASSES

from adit.dicom.contexts import (
    EXPLICIT,
    IMPLICIT,
    SYNTAXES,
    PresentationContext,
    classes_for_modality,
    contexts_for,
    model_context,
    name_of,
    pairs_for,
)
from adit.dicom.refs import UID

PAIRS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9))).map(
    lambda found: [(UID(f"1.{a}"), UID(f"2.{b}")) for a, b in found]
)


class TestContextsFor:
    @given(PAIRS, st.integers(2, 128), st.booleans())
    def test_proposes_every_pair_once_within_the_budget(self, pairs, most, retrieving):
        groups = contexts_for(pairs, most=most, retrieving=retrieving)

        assert [(c.abstract_syntax, c.transfer_syntaxes[0]) for g in groups for c in g] == list(dict.fromkeys(pairs))
        assert all(len(group) + retrieving <= most for group in groups)
        assert all(len({c.id for c in group}) == len(group) for group in groups)

    def test_leaves_a_place_for_the_model_when_retrieving(self):
        [first, *_] = contexts_for(pairs_for([UID(f"1.{n}") for n in range(20)]), retrieving=True)

        assert len([model_context(UID("1.2")), *first]) == 128
        assert {c.id for c in first} == set(range(3, 256, 2))
        assert all(c.scp_role and not c.scu_role for c in first)

    @pytest.mark.parametrize("context_id", [0, 2, 257])
    def test_ids_are_odd_and_small(self, context_id):
        with pytest.raises(ValueError, match="no presentation context ID"):
            PresentationContext(context_id, UID("1.2"), (UID("1.3"),))

    @pytest.mark.parametrize(
        ("pairs", "retrieving", "sizes"),
        [
            (0, False, []),
            (1, False, [1]),
            (128, False, [128]),
            (129, False, [128, 1]),
            (300, False, [128, 128, 44]),
            (0, True, []),
            (127, True, [127]),
            (128, True, [127, 1]),
            (300, True, [127, 127, 46]),
        ],
    )
    def test_splits_what_one_association_cannot_hold(self, pairs, retrieving, sizes):
        groups = contexts_for(((UID(f"1.{n}"), EXPLICIT) for n in range(pairs)), retrieving=retrieving)

        assert [len(group) for group in groups] == sizes

    @pytest.mark.parametrize(("most", "retrieving"), [(0, False), (1, True), (129, False), (129, True), (-1, False)])
    def test_has_bounds_for_the_budget_itself(self, most, retrieving):
        with pytest.raises(ValueError, match="at most 128"):
            contexts_for([], most=most, retrieving=retrieving)

    def test_needs_a_transfer_syntax_in_each(self):
        with pytest.raises(ValueError, match="at least one transfer syntax"):
            PresentationContext(1, UID("1.2"), ())

    def test_offers_a_model_in_both_uncompressed_syntaxes(self):
        assert model_context(UID("1.2")) == PresentationContext(1, UID("1.2"), (EXPLICIT, IMPLICIT))

    def test_has_the_likely_syntaxes_of_all_classes_first(self):
        pairs = pairs_for([UID("1.1"), UID("1.2")])

        assert pairs[:4] == [(c, s) for s in (EXPLICIT, IMPLICIT) for c in ("1.1", "1.2")]
        assert len(pairs) == len(set(pairs)) == 2 * len(SYNTAXES)


class TestClassesForModality:
    @pytest.mark.parametrize(
        ("modality", "usual"),
        [
            ("CT", "2"),
            ("MR", "4"),
            ("PT", "128"),
            ("NM", "20"),
            ("CR", "1"),
            ("DX", "1.1"),
            ("MG", "1.2"),
            ("US", "6.1"),
            ("XA", "12.1"),
            ("RF", "12.2"),
            ("RTDOSE", "481.2"),
            ("RTSTRUCT", "481.3"),
            ("RTPLAN", "481.5"),
            ("SEG", "66.4"),
            ("SR", "88.22"),
            ("PR", "11.1"),
            ("KO", "88.59"),
            ("OT", "7.4"),
        ],
    )
    def test_begin_with_the_usual_one(self, modality, usual):
        assert classes_for_modality(modality)[0] == f"1.2.840.10008.5.1.4.1.1.{usual}"

    @pytest.mark.parametrize("modality", ["CT", "KO", "SR", "", "XX"])
    def test_name_each_class_once_and_fit_into_few_associations(self, modality):
        classes = classes_for_modality(modality)

        assert len(set(classes)) == len(classes) <= 40

    def test_begin_with_the_usual_class_and_end_with_what_lies_beside(self):
        classes = classes_for_modality("ct ")

        assert classes[0] == "1.2.840.10008.5.1.4.1.1.2"
        assert "1.2.840.10008.5.1.4.1.1.88.67" in classes
        assert "1.2.840.10008.5.1.4.1.1.7" in classes

    def test_of_an_unknown_modality_are_the_common_ones(self):
        assert "1.2.840.10008.5.1.4.1.1.4" in classes_for_modality("NOSUCH")

    def test_are_all_known_to_the_standard(self):
        modalities = ("CT", "MR", "MG", "US", "OP", "EEG", "SR", "PR", "SEG", "RTSTRUCT", "SM", "DOC", "XX")
        assert set(_STORAGE_CLASSES.values()).issuperset(c for m in modalities for c in classes_for_modality(m))
        assert all(syntax in AllTransferSyntaxes or name_of(syntax) != syntax for syntax in SYNTAXES)
