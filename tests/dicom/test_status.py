"""What statuses mean."""

import pytest

from adit.dicom.status import Category, Service, category, describe, transient


class TestAStatus:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (0x0000, Category.SUCCESS),
            (0xFF00, Category.PENDING),
            (0xFF01, Category.PENDING),
            (0xFE00, Category.CANCEL),
            (0xB000, Category.WARNING),
            (0xB007, Category.WARNING),
            (0xB123, Category.WARNING),
            (0x0107, Category.WARNING),
            (0xA700, Category.FAILURE),
            (0xA900, Category.FAILURE),
            (0xC000, Category.FAILURE),
            (0x0122, Category.FAILURE),
            (0x4711, Category.FAILURE),
        ],
    )
    def test_has_its_category(self, status, kind):
        assert category(status) is kind

    def test_that_asks_to_come_again_is_transient(self):
        assert [s for s in (0x0000, 0xA700, 0xA702, 0x0213, 0xA801, 0xA900, 0xC000) if transient(s)] == [
            0xA700,
            0xA702,
            0x0213,
        ]

    @pytest.mark.parametrize(
        ("status", "service", "words"),
        [
            (0xA801, Service.MOVE, "does not know the AE title"),
            (0xA7FF, Service.STORE, "out of resources"),
            (0xB006, Service.STORE, "elements were discarded"),
            (0xC123, Service.FIND, "cannot understand"),
            (0x0124, Service.GET, "not authorized"),
            (0x4711, Service.ECHO, "unknown status (0x4711)"),
        ],
    )
    def test_is_described_in_words(self, status, service, words):
        assert words in describe(status, service)
