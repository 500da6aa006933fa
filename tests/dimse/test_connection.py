"""One end of an association without a socket."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adit.dicom.contexts import EXPLICIT, PresentationContext
from adit.dicom.refs import UID
from adit.dimse import commands, pdu
from adit.dimse.commands import Command, Operation
from adit.dimse.connection import MOST_COMMAND, MOST_EMPTY, CommandArrived, Connection, DataArrived
from adit.dimse.errors import ProtocolViolation
from adit.dimse.negotiation import answer, propose
from adit.dimse.pdu import Abort, AssociateAccept, AssociateRequest, ReleaseReply, ReleaseRequest
from adit.dimse.states import State, WrongState

CT = UID("1.2.840.10008.5.1.4.1.1.2")
STORE = Command(Operation.C_STORE, 0, message_id=1, affected_class=CT, affected_instance=UID("1.2.3"), priority=0)
ECHO = Command(Operation.C_ECHO, message_id=1, affected_class=CT)
ABORT_6 = pdu.encode(Abort(2, 6))


def feed(connection, data, *, piece=1 << 20):
    """Events that *data* causes, in pieces as they may come from a socket; data views as bytes."""
    events = []
    view = memoryview(data)
    while view:
        space = connection.space()
        size = min(len(space), len(view), piece)
        space[:size] = view[:size]
        view = view[size:]
        connection.received(size)
        while (event := connection.next_event()) is not None:
            events.append(DataArrived(bytes(event.data), event.last) if isinstance(event, DataArrived) else event)
    return events


def associated(*, max_pdu=16384, peer_max=16384):
    """Both ends of an established association with context 1."""
    requestor = Connection(requestor=True, max_pdu=peer_max, buffer=1 << 18)
    acceptor = Connection(requestor=False, max_pdu=max_pdu, buffer=1 << 18)
    requestor.request(propose("B", "A", [PresentationContext(1, CT, (EXPLICIT,))], peer_max))
    [request] = feed(acceptor, requestor.take())
    acceptor.accept(answer(request, lambda p: p.transfer_syntaxes[0], max_pdu))
    [accept] = feed(requestor, acceptor.take())
    assert isinstance(request, AssociateRequest)
    assert isinstance(accept, AssociateAccept)
    return requestor, acceptor


def encoded(connection, command, chunks=()):
    return b"".join(bytes(buffer) for buffers in connection.message(1, command, chunks) for buffer in buffers)


def data_pdu(context_id, control, payload):
    return pdu.DATA_HEADER.pack(4, len(payload) + 6, len(payload) + 2, context_id, control) + payload


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

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.booleans(),
        st.lists(
            st.one_of(
                st.binary(max_size=60),
                st.builds(
                    lambda kind, length, body: pdu.HEADER.pack(kind, length) + body,
                    st.integers(0, 9),
                    st.integers(0, 2**32 - 1) | st.integers(0, 80),
                    st.binary(max_size=80),
                ),
                st.builds(data_pdu, st.integers(0, 5), st.integers(0, 255), st.binary(max_size=80)),
            ),
            max_size=8,
        ),
        st.sampled_from([1, 13, 1 << 20]),
    )
    def test_takes_any_bytes_for_events_or_a_violation(self, established, parts, piece):
        connection = associated()[1] if established else Connection(requestor=False, max_pdu=16384, buffer=1 << 18)

        try:
            events = feed(connection, b"".join(parts), piece=piece)
        except ProtocolViolation:
            assert connection.state is State.AWAITING_CLOSE
            assert connection.take()
        else:
            assert len(events) <= sum(map(len, parts))
