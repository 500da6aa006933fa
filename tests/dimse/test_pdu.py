"""PDUs as values and bytes (PS3.8 9.3)."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit.dicom.refs import UID
from adit.dimse import pdu
from adit.dimse.pdu import (
    Abort,
    Answered,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    BadPdu,
    Proposed,
    ReleaseReply,
    ReleaseRequest,
    Role,
    UserInformation,
)

BYTE = st.integers(0, 255)
UIDS = st.from_regex(r"[0-9.]{1,64}", fullmatch=True).map(UID)
TITLES = st.from_regex(r"[A-Za-z0-9_]{1,16}", fullmatch=True)
IDS = st.integers(0, 127).map(lambda n: 2 * n + 1)
ROLES = st.builds(Role, UIDS, st.booleans(), st.booleans())
USERS = st.builds(
    UserInformation,
    st.integers(0, 2**32 - 1),
    UIDS,
    st.from_regex(r"[A-Za-z0-9_]{0,16}", fullmatch=True),
    st.lists(st.builds(Role, UIDS, st.booleans(), st.booleans()), max_size=5, unique_by=lambda r: r.sop_class).map(
        tuple
    ),
    st.lists(st.tuples(st.integers(0x56, 0x59), st.binary(max_size=40)), max_size=3).map(tuple),
)
PROPOSED = st.builds(Proposed, IDS, UIDS, st.lists(UIDS, min_size=1, max_size=4).map(tuple))
ANSWERED = st.builds(Answered, IDS, BYTE, UIDS)


def several(contexts, least):
    return st.lists(contexts, min_size=least, max_size=8, unique_by=lambda c: c.id).map(tuple)


PDUS = st.one_of(
    st.builds(AssociateRequest, TITLES, TITLES, several(PROPOSED, 1), USERS, UIDS, st.integers(0, 0xFFFF)),
    st.builds(AssociateAccept, TITLES, TITLES, several(ANSWERED, 0), USERS, UIDS, st.integers(0, 0xFFFF)),
    st.builds(AssociateReject, BYTE, BYTE, BYTE),
    st.just(ReleaseRequest()),
    st.just(ReleaseReply()),
    st.builds(Abort, BYTE, BYTE),
)


class TestAPdu:
    @given(PDUS)
    def test_is_the_same_after_encoding_and_decoding(self, sent):
        encoded = pdu.encode(sent)
        kind, length = pdu.HEADER.unpack_from(encoded)

        assert length == len(encoded) - pdu.HEADER.size
        assert pdu.decode(kind, encoded[pdu.HEADER.size :]) == sent

    @given(st.integers(0, 255), st.binary(max_size=300))
    def test_of_arbitrary_bytes_is_read_or_called_bad(self, kind, body):
        try:
            read = pdu.decode(kind, body)
        except BadPdu:
            return
        assert pdu.encode(read)

    def test_rejects_an_item_longer_than_its_pdu(self):
        with pytest.raises(BadPdu, match="longer than what holds it"):
            pdu.decode(1, bytes(68) + struct.pack(">BxH", 0x10, 99) + b"1.2")

    def test_needs_user_information(self):
        with pytest.raises(BadPdu, match="user information"):
            pdu.decode(2, bytes(68))

    def test_may_not_name_a_context_id_twice(self):
        twice = (Proposed(1, UID("1.2"), (UID("1.3"),)),) * 2
        encoded = pdu.encode(AssociateRequest("A", "B", twice, UserInformation(0, UID("1.2"))))

        with pytest.raises(BadPdu, match="twice"):
            pdu.decode(1, encoded[6:])

    def test_of_an_unknown_type_has_the_reason_for_its_abort(self):
        with pytest.raises(BadPdu) as caught:
            pdu.decode(9, b"")

        assert caught.value.reason == 1
