"""One end of an association without a socket."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adit.dicom.contexts import EXPLICIT, IMPLICIT, PresentationContext
from adit.dicom.refs import UID
from adit.dimse import commands, pdu
from adit.dimse.connection import MOST_COMMAND, MOST_EMPTY, CommandArrived, Connection
from adit.dimse.errors import ProtocolViolation
from adit.dimse.negotiation import propose
from adit.dimse.pdu import Abort, Answered, AssociateAccept, ReleaseReply, ReleaseRequest, UserInformation
from adit.dimse.states import State, WrongState
from tests.dimse.ends import CT, ECHO, STORE, associated, data_pdu, encoded, feed


class TestAMessage:
    @settings(deadline=None, max_examples=60)
    @given(
        st.lists(st.binary(max_size=300), max_size=12),
        st.sampled_from([64, 131, 16384, 0]),
        st.sampled_from([1, 7, 100, 1 << 20]),
    )
    def test_arrives_whole_however_it_is_cut(self, chunks, max_pdu, piece):
        requestor, acceptor = associated(max_pdu=max_pdu or 1 << 20)
        if not max_pdu:
            requestor.peer_max = 0

        first, *rest = feed(acceptor, encoded(requestor, STORE, chunks), piece=piece)

        assert first == CommandArrived(1, STORE)
        assert b"".join(event.data for event in rest) == b"".join(chunks)
        assert [event.last for event in rest][-1:] == [True]
        assert sum(event.last for event in rest) == 1

    def test_never_keeps_a_chunk_that_may_be_gone(self):
        requestor, acceptor = associated()
        memory = bytearray(50_000)

        def chunks():
            for letter in b"abc":
                memory[:] = bytes([letter]) * len(memory)
                yield memoryview(memory)

        _, *rest = feed(acceptor, encoded(requestor, STORE, chunks()))

        assert b"".join(e.data for e in rest) == b"a" * 50_000 + b"b" * 50_000 + b"c" * 50_000

    def test_keeps_to_the_length_that_the_peer_takes(self):
        requestor, acceptor = associated(max_pdu=4096)

        wire = encoded(requestor, STORE, [os.urandom(100_000)])

        at = 0
        while at < len(wire):
            _, length = pdu.HEADER.unpack_from(wire, at)
            assert length <= 4096
            at += 6 + length
        assert acceptor.state is State.ESTABLISHED

    def test_of_a_small_instance_goes_out_in_one_write(self):
        requestor, _ = associated(max_pdu=1 << 18)

        assert len(list(requestor.message(1, STORE, [bytes(35_000)]))) == 1

    def test_cannot_be_sent_after_the_release_was_asked_for(self):
        requestor, _ = associated()
        requestor.release()

        with pytest.raises(WrongState):
            next(requestor.message(1, ECHO))


class TestAConnection:
    def test_releases_from_both_ends_at_once(self):
        requestor, acceptor = associated()
        requestor.release()
        acceptor.release()
        crossing = requestor.take()

        assert feed(requestor, acceptor.take()) == [ReleaseRequest()]
        requestor.answer_release()
        assert feed(acceptor, crossing) == [ReleaseRequest()]
        assert feed(acceptor, requestor.take()) == [ReleaseReply()]
        acceptor.answer_release()
        assert feed(requestor, acceptor.take()) == [ReleaseReply()]
        assert requestor.state is State.IDLE
        assert acceptor.state is State.AWAITING_CLOSE

    @pytest.mark.parametrize(
        ("wire", "reason"),
        [
            (b"\x09\x00\x00\x00\x00\x00", 1),
            (b"\x04\x00\x7f\xff\xff\xff", 6),
            (b"\x04\x00\x00\x00\x00\x00", 6),
            (b"\x07\x00\x7f\xff\xff\xff", 6),
            (b"\x04\x00\x00\x00\x00\x0a\x00\x00\x00\x0b\x01\x03", 6),
            (b"\x04\x00\x00\x00\x00\x0a\x00\x00\x00\x01\x01\x03", 6),
            (data_pdu(3, 3, commands.encode(ECHO)), 6),
            (data_pdu(1, 2, b"data before a command"), 6),
            (data_pdu(1, 1, b"") * (MOST_EMPTY + 1), 6),
            (data_pdu(1, 1, bytes(8000)) * (MOST_COMMAND // 8000 + 1), 6),
            (data_pdu(1, 3, b"no command set"), 6),
            (b"\x04\x00\x00\x00\x40\x01", 6),
            (b"\x04\x00\x00\x00\x00\x05\x00\x00\x00\x02\x01", 6),
            (data_pdu(1, 3, commands.encode(STORE)) + data_pdu(1, 0, b"") * (MOST_EMPTY + 1), 6),
            (data_pdu(1, 3, commands.encode(STORE)) + data_pdu(1, 3, commands.encode(ECHO)), 6),
            (b"\x02" + pdu.encode(ReleaseRequest())[1:], 6),
            (pdu.encode(ReleaseReply()), 2),
        ],
    )
    def test_answers_a_violation_with_the_right_abort(self, wire, reason):
        _, acceptor = associated()

        with pytest.raises(ProtocolViolation):
            feed(acceptor, wire)

        assert acceptor.take() == pdu.encode(Abort(2, reason))
        assert feed(acceptor, wire) == []
        assert acceptor.take() == b""

    @pytest.mark.parametrize("answered", [Answered(3, 0, EXPLICIT), Answered(1, 0, IMPLICIT)])
    def test_takes_no_data_on_what_was_not_proposed(self, answered):
        requestor = Connection(requestor=True, max_pdu=16384, buffer=1 << 18)
        requestor.request(propose("B", "A", [PresentationContext(1, CT, (EXPLICIT,))], 16384))
        user = UserInformation(16384, UID("1.2"))
        feed(requestor, pdu.encode(AssociateAccept("B", "A", (answered,), user)))

        with pytest.raises(ProtocolViolation, match="was not accepted"):
            feed(requestor, data_pdu(answered.id, 3, commands.encode(ECHO)))

    @pytest.mark.parametrize("size", [1, 6, 7])
    def test_does_not_speak_to_a_peer_that_takes_next_to_nothing(self, size):
        acceptor = Connection(requestor=False, max_pdu=16384, buffer=1 << 18)

        with pytest.raises(ProtocolViolation, match=f"PDUs of {size} bytes only"):
            feed(acceptor, pdu.encode(propose("B", "A", [PresentationContext(1, CT, (EXPLICIT,))], size)))
