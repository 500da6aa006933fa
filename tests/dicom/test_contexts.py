"""Presentation contexts within their budget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import AllTransferSyntaxes
from pynetdicom.sop_class import _STORAGE_CLASSES

from adit.dicom.contexts import (
    SYNTAXES,
    PresentationContext,
    classes_for_modality,
    contexts_for,
    model_context,
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


class TestClassesForModality:
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
        assert set(SYNTAXES) <= set(AllTransferSyntaxes)
