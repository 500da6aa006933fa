"""Command sets (PS3.7 6.3.1, E.1)."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit.dicom.refs import UID
from adit.dimse import commands
from adit.dimse.commands import NO_DATA_SET, BadCommand, Command, Operation, response

NUMBER = st.integers(0, 0xFFFF)
MAYBE_NUMBER = st.none() | NUMBER
MAYBE_UID = st.none() | st.from_regex(r"[0-9.]{1,64}", fullmatch=True).map(UID)
MAYBE_TEXT = st.none() | st.from_regex(r"[A-Za-z0-9_]{1,16}", fullmatch=True)
COMMANDS = st.builds(
    Command,
    NUMBER,
    NUMBER,
    MAYBE_NUMBER,
    MAYBE_NUMBER,
    MAYBE_UID,
    MAYBE_UID,
    MAYBE_UID,
    MAYBE_UID,
    MAYBE_NUMBER,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    MAYBE_TEXT,
    *[MAYBE_NUMBER] * 7,
)


class TestACommand:
    @given(COMMANDS)
    def test_is_the_same_after_encoding_and_decoding(self, command):
        assert commands.decode(commands.encode(command)) == command

    @given(st.binary(max_size=200))
    def test_of_arbitrary_bytes_is_read_or_called_bad(self, encoded):
        try:
            assert commands.decode(encoded).field >= 0
        except BadCommand:
            return

    def test_begins_with_its_group_length(self):
        encoded = commands.encode(Command(Operation.C_ECHO, message_id=7, affected_class=UID("1.2.840.10008.1.1")))

        assert struct.unpack_from("<HHII", encoded) == (0, 0, 4, len(encoded) - 12)

    def test_is_padded_to_even_length(self):
        assert b"1.2.3\0" in commands.encode(Command(Operation.C_ECHO, affected_class=UID("1.2.3")))

    def test_without_a_command_field_is_bad(self):
        with pytest.raises(BadCommand, match="lacks"):
            commands.decode(struct.pack("<HHIH", 0, 0x0900, 2, 0))

    def test_with_an_element_of_another_group_is_bad(self):
        with pytest.raises(BadCommand, match="begins with an element of group 0008"):
            commands.decode(struct.pack("<HHIH", 8, 0x0018, 2, 0))

    def test_passes_over_the_list_of_failed_instances_that_orthanc_puts_into_it(self):
        answer = Command(0x8010, NO_DATA_SET, responded_id=1, status=0xC000, failed=1)
        failed = struct.pack("<HHI", 8, 0x0058, 4) + b"1.2\0"

        assert commands.decode(commands.encode(answer) + failed) == answer

    def test_is_answered_with_its_own_identifiers(self):
        request = Command(Operation.C_STORE, 0, message_id=9, affected_class=UID("1.2"), affected_instance=UID("1.3"))

        assert response(request, 0xA700) == Command(
            0x8001, NO_DATA_SET, responded_id=9, affected_class=UID("1.2"), affected_instance=UID("1.3"), status=0xA700
        )
