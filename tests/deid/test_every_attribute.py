"""A planted value in every attribute of Table E.1-1: gone where it must go, there where an option retains it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pydicom import Dataset, Sequence
from pydicom.tag import Tag

from adit.deid.profile import PROFILES
from adit.deid.treatment import Treatment

from .expecting import CLEANED, GONE, MAPPED, ROWS, Row, expected
from .treating import content, ct, instance, order, treated

VIEWS = 0x00540220
"""ViewCodeSequence, which the table does not name and which therefore stays."""

PRIVATE = 0x00511001, "GEMS_CT_VES_01"
"""A private sequence of the safe list, in the block that its creator reserves here."""

# Not of a data set: commands, file meta information, directories. And what a bare CT cannot do without.
PLANTED = [
    row for row in ROWS if row.number >> 16 >= 8 and row.tag not in ("00080018", "0020000D", "0020000E", "FFFAFFFA")
]

NUMBERS = {"US": 7725, "DS": "77.25", "IS": "7725", "AS": "077Y"}


def mark(row: Row) -> str:
    """A word that is nowhere else and that no vocabulary knows."""
    return "ZQ" + "".join(chr(ord("A") + int(digit, 16)) for digit in f"{row.number:08X}")


def day(row: Row) -> str:
    """A day that is nowhere else, also when all are shifted: no patient here has a shift of whole 60 days."""
    return (date(1903, 1, 1) + timedelta(days=60 * ROWS.index(row))).strftime("%Y%m%d")


def planted(row: Row) -> object:
    match row.vr:
        case "SQ":
            item = Dataset()
            item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = mark(row), "99ZQ", mark(row)
            item.PatientComments = mark(row)
            return Sequence([item])
        case "DA":
            return day(row)
        case "DT":
            return f"{day(row)}010203"
        case "TM":
            return "010203"
        case "UI":
            return f"1.2.826.0.77.{row.number}"
        case "OB" | "OW" | "UN":
            return mark(row).encode()
        case "UR":
            return f"https://{mark(row)}/"
        case _:
            return NUMBERS.get(row.vr, mark(row))


def traces(row: Row) -> list[bytes]:
    """Bytes by which the planted value is known again; none for numbers and times of day, which are not unique."""
    if row.vr in ("DA", "DT"):
        return [day(row).encode()]
    if row.vr in ("TM", *NUMBERS):
        return []
    return [str(row.number).encode()] if row.vr == "UI" else [mark(row).encode()]


def plant(dataset: Dataset) -> Dataset:
    for row in PLANTED:
        dataset.add_new(Tag(row.number), row.vr, planted(row))
    return dataset


def at_the_top() -> tuple[Dataset, list[int]]:
    return plant(ct()), []


def in_a_sequence() -> tuple[Dataset, list[int]]:
    whole = ct()
    whole.add_new(VIEWS, "SQ", [plant(Dataset())])
    return whole, [VIEWS]


def in_a_private_sequence() -> tuple[Dataset, list[int]]:
    tag, creator = PRIVATE
    item = Dataset()
    item.add_new(VIEWS, "SQ", [plant(Dataset())])
    whole = ct()
    whole.private_block(tag >> 16, creator, create=True).add_new(tag & 0xFF, "SQ", [item])
    return whole, [tag, VIEWS]


PLACES = [at_the_top, in_a_sequence, in_a_private_sequence]


@pytest.fixture(params=PLACES, ids=lambda place: place.__name__)
def place(request):
    return request.param


@pytest.mark.parametrize("profile", sorted(PROFILES))
class TestAPlantedValue:
    def test_is_gone_unless_it_is_kept(self, profile, place):
        original, _ = place()
        left = content(Treatment(order(profile)).apply(instance(original)))

        kept = {trace for row in PLANTED if expected(row, profile) == {"keep"} for trace in traces(row)}
        found = {
            row.keyword or row.tag: str(expected(row, profile))
            for row in PLANTED
            for trace in traces(row)
            if trace in left and trace not in kept
        }
        assert found == {}

    def test_is_as_it_was_where_an_option_retains_it(self, profile, place):
        original, path = place()
        before, after = original, treated(original, profile)
        for tag in path:
            if profile == "basic" and tag >> 16 & 1:
                assert tag not in after
                return
            before, after = before[tag].value[0], after[tag].value[0]

        retained = [row for row in PLANTED if expected(row, profile) == {"keep"}]
        assert {row.tag for row in retained if after.get(row.number) != before[row.number]} == set()

    def test_is_another_where_the_key_or_the_dates_make_one(self, profile, place):
        original, path = place()
        before, after = original, treated(original, profile)
        for tag in path:
            if tag not in after:
                return
            before, after = before[tag].value[0], after[tag].value[0]

        for row in PLANTED:
            # The age is computed, and may well be the one that was written.
            if expected(row, profile) & (MAPPED - {"age"} | {"date"}):
                assert after[row.number].value, row.keyword
                assert after[row.number].value != before[row.number].value, row.keyword


def test_every_way_is_met():
    met = set().union(*(expected(row, profile) for row in PLANTED for profile in PROFILES))

    assert met >= GONE | MAPPED | CLEANED | {"keep", "date", "sequence"}


def test_the_age_is_told_where_the_object_had_only_a_birth_date():
    """Which is emptied: nobody could compute it any more."""
    assert treated(ct(), "research").PatientAge == "049Y"
    assert treated(ct(), "longitudinal").PatientAge == "049Y"
    assert "PatientAge" not in treated(ct(), "basic")
