"""What statuses mean (PS3.7 annex C, PS3.4 B.2.3, C.4)."""

import pytest

from adit.dicom.status import Category, Service, category, describe, transient

SUCCESS, WARNING, FAILURE, PENDING, CANCEL = (
    Category.SUCCESS,
    Category.WARNING,
    Category.FAILURE,
    Category.PENDING,
    Category.CANCEL,
)

STATUSES = [
    # status, category, transient, service, words
    (0x0000, SUCCESS, False, Service.ECHO, "success"),
    (0x0001, WARNING, False, Service.FIND, "success, but some optional attributes are not supported"),
    (0x0107, WARNING, False, Service.STORE, "attributes that do not exist"),
    (0x0116, WARNING, False, Service.STORE, "an attribute value is out of range"),
    (0x0110, FAILURE, False, Service.STORE, "the peer failed while processing it"),
    (0x0111, FAILURE, False, Service.STORE, "the instance exists already"),
    (0x0112, FAILURE, False, Service.GET, "there is no such instance"),
    (0x0117, FAILURE, False, Service.STORE, "the instance UID is not valid"),
    (0x0122, FAILURE, False, Service.STORE, "the peer does not support this SOP class"),
    (0x0124, FAILURE, False, Service.GET, "not authorized"),
    (0x0210, FAILURE, False, Service.FIND, "the message ID was used twice"),
    (0x0211, FAILURE, False, Service.ECHO, "the peer does not know this operation"),
    (0x0213, FAILURE, True, Service.STORE, "the peer is out of resources"),
    (0xA700, FAILURE, True, Service.STORE, "the peer is out of resources"),
    (0xA700, FAILURE, True, Service.FIND, "perhaps because too much matches"),
    (0xA701, FAILURE, True, Service.MOVE, "it cannot count the matches"),
    (0xA702, FAILURE, True, Service.MOVE, "it cannot send the instances to the destination"),
    (0xA702, FAILURE, True, Service.GET, "it cannot send the instances"),
    (0xA7FF, FAILURE, True, Service.STORE, "the peer is out of resources"),
    (0xA801, FAILURE, False, Service.MOVE, "does not know the AE title"),
    (0xA900, FAILURE, False, Service.STORE, "the data set does not match its SOP class"),
    (0xA900, FAILURE, False, Service.FIND, "the query does not match its SOP class"),
    (0xA9FF, FAILURE, False, Service.STORE, "the data set does not match its SOP class"),
    (0xB000, WARNING, False, Service.STORE, "elements were changed (coerced)"),
    (0xB000, WARNING, False, Service.GET, "some instances failed or came with a warning"),
    (0xB000, WARNING, False, Service.MOVE, "some instances failed or came with a warning"),
    (0xB006, WARNING, False, Service.STORE, "elements were discarded"),
    (0xB007, WARNING, False, Service.STORE, "does not match its SOP class"),
    (0xB123, WARNING, False, Service.STORE, "done with a warning"),
    (0xC000, FAILURE, False, Service.FIND, "the peer cannot understand or process it"),
    (0xC123, FAILURE, False, Service.STORE, "the peer cannot understand or process it"),
    (0xFE00, CANCEL, False, Service.MOVE, "canceled"),
    (0xFF00, PENDING, False, Service.FIND, "a match; more may come"),
    (0xFF00, PENDING, False, Service.MOVE, "going on"),
    (0xFF01, PENDING, False, Service.FIND, "some optional keys are not supported"),
    (0x4711, FAILURE, False, Service.ECHO, "unknown status"),
    (0xD000, FAILURE, False, Service.STORE, "unknown status"),
]


class TestAStatus:
    @pytest.mark.parametrize(
        ("status", "kind", "comes_again", "service", "words"),
        STATUSES,
        ids=lambda v: f"{v:04X}" if type(v) is int else "",
    )
    def test_means(self, status, kind, comes_again, service, words):
        assert category(status) is kind
        assert transient(status) is comes_again
        assert words in describe(status, service)
        assert describe(status, service).endswith(f"(0x{status:04X})")

    def test_is_described_for_every_number(self):
        for status in range(0x10000):
            kind = category(status)
            words = describe(status, Service.STORE)

            assert words
            assert not (transient(status) and kind is not FAILURE)
