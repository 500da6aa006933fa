"""Our Storage and Verification SCP, seen from peers that do as they like."""

import socket
import threading
import time

import pytest

from adit.dicom.contexts import (
    EXPLICIT,
    IMPLICIT,
    STUDY_ROOT_FIND,
    VERIFICATION,
    PresentationContext,
    contexts_for,
    model_context,
)
from adit.dicom.refs import UID
from adit.dimse import commands, pdu, scu
from adit.dimse.association import Association, Peer
from adit.dimse.commands import Command, Operation
from adit.dimse.errors import Aborted, ConnectionBroken, NoContext, Rejected
from adit.dimse.negotiation import propose
from adit.dimse.pdu import Abort, AssociateRequest, Proposed, UserInformation
from adit.dimse.receiving import StoreRequest
from adit.dimse.scp import UNKNOWN_CALLING_TITLE, Server
from tests.dimse.conftest import Kept
from tests.dimse.ends import CT, STORE, data_pdu
from tests.dimse.playing import ENDING, read_pdu, until_closed
from tests.pace import within

ECHO = [model_context(VERIFICATION)]
STORAGE = [PresentationContext(1, CT, (EXPLICIT,))]


@pytest.fixture
def kept():
    return {}


@pytest.fixture
def serving(kept):
    """Start servers that end with the test."""
    running = []

    def start(**options):
        options.setdefault("receive", lambda request: Kept(request, kept))
        server = Server("127.0.0.1", 0, "ADIT", **options)
        running.append(server)
        return server.__enter__()

    yield start
    for each in running:
        each.__exit__(None, None, None)


def peer(server, ae_title="ADIT", calling="CALLER"):
    return Peer("127.0.0.1", server.port, ae_title, calling, idle_timeout=ENDING, acse_timeout=ENDING)


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=ENDING)


def associated(server, contexts=STORAGE):
    """A raw connection with an established association."""
    sock = connect(server)
    sock.sendall(pdu.encode(propose("ADIT", "CALLER", contexts, 16384)))
    kind, body = read_pdu(sock)
    assert kind == pdu.PduType.ASSOCIATE_AC
    return sock, pdu.decode(kind, body)


def store(association, sop_class=CT, uid="1.2.3", syntax=EXPLICIT, data=b"data"):
    return scu.store(association, StoreRequest(sop_class, UID(uid), syntax), [data])


class TestAServer:
    def test_answers_an_echo(self, serving):
        with Association.request(peer(serving()), ECHO) as association:
            scu.echo(association)
            scu.echo(association)
            assert association.established

    def test_takes_the_first_syntax_of_the_sender_for_each_context(self, serving):
        private = UID("1.3.6.1.4.1.9999.1.2")
        contexts = [
            PresentationContext(1, CT, (private, EXPLICIT)),
            PresentationContext(3, CT, (IMPLICIT, private)),
            PresentationContext(5, UID("1.2.840.10008.5.1.4.1.1.4711"), (EXPLICIT,)),
            PresentationContext(7, UID("1.3.6.1.4.1.9999.1"), (IMPLICIT,)),
            PresentationContext(9, VERIFICATION, (IMPLICIT,)),
            PresentationContext(11, STUDY_ROOT_FIND, (IMPLICIT,)),
        ]

        with Association.request(peer(serving()), contexts) as association:
            chosen = {number: context.transfer_syntax for number, context in association.accepted.items()}

        assert chosen == {1: private, 3: IMPLICIT, 5: EXPLICIT, 7: IMPLICIT, 9: IMPLICIT}

    def test_tells_a_receiver_what_comes(self, serving):
        requests = []

        def receive(request):
            requests.append(request)
            return Kept(request, {})

        command = Command(
            Operation.C_STORE,
            0,
            message_id=7,
            affected_class=CT,
            affected_instance=UID("1.2.3"),
            originator="MOVER",
            originator_id=4711,
        )
        with Association.request(peer(serving(receive=receive), calling="SOME-PACS"), STORAGE) as association:
            association.send(1, command, [b"data"])
            assert association.read_command().command.status == 0

        assert requests == [StoreRequest(CT, UID("1.2.3"), EXPLICIT, 7, "SOME-PACS", "MOVER", 4711, "127.0.0.1")]

    def test_takes_more_pairs_than_fit_into_one_association(self, serving, kept):
        pairs = [(UID(f"1.3.6.1.4.1.9999.{n}"), EXPLICIT) for n in range(200)]
        server = serving()

        groups = contexts_for(pairs)
        for group in groups:
            with Association.request(peer(server), group) as association:
                for context in group:
                    name = f"1.2.{context.abstract_syntax.rpartition('.')[2]}"
                    assert store(association, context.abstract_syntax, name) == 0

        assert [len(group) for group in groups] == [128, 72]
        assert kept.keys() == {f"1.2.{n}" for n in range(200)}

    def test_serves_several_at_once(self, serving, kept):
        server, together = serving(), threading.Barrier(6, timeout=ENDING)

        def send(number):
            with Association.request(peer(server), STORAGE) as association:
                together.wait()
                assert store(association, uid=f"1.2.{number}") == 0

        threads = [threading.Thread(target=send, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(ENDING)

        assert kept.keys() == {f"1.2.{n}" for n in range(6)}

    def test_gives_each_place_back(self, serving):
        server = serving(most_associations=1)

        for _ in range(5):
            with Association.request(peer(server), ECHO) as association:
                scu.echo(association)
                assert association.established

    def test_does_not_count_who_has_not_asked_for_an_association(self, serving):
        server = serving(most_associations=1)

        with connect(server), Association.request(peer(server), ECHO) as association:
            scu.echo(association)
            assert association.established

    def test_closes_connections_beyond_twice_its_associations(self, serving):
        server = serving(most_associations=1)

        with connect(server), connect(server), connect(server) as third:
            assert third.recv(1) == b""

    @pytest.mark.parametrize("title", [" ", "!\"#$%&'()*+,-./", "a B", "~}|{`_^]["])
    def test_is_called_by_any_legal_title(self, title, kept):
        title = title.strip() or "X"
        with (
            Server("127.0.0.1", 0, title, receive=lambda request: Kept(request, kept)) as server,
            Association.request(peer(server, title, title), ECHO) as association,
        ):
            scu.echo(association)
            assert association.established

    @pytest.mark.parametrize("title", ["adit", "ADIT2", "OTHER"])
    def test_rejects_who_calls_another_title_unless_any_will_do(self, serving, title):
        with pytest.raises(Rejected, match="not called by that AE title") as caught:
            Association.request(peer(serving(), title), ECHO)
        with Association.request(peer(serving(any_title=True), title), ECHO) as association:
            scu.echo(association)

        assert not caught.value.transient

    def test_rejects_whom_its_policy_does_not_want(self, serving):
        server = serving(accept=lambda request, _: UNKNOWN_CALLING_TITLE if request.calling == "STRANGER" else None)

        with pytest.raises(Rejected, match="does not know our AE title"):
            Association.request(peer(server, calling="STRANGER"), ECHO)
        with Association.request(peer(server, calling="FRIEND"), ECHO) as association:
            scu.echo(association)

    @pytest.mark.parametrize(
        ("changes", "rejection"),
        [({"application_context": UID("1.2.3")}, (1, 1, 2)), ({"version": 2}, (1, 2, 2))],
    )
    def test_rejects_another_protocol(self, serving, changes, rejection):
        user = UserInformation(0, UID("1.2"))
        request = AssociateRequest("ADIT", "X", (Proposed(1, CT, (EXPLICIT,)),), user, **changes)

        with connect(serving()) as sock:
            sock.sendall(pdu.encode(request))

            assert pdu.decode(*read_pdu(sock)) == pdu.AssociateReject(*rejection)
            assert sock.recv(1) == b""

    def test_offers_no_services_but_storage_and_verification(self, serving):
        with pytest.raises(NoContext):
            Association.request(peer(serving()), [model_context(STUDY_ROOT_FIND)])

    @pytest.mark.parametrize(
        "command",
        [
            Command(Operation.N_ACTION, 0, message_id=9),
            Command(Operation.C_FIND, 0, message_id=9),
            Command(0x0999, message_id=9),
        ],
    )
    def test_says_what_it_does_not_know(self, serving, command):
        with Association.request(peer(serving()), ECHO) as association:
            association.send(1, command, [b"data"])
            answer = association.read_command().command
            scu.echo(association)

        assert (answer.field, answer.responded_id, answer.status) == (command.field | 0x8000, 9, 0x0211)

    def test_passes_over_a_cancel_and_answers_of_nothing(self, serving):
        with Association.request(peer(serving()), ECHO) as association:
            association.send(1, Command(Operation.C_CANCEL, responded_id=9))
            association.send(1, Command(0x8001, 0, responded_id=9, status=0), [b"data"])
            scu.echo(association)
            assert association.established

    def test_goes_on_when_a_receiver_fails(self, serving):
        def receive(request):
            if request.sop_instance == "1.2.1":
                raise RuntimeError("a mistake")
            return Kept(request, {})

        server = serving(receive=receive)

        with pytest.raises((Aborted, ConnectionBroken)), Association.request(peer(server), STORAGE) as association:
            store(association, uid="1.2.1")
        with Association.request(peer(server), STORAGE) as association:
            assert store(association, uid="1.2.2") == 0


class TestABound:
    def test_on_silence_ends_an_association(self, serving):
        sock, _ = associated(serving(idle_timeout=0.05))
        with sock:
            assert pdu.decode(*read_pdu(sock)) == Abort(0, 0)
            assert sock.recv(1) == b""

    def test_on_silence_ends_an_instance_that_stalls_in_the_middle(self, serving, kept):
        sock, _ = associated(serving(idle_timeout=0.05))
        with sock:
            sock.sendall(data_pdu(1, 3, commands.encode(STORE)) + data_pdu(1, 2, bytes(5000))[:3000])
            assert pdu.decode(*read_pdu(sock)) == Abort(0, 0)

        assert "was silent" in str(kept["1.2.3"])

    def test_on_the_negotiation_ends_a_connection(self, serving):
        with connect(serving(acse_timeout=0.05)) as sock:
            assert sock.recv(1) == b""

    @pytest.mark.parametrize(
        ("wire", "reason"),
        [
            (pdu.HEADER.pack(4, 1 << 20), 6),
            (pdu.HEADER.pack(5, 1 << 20), 6),
            (data_pdu(1, 1, bytes(16000)) * 5, 6),
            (data_pdu(1, 3, commands.encode(STORE)) + data_pdu(1, 0, b"") * 17, 6),
            (data_pdu(9, 3, commands.encode(STORE)), 6),
            (pdu.HEADER.pack(99, 0), 1),
            (pdu.encode(pdu.ReleaseReply()), 2),
        ],
        ids=["data", "control", "command set", "fragments", "context", "type", "order"],
    )
    def test_that_is_broken_is_answered_with_the_reason(self, serving, wire, reason):
        sock, _ = associated(serving(max_pdu=16384))
        with sock:
            sock.sendall(wire)

            assert pdu.decode(*read_pdu(sock)) == Abort(2, reason)

    def test_on_the_length_of_pdus_is_announced(self, serving):
        sock, accept = associated(serving(max_pdu=16384))
        with sock:
            assert accept.user.max_length == 16384


class TestStopping:
    @pytest.mark.parametrize("stage", ["connected", "idle", "in an instance"])
    def test_ends_everything_within_a_second(self, kept, stage):
        before = set(threading.enumerate())
        arrived = threading.Event()

        class Watched(Kept):
            def write(self, data):
                super().write(data)
                arrived.set()

        with Server("127.0.0.1", 0, "ADIT", receive=lambda request: Watched(request, kept)) as server:
            socks = [connect(server) if stage == "connected" else associated(server)[0] for _ in range(5)]
            if stage == "in an instance":
                for sock in socks:
                    sock.sendall(data_pdu(1, 3, commands.encode(STORE)) + data_pdu(1, 2, bytes(5000))[:3000])
                assert arrived.wait(ENDING)
            started = time.monotonic()

        assert time.monotonic() - started < within(1)
        assert set(threading.enumerate()) <= before
        for sock in socks:
            with sock:
                until_closed(sock)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port))
