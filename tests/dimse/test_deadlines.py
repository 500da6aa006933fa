"""What ends by itself, and what is ended from another thread."""

import socket
import threading
import time
from contextlib import suppress

import pytest

from adit.dicom.contexts import EXPLICIT, STUDY_ROOT_GET, VERIFICATION, PresentationContext, contexts_for, model_context
from adit.dicom.errors import Canceled
from adit.dicom.identifier import retrieve_identifiers
from adit.dicom.refs import UID, Ref
from adit.dimse import pdu, scu
from adit.dimse.association import Association, Peer
from adit.dimse.commands import Command, Operation
from adit.dimse.errors import AssociationTimedOut, ConnectionBroken, ConnectTimedOut, IdleTimedOut
from adit.dimse.negotiation import answer, propose
from adit.endpoints.cancel import CancelToken
from tests.dimse.conftest import Kept
from tests.dimse.ends import CT, STORE
from tests.dimse.playing import ENDING, accept, read_pdu, until_closed
from tests.pace import within
from tests.peers.data import ct_study
from tests.peers.misbehaving import misbehaving
from tests.peers.scripts import Script

ECHO = [model_context(VERIFICATION)]
STORAGE = [PresentationContext(1, CT, (EXPLICIT,))]


@pytest.fixture
def deaf():
    """A port that takes no connection: its queue is full, and nobody takes from it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        queued = [socket.socket() for _ in range(4)]
        for each in queued:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for each in queued:
            each.close()


def retrieve(pacs, study, kept, **options):
    [contexts] = contexts_for([(UID(study.files[0].sop_class), EXPLICIT)], retrieving=True)
    [identifier] = retrieve_identifiers([Ref(UID(study.uid))])
    peer = Peer(pacs.host, pacs.port, pacs.ae_title, "ADIT", **options)
    with Association.request(peer, [model_context(STUDY_ROOT_GET), *contexts]) as association:
        return list(scu.get(association, STUDY_ROOT_GET, identifier, lambda request: Kept(request, kept)))


class TestATimeout:
    def test_of_the_connection_is_one_of_its_own(self, deaf):
        with pytest.raises(ConnectTimedOut, match=r"did not take the connection within 0\.05 s"):
            Association.request(Peer("127.0.0.1", deaf, "PEER", "ADIT", connect_timeout=0.05), ECHO)

    def test_of_the_negotiation_is_one_of_its_own(self, scripted):
        peer = scripted(until_closed, acse_timeout=0.05, idle_timeout=60)

        with pytest.raises(AssociationTimedOut, match=r"did not negotiate the association within 0\.05 s"):
            Association.request(peer, ECHO)

    def test_of_the_negotiation_is_not_put_off_by_a_trickle(self, scripted):
        def script(sock):
            read_pdu(sock)
            sock.sendall(b"\2\0\0\0\1\0")
            with suppress(OSError):  # until the other side has had enough
                for _ in range(256):
                    sock.sendall(b"\0")
                    time.sleep(0.01)

        with pytest.raises(AssociationTimedOut):
            Association.request(scripted(script, acse_timeout=0.1, idle_timeout=60), ECHO)

    def test_of_silence_is_one_of_its_own(self, scripted):
        def script(sock):
            accept(sock)
            until_closed(sock)

        peer = scripted(script, idle_timeout=0.05)
        with pytest.raises(IdleTimedOut, match="was silent"), Association.request(peer, ECHO) as association:
            scu.echo(association)

    def test_ends_sending_to_a_peer_that_takes_nothing(self, scripted):
        done = threading.Event()

        def script(sock):
            accept(sock)
            done.wait(ENDING)

        peer = scripted(script, idle_timeout=0.1)
        request = scu.StoreRequest(CT, UID("1.2.3"), EXPLICIT)
        with pytest.raises(IdleTimedOut, match="took nothing"), Association.request(peer, STORAGE) as association:
            scu.store(association, request, (bytes(1 << 20) for _ in range(1000)))
        done.set()

    def test_ends_an_instance_that_stalls_in_the_middle(self):
        study = ct_study(1, 5, name="stalls")
        kept = {}

        with (
            misbehaving(study, script=Script(stalls_in=3)) as pacs,
            pytest.raises(IdleTimedOut, match="was silent"),
        ):
            retrieve(pacs, study, kept, idle_timeout=within(0.1))

        whole = {file.uid: file.encoded for file in study.files[:2]}
        assert {uid: data for uid, data in kept.items() if isinstance(data, bytes)} == whole
        assert isinstance(kept[study.files[2].uid], IdleTimedOut)

    def test_is_not_needed_where_the_peer_closes_in_the_middle(self):
        study = ct_study(1, 5, name="closes")
        kept = {}

        with (
            misbehaving(study, script=Script(closes_in=3)) as pacs,
            pytest.raises(ConnectionBroken, match="the peer closed it"),
        ):
            retrieve(pacs, study, kept)

        assert [type(data) for data in kept.values()] == [bytes, bytes, ConnectionBroken]


def block(peer, token, stage):
    """Be blocked in *stage* until *token* is set."""
    with Association.request(peer, STORAGE, cancel=token) as association:
        if stage == "reading":
            association.send(1, Command(Operation.C_ECHO, message_id=1))
            association.read_command()
        request = scu.StoreRequest(CT, UID("1.2.3"), EXPLICIT)
        scu.store(association, request, (bytes(1 << 20) for _ in range(1000)))


class TestACancel:
    @pytest.mark.parametrize("stage", ["negotiating", "reading", "writing"])
    def test_ends_what_is_blocked_at_once(self, scripted, stage):
        token, canceled, gone = CancelToken(), threading.Event(), threading.Event()

        def script(sock):
            if stage != "negotiating":
                accept(sock)
            sock.recv(1)
            token.set("enough")
            canceled.wait(ENDING)
            until_closed(sock)
            gone.set()

        started = time.monotonic()

        with pytest.raises(Canceled):
            block(scripted(script), token, stage)

        assert time.monotonic() - started < within(1)
        canceled.set()
        assert gone.wait(ENDING)

    def test_ends_a_connection_that_nobody_takes(self, deaf):
        token = CancelToken()
        timer = threading.Timer(0.05, token.set)
        timer.start()
        started = time.monotonic()

        with pytest.raises(Canceled):
            Association.request(Peer("127.0.0.1", deaf, "PEER", "ADIT"), ECHO, cancel=token)

        assert time.monotonic() - started < within(1)
        timer.join()

    def test_before_the_beginning_connects_nowhere(self):
        token = CancelToken()
        token.set()

        with socket.create_server(("127.0.0.1", 0)) as listener:
            with pytest.raises(Canceled):
                Association.request(Peer(*listener.getsockname(), "PEER", "ADIT"), ECHO, cancel=token)
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                listener.accept()

    def test_closes_the_socket(self, scripted):
        closed = threading.Event()

        def script(sock):
            accept(sock)
            until_closed(sock)
            closed.set()

        token = CancelToken()
        with Association.request(scripted(script), STORAGE, cancel=token) as association:
            token.set()

            assert closed.wait(ENDING)
            assert not association.established
            with pytest.raises(Canceled):
                association.send(1, STORE, [b"data"])

    def test_while_it_is_decided_on_ends_the_negotiation_of_a_server(self):
        token = CancelToken()
        ours, theirs = socket.socketpair()

        def policy(request):
            token.set()
            return answer(request, lambda proposed: proposed.transfer_syntaxes[0], 16384)

        theirs.sendall(pdu.encode(propose("ADIT", "CALLER", STORAGE, 16384)))
        with theirs, pytest.raises(Canceled):
            Association.take(ours, policy, name="CALLER", max_pdu=16384, acse_timeout=5, idle_timeout=5, cancel=token)
