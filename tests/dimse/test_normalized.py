"""Asking for storage commitment and being told of it, with peers that do as they like."""

import threading

import pytest

from adit.dicom.commitment import Report, commitment_request
from adit.dicom.contexts import EXPLICIT, IMPLICIT, STORAGE_COMMITMENT, PresentationContext, model_context
from adit.dicom.errors import Refused
from adit.dicom.identifier import encode
from adit.dicom.refs import UID
from adit.dimse import commands, pdu
from adit.dimse.association import Association, Peer
from adit.dimse.commands import Command, Operation
from adit.dimse.errors import Aborted, ConnectionBroken, NoContext, ProtocolViolation
from adit.dimse.normalized import commit, listen
from adit.dimse.pdu import Abort, ReleaseRequest
from adit.dimse.scp import Server
from tests.dimse.conftest import Kept
from tests.dimse.ends import CT, data_pdu
from tests.dimse.playing import ENDING, accept, read_pdu, respond, until_closed, until_released

COMMITMENT = [PresentationContext(1, STORAGE_COMMITMENT, (IMPLICIT,))]
PUSH = UID("1.2.840.10008.1.20.1.1")
TRANSACTION, INSTANCE = UID("2.25.1"), UID("1.2.3")
ALL = {INSTANCE: CT}
INFORMATION = encode(commitment_request(TRANSACTION, ALL))
TOLD = Report(TRANSACTION, frozenset({INSTANCE}))


def report(message_id=1, **values):
    return Command(
        **{
            "field": Operation.N_EVENT_REPORT,
            "data_set_type": 0,
            "message_id": message_id,
            "affected_class": STORAGE_COMMITMENT,
            "affected_instance": PUSH,
            "event_type": 1,
            **values,
        }
    )


ANSWER = Command(0x8130, responded_id=1, affected_class=STORAGE_COMMITMENT, affected_instance=PUSH, status=0)


def read_command(sock):
    """The next command that our side sends; its data set is passed over."""
    _, body = read_pdu(sock)
    command = commands.decode(body[6:])
    if command.has_data_set:
        read_pdu(sock)
    return command


class Asked:
    """A script: it takes the request, and does what is to be done about it."""

    def __init__(self, *doing):
        self.doing = doing
        self.request = None
        self.answers = []

    def __call__(self, sock):
        accept(sock)
        self.request = read_command(sock)
        for command, data in self.doing:
            respond(sock, command, data)
            if not command.is_response:
                self.answers.append(read_command(sock))
        until_released(sock)


def asked(peer, *, listens=1, waits_for=lambda report: True):
    """Ask for commitment, listen so many times, and give what was told."""
    told = []

    def take(report):
        told.append(report)
        return waits_for(report)

    with Association.request(peer, COMMITMENT) as association:
        commit(association, TRANSACTION, ALL, take)
        for _ in range(listens):
            listen(association, ENDING, take)
    return told


class TestACommitment:
    def test_is_asked_for_as_the_standard_wants_it(self, scripted):
        script = Asked((ANSWER, None))

        assert asked(scripted(script), listens=0) == []
        assert script.request == Command(
            Operation.N_ACTION,
            0,
            message_id=1,
            requested_class=STORAGE_COMMITMENT,
            requested_instance=PUSH,
            action_type=1,
        )

    @pytest.mark.parametrize("early", [True, False])
    def test_may_be_reported_before_the_answer_and_after_it(self, scripted, early):
        doing = [(report(9), INFORMATION), (ANSWER, None)]
        script = Asked(*(doing if early else reversed(doing)))

        assert asked(scripted(script), listens=0 if early else 1) == [TOLD]
        (answer,) = script.answers
        assert (answer.field, answer.responded_id, answer.status) == (0x8100, 9, 0)
        assert (answer.affected_class, answer.affected_instance) == (STORAGE_COMMITMENT, PUSH)

    def test_may_be_reported_twice(self, scripted):
        script = Asked((ANSWER, None), (report(1), INFORMATION), (report(2), INFORMATION))

        assert asked(scripted(script), listens=2) == [TOLD] * 2
        assert [answer.status for answer in script.answers] == [0, 0]

    def test_that_nobody_waits_for_is_answered_with_success(self, scripted):
        script = Asked((ANSWER, None), (report(), INFORMATION))

        assert asked(scripted(script), waits_for=lambda _: False) == [TOLD]
        assert script.answers[0].status == 0

    @pytest.mark.parametrize(
        ("command", "data", "status"),
        [
            (report(event_type=3), INFORMATION, 0x0113),
            (report(event_type=None), INFORMATION, 0x0113),
            (report(), b"", 0x0110),
            (report(), b"no data set", 0x0110),
            (report(data_set_type=0x0101), None, 0x0120),
            (Command(Operation.N_ACTION, 0, message_id=1), INFORMATION, 0x0211),
            (Command(Operation.C_ECHO, message_id=1), None, 0x0211),
        ],
    )
    def test_that_is_reported_wrongly_is_refused_and_the_association_goes_on(self, scripted, command, data, status):
        script = Asked((ANSWER, None), (command, data), (report(2), INFORMATION))

        assert asked(scripted(script), listens=2) == [TOLD]
        assert [answer.status for answer in script.answers] == [status, 0]

    def test_that_cannot_be_kept_is_refused_with_the_status(self, scripted):
        script = Asked((ANSWER, None), (report(), INFORMATION))

        def refuse(_):
            raise Refused("no room", status=0x0213)

        asked(scripted(script), waits_for=refuse)

        assert script.answers[0].status == 0x0213

    @pytest.mark.parametrize(("status", "words"), [(0x0112, "no such instance"), (0x0123, "no such action")])
    def test_may_be_refused(self, scripted, status, words):
        script = Asked((Command(0x8130, 0, responded_id=1, status=status), b"reply"))

        with pytest.raises(Refused, match=words) as caught:
            asked(scripted(script))
        assert caught.value.status == status

    @pytest.mark.parametrize("status", [0x0000, 0x0107, 0x0116, 0xB000])
    def test_is_promised_with_a_warning_too(self, scripted, status):
        assert asked(scripted(Asked((Command(0x8130, responded_id=1, status=status), None))), listens=0) == []

    @pytest.mark.parametrize(
        "answer",
        [Command(0x8130, responded_id=2, status=0), Command(0x8001, responded_id=1, status=0), Command(0x8130)],
    )
    def test_needs_the_answer_to_its_own_request(self, scripted, answer):
        with pytest.raises(ProtocolViolation):
            asked(scripted(Asked((answer, None))))

    def test_is_not_asked_of_who_did_not_accept_it(self, scripted):
        def script(sock):
            accept(sock)
            until_released(sock)

        with (
            Association.request(scripted(script), [PresentationContext(1, CT, (IMPLICIT,))]) as association,
            pytest.raises(NoContext),
        ):
            commit(association, TRANSACTION, ALL, lambda _: True)

    def test_ends_when_the_peer_releases_or_aborts(self, scripted):
        def aborting(sock):
            accept(sock)
            read_command(sock)
            sock.sendall(pdu.encode(Abort(0, 0)))
            until_closed(sock)

        def releasing(sock):
            accept(sock)
            read_command(sock)
            respond(sock, ANSWER)
            sock.sendall(pdu.encode(ReleaseRequest()))
            until_closed(sock)

        with pytest.raises(Aborted):
            asked(scripted(aborting))
        with pytest.raises(ConnectionBroken, match="released the association"):
            asked(scripted(releasing))


class TestListening:
    def test_gives_up_in_time_and_keeps_what_has_begun_to_come(self, scripted):
        go, told = threading.Event(), []

        def script(sock):
            accept(sock)
            read_command(sock)
            respond(sock, ANSWER)
            whole = data_pdu(1, 3, commands.encode(report(5))) + data_pdu(1, 2, INFORMATION)
            sock.sendall(whole[:20])
            assert go.wait(ENDING)
            sock.sendall(whole[20:])
            assert read_command(sock).responded_id == 5
            until_released(sock)

        def take(report):
            told.append(report)
            return True

        with Association.request(scripted(script), COMMITMENT) as association:
            commit(association, TRANSACTION, ALL, take)
            listen(association, 0.05, take)
            assert told == []
            go.set()
            listen(association, ENDING, take)

        assert told == [TOLD]


@pytest.fixture
def told():
    return []


@pytest.fixture
def server(told):
    def take(report):
        told.append(report)
        return True

    with Server("127.0.0.1", 0, "ADIT", receive=lambda request: Kept(request, {}), told=take) as server:
        yield Peer("127.0.0.1", server.port, "ADIT", "PACS", idle_timeout=ENDING, acse_timeout=ENDING)


def answered(association, command, data=b"", context_id=1):
    association.send(context_id, command, [data])
    return association.read_command().command.status


class TestAServer:
    @pytest.mark.parametrize("roles", [{"scu_role": False, "scp_role": True}, {"scp_role": True}, {}])
    @pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
    def test_is_told_on_an_association_of_the_peer(self, server, told, roles, syntax):
        with Association.request(server, [PresentationContext(1, STORAGE_COMMITMENT, (syntax,), **roles)]) as calling:
            assert calling.accepted[1].scp_role == ("scp_role" in roles)
            assert answered(calling, report(), encode(commitment_request(TRANSACTION, ALL), syntax)) == 0

        assert told == [TOLD]

    def test_takes_what_it_can_read(self, server):
        deflated, jpeg = UID("1.2.840.10008.1.2.1.99"), UID("1.2.840.10008.1.2.4.50")
        contexts = [
            PresentationContext(1, STORAGE_COMMITMENT, (jpeg, IMPLICIT, EXPLICIT)),
            PresentationContext(3, STORAGE_COMMITMENT, (deflated,)),
        ]
        with Association.request(server, contexts) as calling:
            assert {number: context.transfer_syntax for number, context in calling.accepted.items()} == {1: IMPLICIT}

    @pytest.mark.parametrize(
        "command",
        [
            Command(Operation.N_ACTION, 0, message_id=1, requested_class=STORAGE_COMMITMENT, action_type=1),
            Command(Operation.C_STORE, 0, message_id=1, affected_class=CT, affected_instance=UID("1.2")),
            Command(Operation.C_FIND, 0, message_id=1),
        ],
    )
    def test_takes_nothing_else_in_that_context(self, server, told, command):
        with Association.request(server, COMMITMENT) as calling:
            assert answered(calling, command, INFORMATION) == 0x0211
        assert told == []

    def test_takes_reports_in_that_context_only(self, server, told):
        with Association.request(server, [PresentationContext(1, CT, (IMPLICIT,))]) as calling:
            assert answered(calling, report(), INFORMATION) == 0x0211
        assert told == []

    def test_that_waits_for_nothing_does_not_offer_it(self):
        with Server("127.0.0.1", 0, "ADIT", receive=lambda request: Kept(request, {})) as server:
            peer = Peer("127.0.0.1", server.port, "ADIT", "PACS", idle_timeout=ENDING)
            with pytest.raises(NoContext):
                Association.request(peer, [model_context(STORAGE_COMMITMENT)])
