"""Associations over a real socket, with peers that break off, stall and reject."""

import socket
import time

import pytest
from pydicom import Dataset

from adit.dicom.contexts import EXPLICIT, STUDY_ROOT_FIND, VERIFICATION, PresentationContext, model_context
from adit.dicom.errors import Unreachable
from adit.dicom.refs import UID
from adit.dimse import pdu, scu
from adit.dimse.association import Association, Peer
from adit.dimse.errors import (
    Aborted,
    ConnectionBroken,
    NoContext,
    ProtocolViolation,
    Rejected,
)
from adit.dimse.negotiation import answer
from adit.dimse.pdu import PduType, ReleaseReply, ReleaseRequest
from tests.dimse.playing import accept, eventually, read_pdu, respond, until_closed
from tests.pace import within

ECHO = [model_context(VERIFICATION)]


class TestAnAssociation:
    @pytest.mark.parametrize(
        ("reject", "transient", "words"),
        [
            ((1, 1, 3), False, "for good: it does not know our AE title"),
            ((1, 1, 7), False, "not called by that AE title"),
            ((2, 3, 2), True, "for the moment: it has as many associations as it can take"),
            ((2, 3, 1), True, "overloaded"),
            ((1, 2, 9), False, "reason 9 of source 2"),
        ],
    )
    def test_says_why_it_was_rejected(self, scripted, reject, transient, words):
        def script(sock):
            read_pdu(sock)
            sock.sendall(pdu.encode(pdu.AssociateReject(*reject)))

        with pytest.raises(Rejected, match=words) as caught:
            Association.request(scripted(script), ECHO)

        assert caught.value.transient is transient

    def test_needs_a_peer_that_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]

        with pytest.raises(Unreachable, match="refused"):
            Association.request(Peer("127.0.0.1", port, "PEER", "ADIT"), ECHO)

    def test_needs_an_accepted_context(self, scripted):
        def script(sock):
            kind, body = read_pdu(sock)
            sock.sendall(pdu.encode(answer(pdu.decode(kind, body), lambda _: None, 0)))
            until_closed(sock)

        with pytest.raises(NoContext):
            Association.request(scripted(script), ECHO)

    def test_says_that_the_peer_aborted(self, scripted):
        def script(sock):
            accept(sock)
            read_pdu(sock)
            sock.sendall(pdu.encode(pdu.Abort(0, 0)))

        with (
            pytest.raises(Aborted, match="its application ended it"),
            Association.request(scripted(script), ECHO) as association,
        ):
            scu.echo(association)

    def test_says_that_the_peer_aborted_while_we_were_sending(self, scripted):
        def script(sock):
            accept(sock)
            sock.recv(100_000)
            sock.sendall(pdu.encode(pdu.Abort(2, 6)))
            sock.shutdown(socket.SHUT_RDWR)
            sock.close()

        context = PresentationContext(1, UID("1.2"), (EXPLICIT,))
        request = scu.StoreRequest(UID("1.2"), UID("1.2.3"), EXPLICIT)
        with (
            pytest.raises((Aborted, ConnectionBroken)),
            Association.request(scripted(script), [context]) as association,
        ):
            scu.store(association, request, (bytes(1 << 16) for _ in range(1000)))

    def test_breaks_when_the_peer_closes(self, scripted):
        def script(sock):
            accept(sock)
            read_pdu(sock)
            sock.shutdown(socket.SHUT_RDWR)

        with (
            pytest.raises(ConnectionBroken, match="the peer closed it"),
            Association.request(scripted(script), ECHO) as association,
        ):
            scu.echo(association)

    def test_aborts_when_the_peer_breaks_the_rules(self, scripted):
        last = []

        def script(sock):
            accept(sock)
            read_pdu(sock)
            sock.sendall(b"\x63\0\0\0\0\0")
            last.append(read_pdu(sock))

        with (
            pytest.raises(ProtocolViolation, match="no PDU type 99"),
            Association.request(scripted(script), ECHO) as association,
        ):
            scu.echo(association)
        eventually(lambda: last == [(7, bytes((0, 0, 2, 1)))])

    def test_is_aborted_by_closing_a_search_early(self, scripted):
        def script(sock):
            accept(sock)
            read_pdu(sock)
            read_pdu(sock)
            pending = scu.Command(0x8020, responded_id=1, status=0xFF00, data_set_type=0)
            respond(sock, pending, b"\x10\0\x20\0LO\2\0X ")
            until_closed(sock)

        with Association.request(scripted(script), [model_context(STUDY_ROOT_FIND)]) as association:
            found = scu.find(association, STUDY_ROOT_FIND, Dataset())
            assert next(found).PatientID == "X"
            found.close()
            assert not association.established


class TestARelease:
    def test_is_answered_by_the_peer(self, scripted):
        pdus = []

        def script(sock):
            accept(sock)
            pdus.append(read_pdu(sock)[0])
            sock.sendall(pdu.encode(ReleaseReply()))
            pdus.append(read_pdu(sock)[0])

        peer = scripted(script)
        with Association.request(peer, ECHO):
            pass

        eventually(lambda: pdus == [PduType.RELEASE_RQ, None])

    def test_of_both_sides_at_once_ends_well(self, scripted):
        pdus = []

        def script(sock):
            accept(sock)
            sock.sendall(pdu.encode(ReleaseRequest()))
            pdus.append(read_pdu(sock)[0])
            pdus.append(read_pdu(sock)[0])
            sock.sendall(pdu.encode(ReleaseReply()))
            pdus.append(read_pdu(sock)[0])

        with Association.request(scripted(script), ECHO):
            pass

        eventually(lambda: pdus == [PduType.RELEASE_RQ, PduType.RELEASE_RP, None])

    def test_passes_over_data_that_still_come(self, scripted):
        def script(sock):
            accept(sock)
            read_pdu(sock)
            respond(sock, scu.Command(0x8020, 0, responded_id=1, status=0xFF00), b"late")
            sock.sendall(pdu.encode(ReleaseReply()))
            until_closed(sock)

        started = time.monotonic()
        with Association.request(scripted(script), ECHO):
            pass

        assert time.monotonic() - started < within(1)

    @pytest.mark.parametrize("farewell", [b"", pdu.encode(pdu.Abort(0, 0)), b"rubbish"])
    def test_never_fails_whatever_the_peer_does(self, scripted, farewell):
        def script(sock):
            accept(sock)
            read_pdu(sock)
            sock.sendall(farewell)
            sock.shutdown(socket.SHUT_RDWR)

        with Association.request(scripted(script), ECHO) as association:
            pass

        assert not association.established
        with pytest.raises(ConnectionBroken, match=r"is closed|was aborted|broke off"):
            scu.echo(association)

    def test_by_the_peer_is_answered_and_ends_the_association(self, scripted):
        pdus = []

        def script(sock):
            accept(sock)
            sock.sendall(pdu.encode(ReleaseRequest()))
            pdus.append(read_pdu(sock)[0])

        with Association.request(scripted(script), ECHO) as association:
            assert association.read_command() is None
            assert not association.established

        eventually(lambda: pdus == [PduType.RELEASE_RP])

    def test_is_an_abort_when_something_went_wrong(self, scripted):
        pdus = []

        def script(sock):
            accept(sock)
            pdus.append(read_pdu(sock))

        with pytest.raises(ZeroDivisionError), Association.request(scripted(script), ECHO):
            _ = 1 / 0

        eventually(lambda: pdus == [(PduType.ABORT, bytes(4))])
