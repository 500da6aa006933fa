"""Errors: one sentence for a person, and what can be done."""

import pytest

from adit.dicom.errors import BadData, Canceled, DicomError, Full, NotFound, Refused, TimedOut, Unreachable
from adit.dicom.query import BadQuery
from adit.dicom.scan import NeedMore

PLAIN = [DicomError, NotFound, Canceled, BadData, Full, Unreachable, TimedOut]


class TestAnError:
    @pytest.mark.parametrize("kind", PLAIN)
    def test_says_what_happened_without_being_told(self, kind):
        message = str(kind())

        assert message
        assert "\n" not in message

    @pytest.mark.parametrize("kind", PLAIN)
    def test_says_what_it_is_told(self, kind):
        assert str(kind("the cable is out")) == "the cable is out"

    @pytest.mark.parametrize("kind", PLAIN)
    def test_says_who_can_mend_it(self, kind):
        assert kind().mended_by

    def test_names_the_node_once_it_is_known(self):
        error = Unreachable("no answer")

        assert error.on("PACS A") is error
        assert str(error) == "PACS A: no answer"

    def test_keeps_the_node_on_which_it_happened(self):
        error = Unreachable("no answer").on("PACS A").on("PACS B")

        assert (error.node, str(error)) == ("PACS A", "PACS A: no answer")

    def test_is_explained_with_who_can_mend_it(self):
        assert NotFound("nothing is there.").explained() == "Nothing is there. Who can mend it: whoever asked for it."

    def test_is_explained_with_the_name_of_its_node_as_it_is_written(self):
        assert NotFound("nothing").on("pacs").explained() == "pacs: nothing. Who can mend it: whoever asked for it."

    def test_of_one_node_says_nothing_about_others(self):
        Unreachable("no answer").on("PACS A")

        assert Unreachable("no answer").node == ""

    @pytest.mark.parametrize(
        ("error", "transient"),
        [
            (Unreachable(), True),
            (TimedOut(), True),
            (NotFound(), False),
            (BadData(), False),
            (Canceled(), False),
            (Full(), False),
        ],
    )
    def test_tells_whether_trying_again_may_help(self, error, transient):
        assert error.transient is transient


class TestARefusal:
    def test_shows_its_status(self):
        assert str(Refused("no such class", status=0x122)) == "no such class (0x0122)"
        assert str(Refused(status=0xC000).on("PACS A")) == ("PACS A: the peer answered with a failure status (0xC000)")

    @pytest.mark.parametrize(
        ("status", "transient"), [(0xA700, True), (0xA7FF, True), (0xA801, False), (0xA900, False), (0xC000, False)]
    )
    def test_for_want_of_resources_is_transient(self, status, transient):
        assert Refused(status=status).transient is transient


class TestTheTree:
    def test_has_what_is_broken_off_under_bad_data(self):
        assert issubclass(NeedMore, BadData)

    def test_has_no_place_for_what_a_person_asked_wrongly(self):
        assert not issubclass(BadQuery, DicomError)
