"""Any bytes, in any pieces: events or a violation, never anything else, never more memory than was set aside."""

import random
import socket
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adit.dicom.contexts import EXPLICIT, VERIFICATION, PresentationContext, model_context
from adit.dicom.errors import DicomError
from adit.dicom.refs import UID
from adit.dimse import commands, pdu, scu
from adit.dimse.association import Association, Peer
from adit.dimse.commands import response
from adit.dimse.connection import Connection, DataArrived
from adit.dimse.errors import ProtocolViolation
from adit.dimse.negotiation import answer, propose
from adit.dimse.pdu import Abort, AssociateRequest, ReleaseRequest
from adit.dimse.scp import Server
from adit.dimse.states import State
from tests.dimse.conftest import Kept
from tests.dimse.ends import CT, ECHO, STORE, data_pdu

REQUEST = propose(
    "ADIT",
    "FUZZ",
    [
        PresentationContext(1, CT, (EXPLICIT,)),
        PresentationContext(3, VERIFICATION, (EXPLICIT,), scu_role=True, scp_role=True),
    ],
    16384,
)
ACCEPT = answer(REQUEST, lambda p: p.transfer_syntaxes[0], 16384)

# What a well-behaved peer says, to begin from: as requestor, and as acceptor.
REQUESTS = b"".join(
    (
        pdu.encode(REQUEST),
        data_pdu(1, 3, commands.encode(ECHO)),
        data_pdu(1, 3, commands.encode(STORE)),
        data_pdu(1, 0, bytes(range(200))),
        data_pdu(1, 2, bytes(range(100))),
        pdu.encode(ReleaseRequest()),
    )
)
ANSWERS = b"".join(
    (
        pdu.encode(ACCEPT),
        data_pdu(1, 3, commands.encode(response(ECHO, 0))),
        data_pdu(1, 1, commands.encode(response(STORE, 0xFF00, has_data_set=True))[:40]),
        data_pdu(1, 3, commands.encode(response(STORE, 0xFF00, has_data_set=True))[40:]),
        data_pdu(1, 2, bytes(300)),
        pdu.encode(ReleaseRequest()),
    )
)


def converse(connection, wire, cuts):
    """Feed *wire* in pieces of the sizes *cuts*, over and over, and do what the owner of a socket would do.

    Returns how many events came.
    """
    view, events, turn = memoryview(wire), 0, 0
    while view:
        space = connection.space()
        assert space, "there is always room for what comes next"
        size = min(len(space), len(view), cuts[turn % len(cuts)])
        turn += 1
        space[:size] = view[:size]
        view = view[size:]
        connection.received(size)
        while (event := connection.next_event()) is not None:
            events += 1
            if isinstance(event, AssociateRequest):
                connection.accept(answer(event, lambda p: p.transfer_syntaxes[0], 16384))
            elif isinstance(event, ReleaseRequest):
                connection.answer_release()
            elif isinstance(event, DataArrived):
                assert len(event.data) <= len(wire)
    return events


def one_end(*, requestor):
    connection = Connection(requestor=requestor, max_pdu=16384, buffer=1 << 18)
    if requestor:
        connection.request(REQUEST)
        connection.take()
    return connection


def survives(wire, cuts, *, requestor):
    connection = one_end(requestor=requestor)
    try:
        events = converse(connection, wire, cuts)
    except ProtocolViolation:
        assert connection.state is State.AWAITING_CLOSE
        assert pdu.encode(Abort(2, 0))[:9] in connection.take()
        assert connection.next_event() is None
    else:
        assert events <= len(wire)
    connection.abort()
    connection.closed()
    assert connection.state is State.IDLE


@st.composite
def mutated(draw, wire):
    """*wire* with some bytes flipped, cut out, doubled or put in between."""
    data = bytearray(wire)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        until = at + draw(st.integers(0, 40))
        match draw(st.sampled_from(["flip", "set", "cut", "double", "insert", "length"])):
            case "flip" if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "set" if at < len(data):
                data[at] = draw(st.integers(0, 255))
            case "cut":
                del data[at:until]
            case "double":
                data[at:at] = data[at:until]
            case "insert":
                data[at:at] = draw(st.binary(max_size=40))
            case "length":
                data[at : at + 4] = draw(st.integers(0, 2**32 - 1)).to_bytes(4, "big")
    return bytes(data)


CUTS = st.lists(st.integers(1, 300), min_size=1, max_size=5)
RUBBISH = st.lists(
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
).map(b"".join)

FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestAConnection:
    @pytest.mark.parametrize(("wire", "requestor"), [(REQUESTS, False), (ANSWERS, True)])
    @pytest.mark.parametrize("cuts", [[1], [7, 1, 30], [1 << 20]])
    def test_takes_what_is_right(self, wire, requestor, cuts):
        connection = one_end(requestor=requestor)

        assert converse(connection, wire, cuts) >= 5
        assert connection.state is State.AWAITING_CLOSE

    @FUZZ
    @given(mutated(REQUESTS), CUTS)
    def test_survives_a_broken_requestor(self, wire, cuts):
        survives(wire, cuts, requestor=False)

    @FUZZ
    @given(mutated(ANSWERS), CUTS)
    def test_survives_a_broken_acceptor(self, wire, cuts):
        survives(wire, cuts, requestor=True)

    @FUZZ
    @given(RUBBISH, CUTS, st.sampled_from([b"", pdu.encode(REQUEST)]))
    def test_survives_rubbish_from_a_requestor(self, rubbish, cuts, before):
        survives(before + rubbish, cuts, requestor=False)

    @FUZZ
    @given(RUBBISH, CUTS, st.sampled_from([b"", pdu.encode(ACCEPT)]))
    def test_survives_rubbish_from_an_acceptor(self, rubbish, cuts, before):
        survives(before + rubbish, cuts, requestor=True)

    @pytest.mark.parametrize(
        "flood",
        [
            data_pdu(1, 1, b"c" * 16378) * 400,
            data_pdu(1, 1, b"c") * 20_000,
            data_pdu(1, 3, commands.encode(STORE)) + data_pdu(1, 0, bytes(16378)) * 400,
            data_pdu(1, 3, commands.encode(ECHO)) * 5_000,
            pdu.HEADER.pack(1, pdu.MOST_CONTROL) + bytes(pdu.MOST_CONTROL),
        ],
        ids=["long command", "command in bytes", "long data", "many messages", "long request"],
    )
    def test_needs_no_more_memory_than_was_set_aside(self, flood):
        connection = one_end(requestor=False)
        converse(connection, pdu.encode(REQUEST), [1 << 20])
        tracemalloc.start()
        try:
            converse(connection, flood, [1 << 18])
        except ProtocolViolation:
            assert connection.state is State.AWAITING_CLOSE
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()

        assert peak < 1 << 20


def first_byte(sock):
    """The type of the first PDU that comes until the other side closes; None without any."""
    came = b""
    # It may close before it has read all of what it was sent.
    with suppress(ConnectionError):
        while data := sock.recv(1 << 16):
            came += data
    return came[0] if came else None


class TestAServer:
    def test_outlives_broken_peers(self):
        dice = random.Random(4)
        with Server("127.0.0.1", 0, "ADIT", receive=lambda r: Kept(r, {}), idle_timeout=5) as server:
            for _ in range(60):
                wire = bytearray(REQUESTS)
                for _ in range(dice.randint(1, 4)):
                    wire[dice.randrange(len(wire))] = dice.randrange(256)
                with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
                    sock.sendall(wire)
                    sock.shutdown(socket.SHUT_WR)
                    # Nothing where a length promises more; else accepted, rejected or aborted.
                    assert first_byte(sock) in (None, 2, 3, 7)
            with Association.request(
                Peer("127.0.0.1", server.port, "ADIT", "X"), [model_context(VERIFICATION)]
            ) as ours:
                scu.echo(ours)
                assert ours.established


class TestAnAssociation:
    def test_outlives_a_broken_peer(self, scripted):
        dice = random.Random(5)
        for _ in range(30):
            wire = bytearray(ANSWERS)
            for _ in range(dice.randint(1, 4)):
                wire[dice.randrange(len(wire))] = dice.randrange(256)

            def script(sock, wire=bytes(wire)):
                sock.sendall(wire)
                sock.shutdown(socket.SHUT_WR)

            contexts = [PresentationContext(1, CT, (EXPLICIT,)), PresentationContext(3, UID("1.2"), (EXPLICIT,))]
            try:
                with Association.request(scripted(script, idle_timeout=5), contexts) as association:
                    while (arrived := association.read_command()) is not None:
                        if arrived.command.has_data_set:
                            association.read_small_data(1000)
            except DicomError as error:
                assert str(error)  # noqa: PT017  any of our own errors will do, and no other
