"""Items of work as JSON: written by one release, read by the next."""

import json

import pytest

from adit.dicom.refs import UID
from adit.transfer.items import BadItem, Layout, TransferStudy

ITEM = TransferStudy(UID("1.2"), (UID("1.2.1"), UID("1.2.2")), "P1", Layout("job", "patient", "study"))


class TestAnItem:
    @pytest.mark.parametrize("item", [ITEM, TransferStudy(UID("1.2"))])
    def test_comes_back_from_json_as_it_was(self, item):
        assert TransferStudy.from_json(json.loads(json.dumps(item.to_json()))) == item

    def test_is_read_though_a_field_was_added_or_left_out_meanwhile(self):
        stored = TransferStudy(UID("1.2")).to_json() | {"something": "new"}
        del stored["patient_id"], stored["layout"], stored["series"]

        assert TransferStudy.from_json(stored) == TransferStudy(UID("1.2"))

    def test_of_a_later_release_is_not_misread(self):
        with pytest.raises(BadItem, match="version 3"):
            TransferStudy.from_json(ITEM.to_json() | {"version": 3})

    @pytest.mark.parametrize("damage", [{"layout": {"job": "only"}}, {"series": 3}])
    def test_that_is_damaged_says_so(self, damage):
        with pytest.raises(BadItem, match="damaged"):
            TransferStudy.from_json(ITEM.to_json() | damage)

    def test_without_its_study_says_so(self):
        stored = ITEM.to_json()
        del stored["study"]
        with pytest.raises(BadItem, match="damaged"):
            TransferStudy.from_json(stored)
