"""Rejections and aborts in words (PS3.8 tables 9-21 and 9-26)."""

import pytest

from adit.dimse.errors import (
    Aborted,
    AssociationTimedOut,
    ConnectionBroken,
    ConnectTimedOut,
    IdleTimedOut,
    NoContext,
    ProtocolViolation,
    Rejected,
)


class TestARejection:
    @pytest.mark.parametrize(
        ("source", "reason", "words"),
        [
            (1, 1, "no reason given"),
            (1, 2, "it does not know the application context"),
            (1, 3, "it does not know our AE title"),
            (1, 7, "it is not called by that AE title"),
            (2, 1, "no reason given"),
            (2, 2, "it does not know the protocol version"),
            (3, 1, "it is overloaded for the moment"),
            (3, 2, "it has as many associations as it can take"),
            (1, 10, "reason 10 of source 1"),
            (9, 9, "reason 9 of source 9"),
        ],
    )
    @pytest.mark.parametrize(("result", "lasting"), [(1, "for good"), (2, "for the moment")])
    def test_is_put_into_words(self, result, lasting, source, reason, words):
        rejected = Rejected("PACS at host:104", result=result, source=source, reason=reason)

        assert str(rejected) == f"PACS at host:104 rejected the association {lasting}: {words}"
        assert rejected.transient is (result == 2)


class TestAnAbort:
    @pytest.mark.parametrize(
        ("source", "reason", "words", "transient"),
        [
            (0, 0, "its application ended it", True),
            (0, 6, "its application ended it", True),
            (2, 0, "no reason given", True),
            (2, 1, "it does not know the PDU", False),
            (2, 2, "it did not expect the PDU", False),
            (2, 4, "it does not know a PDU parameter", False),
            (2, 5, "it did not expect a PDU parameter", False),
            (2, 6, "a PDU parameter has a wrong value", False),
            (2, 77, "reason 77", True),
        ],
    )
    def test_is_put_into_words(self, source, reason, words, transient):
        aborted = Aborted("PACS", source=source, reason=reason)

        assert str(aborted) == f"PACS aborted the association: {words}"
        assert aborted.transient is transient


class TestAnError:
    @pytest.mark.parametrize(
        ("error", "transient"),
        [
            (ConnectionBroken(), True),
            (ConnectTimedOut(), True),
            (AssociationTimedOut(), True),
            (IdleTimedOut(), True),
            (ProtocolViolation(), False),
            (NoContext(), False),
        ],
    )
    def test_says_whether_to_come_again_and_who_can_mend_it(self, error, transient):
        assert error.transient is transient
        assert "administrator" in error.mended_by
        assert str(error).endswith(("time", "be", "aborted", "this", "off", "."))
