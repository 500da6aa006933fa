"""Answers to C-FIND as they really come, and what a conversation does about wrong ones."""

import time

import pytest
from pydicom import Dataset

from adit.dicom.contexts import EXPLICIT, IMPLICIT, STUDY_ROOT_FIND, STUDY_ROOT_GET, VERIFICATION, PresentationContext
from adit.dicom.errors import BadData, Refused
from adit.dicom.identifier import decode, encode
from adit.dicom.match import Match
from adit.dicom.reading import read
from adit.dicom.refs import UID, Level
from adit.dimse import scu
from adit.dimse.association import Association
from adit.dimse.commands import NO_DATA_SET, Command, Operation
from adit.dimse.errors import ConnectionBroken, NoContext, ProtocolViolation
from adit.dimse.receiving import StoreRequest
from tests.dimse.conftest import Kept
from tests.dimse.ends import CT, STORE
from tests.dimse.playing import accept, eventually, read_pdu, respond, until_released
from tests.pace import within

FIND = [PresentationContext(1, STUDY_ROOT_FIND, (IMPLICIT,))]
GET = [
    PresentationContext(1, STUDY_ROOT_GET, (IMPLICIT,)),
    PresentationContext(3, CT, (EXPLICIT,), scu_role=False, scp_role=True),
]


def element(tag, value):
    return (
        (tag >> 16).to_bytes(2, "little")
        + (tag & 0xFFFF).to_bytes(2, "little")
        + (len(value).to_bytes(4, "little") + value)
    )


def answering(*answers, final=0x0000, status=0xFF00):
    """A script that answers a C-FIND with encoded identifiers."""

    def script(sock):
        accept(sock)
        read_pdu(sock)
        read_pdu(sock)
        for answer in answers:
            respond(sock, Command(0x8020, 0, responded_id=1, status=status), answer)
        if final is not None:
            respond(sock, Command(0x8020, responded_id=1, status=final))
        until_released(sock)

    return script


def found(peer, **options):
    with Association.request(peer, FIND) as association:
        return list(scu.find(association, STUDY_ROOT_FIND, Dataset(), **options))


class TestAnAnswer:
    @pytest.mark.parametrize(
        ("charset", "name", "shown"),
        [
            (b"ISO_IR 100", b"M\xfcller^\xc4nne", "Müller^Änne"),
            (b"ISO_IR 192", "Łukasz^Ørsted".encode(), "Łukasz^Ørsted"),
            (b"ISO_IR 144", b"\xbb\xee\xda\xd5", "Люке"),
            (b"\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "Yamada^Tarou=山田^太郎"),
            (b"ISO 2022 IR 13\\ISO 2022 IR 87", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
            (b"\\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", "Hong^Gildong=洪^吉洞"),
            (b"GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", "Wang^XiaoDong=王^小东"),
            (None, b"M\xfcller", "Müller"),
            (None, "Müller".encode(), "Müller"),
            (b"ISO_IR 100", "Müller".encode(), "Müller"),
            (b"ISO-IR 100 ", b"M\xfcller ", "Müller"),
            (b"NO SUCH", b"M\xfcller\0", "Müller"),
        ],
    )
    def test_is_read_by_its_character_set(self, scripted, charset, name, shown):
        encoded = (element(0x00080005, charset) if charset is not None else b"") + element(0x00100010, name)

        [answer] = found(scripted(answering(encoded)))

        assert Match(Level.STUDY, answer).text("PatientName") == shown

    def test_without_a_character_set_is_read_by_that_of_the_peer(self, scripted):
        peer = scripted(answering(element(0x00100010, b"\xbb\xee\xda")))

        [answer] = found(peer, fallback="ISO_IR 144")

        assert str(answer.PatientName) == "Люк"

    def test_may_lack_every_attribute(self, scripted):
        [first, second] = found(scripted(answering(b"", element(0x00100020, b""))))

        for answer in (first, second):
            match = Match(Level.STUDY, answer)
            assert (match.ref, match.instances, match.patient_id, match.study_date) == (None, None, "", None)

    def test_is_read_without_its_padding(self, scripted):
        encoded = element(0x00100020, b" 42  \0") + element(0x0020000D, b"1.2.3\0") + element(0x00201208, b"12  ")

        [answer] = found(scripted(answering(encoded)))
        match = Match(Level.STUDY, answer)

        assert (match.patient_id, match.ref.study, match.instances) == ("42", "1.2.3", 12)

    def test_may_hold_broken_values(self, scripted):
        encoded = b"".join(
            (
                element(0x00080020, b"20231399"),
                element(0x00080030, b"25:61"),
                element(0x0020000D, b"1.2.x"),
                element(0x00201208, b"many"),
                element(0x00400275, b"no sequence "),
            )
        )

        [answer] = found(scripted(answering(encoded)))
        match = Match(Level.STUDY, answer)

        assert (match.study_date, match.study_time, match.ref, match.instances) == (None, None, None, None)

    def test_that_only_lacks_support_of_a_key_counts(self, scripted):
        [answer] = found(scripted(answering(element(0x00100020, b"42"), status=0xFF01)))

        assert answer.PatientID == "42"

    def test_that_is_no_data_set_is_bad_data(self, scripted):
        with pytest.raises(BadData):
            found(scripted(answering(b"\x08\0\x40\x11\xff\xff\xff\xffno sequence")))

    def test_longer_than_the_bound_is_a_violation(self, scripted):
        def script(sock):
            accept(sock)
            read_pdu(sock)
            read_pdu(sock)
            respond(sock, Command(0x8020, 0, responded_id=1, status=0xFF00))
            header = b"\4\0" + (1 << 18).to_bytes(4, "big") + ((1 << 18) - 4).to_bytes(4, "big") + b"\1\0"
            try:
                for _ in range(scu.MOST_IDENTIFIER // (1 << 18) + 1):
                    sock.sendall(header + bytes((1 << 18) - 6))
                until_released(sock)
            except OSError:
                return

        with pytest.raises(ProtocolViolation, match="more than 16777216 bytes"):
            found(scripted(script))

    @pytest.mark.parametrize("transfer_syntax", [IMPLICIT, EXPLICIT])
    def test_costs_little(self, transfer_syntax):
        image = Dataset()
        image.SpecificCharacterSet = "ISO_IR 100"
        image.QueryRetrieveLevel = "IMAGE"
        image.StudyInstanceUID = image.SeriesInstanceUID = image.SOPInstanceUID = "1.2.840.113619.2.55.3.604688119.9"
        image.SOPClassUID = CT
        image.InstanceNumber = "7"
        image.RetrieveAETitle = "PACS"
        encoded = encode(image, transfer_syntax)

        # A series may have thousands of them. Compared with the bare parsing, as that depends on the machine.
        ratio = min(
            seconds_for(500, decode, encoded, transfer_syntax) / seconds_for(500, read, encoded, transfer_syntax)
            for _ in range(5)
        )

        assert ratio < 2


def seconds_for(count, function, *arguments):
    """In processor time of this thread, because others use the machine too."""
    started = time.thread_time()
    for _ in range(count):
        function(*arguments)
    return time.thread_time() - started


class TestASearch:
    def test_that_is_refused_says_why(self, scripted):
        with pytest.raises(Refused, match="out of resources") as caught:
            found(scripted(answering(element(0x00100020, b"42"), final=0xA700)))

        assert (caught.value.status, caught.value.transient) == (0xA700, True)

    def test_that_ends_with_a_warning_is_over(self, scripted):
        assert len(found(scripted(answering(b"", final=0xB000)))) == 1

    @pytest.mark.parametrize(
        "wrong",
        [
            Command(0x8020, responded_id=2, status=0),
            Command(0x8020, responded_id=None, status=0),
            Command(0x8030, responded_id=1, status=0),
            Command(0x8020, responded_id=1, status=None),
            Command(Operation.C_FIND, message_id=1),
        ],
        ids=["another message", "no message", "another operation", "no status", "a request"],
    )
    def test_takes_no_other_answer_for_its_own(self, scripted, wrong):
        def script(sock):
            accept(sock)
            read_pdu(sock)
            read_pdu(sock)
            respond(sock, wrong)
            until_released(sock)

        with pytest.raises(ProtocolViolation):
            found(scripted(script))

    def test_breaks_when_the_peer_releases_instead(self, scripted):
        def script(sock):
            accept(sock)
            read_pdu(sock)
            read_pdu(sock)
            sock.sendall(b"\5\0\0\0\0\4\0\0\0\0")
            until_released(sock)

        with pytest.raises(ConnectionBroken, match="released the association instead of answering"):
            found(scripted(script))

    def test_counts_each_answer_as_life(self, scripted):
        pause = within(0.1)

        def script(sock):
            accept(sock)
            read_pdu(sock)
            read_pdu(sock)
            for _ in range(4):
                time.sleep(pause)  # a slow peer
                respond(sock, Command(0x8020, 0, responded_id=1, status=0xFF00), b"")
            respond(sock, Command(0x8020, responded_id=1, status=0))
            until_released(sock)

        assert len(found(scripted(script, idle_timeout=3 * pause))) == 4

    def test_numbers_its_messages(self, scripted):
        ids = []

        def script(sock):
            accept(sock)
            for _ in range(3):
                _, body = read_pdu(sock)
                message_id = int.from_bytes(body[body.index(b"\x10\x01\2\0\0\0") + 6 :][:2], "little")
                ids.append(message_id)
                respond(sock, Command(0x8030, responded_id=message_id, status=0))
            until_released(sock)

        with Association.request(scripted(script), [PresentationContext(1, VERIFICATION, (IMPLICIT,))]) as association:
            for _ in range(3):
                scu.echo(association)
            following = [association.next_message_id() for _ in range(0xFFFF)]

        assert ids == [1, 2, 3]
        assert set(following) == set(range(1, 0x10000))
        assert following[-1] == 3


class TestARetrieve:
    def test_answers_what_it_does_not_serve(self, scripted):
        answers = []

        def script(sock):
            accept(sock)
            read_pdu(sock)
            read_pdu(sock)
            respond(sock, Command(Operation.N_EVENT_REPORT, 0, message_id=7), b"what")
            answers.append(read_pdu(sock)[1])
            respond(sock, Command(0x8010, responded_id=1, status=0, completed=0))
            until_released(sock)

        with Association.request(scripted(script), GET) as association:
            [last] = scu.get(association, STUDY_ROOT_GET, Dataset(), lambda request: Kept(request, {}))

        assert last.status == 0
        assert b"\0\x09\2\0\0\0\x11\2" in answers[0]  # Status (0000,0900) is 0211

    @pytest.mark.parametrize(
        ("listed", "uids"),
        [
            (element(0x00080058, b"1.2.3\\1.2.4 "), ("1.2.3", "1.2.4")),
            (element(0x00080058, b"1.2.3\0"), ("1.2.3",)),
            (element(0x00080058, b"1.2.3\\none"), ("1.2.3",)),
            (element(0x00080058, b""), ()),
            (b"\x08\0\x40\x11\xff\xff\xff\xffno sequence", ()),
        ],
    )
    def test_hears_what_failed(self, scripted, listed, uids):
        def script(sock):
            accept(sock)
            read_pdu(sock)
            read_pdu(sock)
            respond(sock, Command(0x8010, 0, responded_id=1, status=0xB000, completed=1, failed=2), listed)
            until_released(sock)

        with Association.request(scripted(script), GET) as association:
            [last] = scu.get(association, STUDY_ROOT_GET, Dataset(), lambda request: Kept(request, {}))

        assert (last.status, last.completed, last.failed, last.warning) == (0xB000, 1, 2, None)
        assert last.failed_instances == uids

    @pytest.mark.parametrize(
        ("command", "data", "status"),
        [
            (STORE, b"data", 0),
            (Command(Operation.C_STORE, 0, message_id=1, affected_class=CT, affected_instance=UID("x")), b"d", 0x0117),
            (Command(Operation.C_STORE, 0, message_id=1, affected_class=CT), b"data", 0x0117),
            (
                Command(Operation.C_STORE, NO_DATA_SET, message_id=1, affected_class=CT, affected_instance=UID("1.2")),
                None,
                0x0120,
            ),
        ],
        ids=["right", "no UID", "without a UID", "without a data set"],
    )
    def test_answers_an_instance_with_its_status(self, scripted, command, data, status):
        answers = []

        def script(sock):
            accept(sock)
            read_pdu(sock)
            read_pdu(sock)
            respond(sock, command, data, context_id=3)
            answers.append(read_pdu(sock)[1])
            respond(sock, Command(0x8010, responded_id=1, status=0, completed=0))
            until_released(sock)

        with Association.request(scripted(script), GET) as association:
            list(scu.get(association, STUDY_ROOT_GET, Dataset(), lambda request: Kept(request, {})))

        assert b"\0\x09\2\0\0\0" + status.to_bytes(2, "little") in answers[0]

    def test_is_aborted_by_closing_it_early(self, scripted):
        pdus = []

        def script(sock):
            accept(sock)
            read_pdu(sock)
            read_pdu(sock)
            respond(sock, Command(0x8010, responded_id=1, status=0xFF00, remaining=5))
            pdus.append(read_pdu(sock))

        with Association.request(scripted(script), GET) as association:
            progress = scu.get(association, STUDY_ROOT_GET, Dataset(), lambda request: Kept(request, {}))
            assert next(progress).remaining == 5
            progress.close()
            assert not association.established

        eventually(lambda: pdus == [(7, bytes(4))])


class TestStoring:
    def test_needs_a_context_in_the_right_syntax(self, scripted):
        def script(sock):
            accept(sock)
            until_released(sock)

        with (
            Association.request(scripted(script), [PresentationContext(1, CT, (EXPLICIT,))]) as association,
            pytest.raises(NoContext, match="no presentation context"),
        ):
            scu.store(association, StoreRequest(CT, UID("1.2"), IMPLICIT), [b""])
