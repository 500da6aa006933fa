import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit.dicom.refs import UID
from adit.transfer.batches.rows import BadRow, QueryRow, TransferRow

LINES = st.lists(st.integers(1, 10**6), min_size=1, max_size=3).map(tuple)
TEXTS = st.text(max_size=10)
DAYS = st.none() | st.dates()
UIDS = st.from_regex(r"[0-9]{1,5}\.[0-9]{1,5}", fullmatch=True).map(UID)
MANY = st.lists(TEXTS, max_size=3).map(tuple)


@given(st.builds(QueryRow, LINES, TEXTS, TEXTS, DAYS, TEXTS, DAYS, DAYS, MANY, TEXTS, TEXTS, MANY, TEXTS))
def test_a_row_of_a_query_comes_back_from_json_as_it_was(row):
    assert QueryRow.from_json(json.loads(json.dumps(row.to_json()))) == row


@given(st.builds(TransferRow, LINES, TEXTS, UIDS, st.lists(UIDS, max_size=3).map(tuple), TEXTS, TEXTS, DAYS))
def test_a_row_of_a_transfer_comes_back_from_json_as_it_was(row):
    assert TransferRow.from_json(json.loads(json.dumps(row.to_json()))) == row


@pytest.mark.parametrize(
    "damage",
    [{"lines": []}, {"lines": None}, {"study": "x"}, {"study": None}, {"series": "1.2"}, {"birth_date": "soon"}],
)
def test_a_damaged_row_is_not_read(damage):
    stored = TransferRow((3,), "0042", UID("1.2.3"), birth_date=date(1960, 2, 29)).to_json()

    with pytest.raises(BadRow):
        TransferRow.from_json(stored | damage)


def test_a_row_without_a_field_is_not_read():
    stored = QueryRow((3,), "0042").to_json()
    del stored["patient_id"]

    with pytest.raises(BadRow):
        QueryRow.from_json(stored)


@pytest.mark.parametrize(
    ("row", "of_series"),
    [
        (QueryRow((2,), "1", study_description="CT*"), False),
        (QueryRow((2,), "1", series_description="T1*"), True),
        (QueryRow((2,), "1", series_numbers=("3",)), True),
    ],
)
def test_a_row_looks_for_series_where_it_says_something_of_them(row, of_series):
    assert row.of_series is of_series
