import pytest

from adit.transfer.sheets.cells import as_it_was, not_a_formula


class TestACell:
    @pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+49 621", "-7", "\t=1"])
    def test_that_would_be_computed_is_marked_and_read_back_as_it_was(self, cell):
        assert not_a_formula(cell) == f"'{cell}"
        assert as_it_was(not_a_formula(cell)) == cell

    @pytest.mark.parametrize("cell", ["4711", "O'Neill", "'quoted'", "", 7, None])
    def test_of_any_other_kind_stays(self, cell):
        assert not_a_formula(cell) == cell
        assert not isinstance(cell, str) or as_it_was(cell) == cell
