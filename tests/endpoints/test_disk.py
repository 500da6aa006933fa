"""What happens when there is no room any more, or a file is larger than memory."""

import threading
import time
from contextlib import closing

import pytest

from adit.dicom.errors import Canceled, Full, Unreachable
from adit.dicom.instance import Instance
from adit.dicom.protocols import Outcome
from adit.dicom.refs import UID, Ref
from adit.endpoints.budget import Budget
from adit.endpoints.cancel import NEVER, CancelToken
from adit.endpoints.folder import Folder, Place, Unwritable
from adit.endpoints.names import safe_name
from adit.endpoints.quota import Quota
from adit.endpoints.spool import Spool
from tests.endpoints.conformance import instance
from tests.endpoints.disk import room_for
from tests.peers.data import ct_study

STUDY = ct_study(series=2, instances=3, size=20_000, name="on disk")
SIZE = len(STUDY.files[0].part10())
LARGE = ct_study(instances=1, size=3 << 20, name="large on disk").files[0]


def opened(root, *, quota=None, cancel=NEVER):
    return Folder(root, name="ARCHIVE", place=Place("job", "patient", "study"), quota=quota, cancel=cancel)


def files(root):
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def names(*of):
    return sorted(f"{file.uid}.dcm" for file in of)


@pytest.fixture
def spool(tmp_path):
    with Budget(1 << 20).share("test") as share:
        yield Spool(tmp_path / "spool", share, CancelToken(), in_memory=1000)


def arriving(file, body):
    return Instance(
        Ref(UID(file.study), UID(file.series), UID(file.uid)), UID(file.sop_class), UID(file.transfer_syntax), body
    )


class TestAFullDisk:
    def test_ends_the_arrival_of_a_large_instance(self, spool, tmp_path):
        body = spool.body()
        body.write(b"x" * 5000)
        with room_for(10_000), pytest.raises(Full, match="spool"):
            body.write(b"x" * 20_000)
        read = body.chunks()
        # Its reader gets what came, and then the error.
        with pytest.raises(Full):
            list(read)
        body.close()

        assert files(tmp_path) == []

    def test_ends_storing_and_keeps_what_is_whole(self, tmp_path):
        large = instance(LARGE)
        receipts = []
        with room_for(100_000), pytest.raises(Full, match="ARCHIVE: "), opened(tmp_path) as sink:
            receipts.extend(sink.store([*map(instance, STUDY.files[:2]), large, instance(STUDY.files[2])]))

        assert [each.outcome for each in receipts] == [Outcome.STORED] * 2
        assert files(tmp_path) == names(*STUDY.files[:2])
        assert large.body.size == 0

    def test_is_gone_on_with_when_there_is_room_again(self, tmp_path):
        sink = opened(tmp_path)
        with sink:
            with room_for(100_000), pytest.raises(Full):
                list(sink.store([instance(LARGE)]))
            [receipt] = sink.store([instance(LARGE)])

        assert receipt.outcome is Outcome.STORED
        assert sink.holds(UID(LARGE.study)) == {LARGE.uid}


class TestAQuota:
    def test_ends_storing_and_keeps_what_is_whole(self, tmp_path):
        quota = Quota(tmp_path, int(2.5 * SIZE), name="ARCHIVE")
        receipts = []
        with pytest.raises(Full, match="ARCHIVE: the quota of"), opened(tmp_path, quota=quota) as sink:
            receipts.extend(sink.store(map(instance, STUDY.files)))

        assert len(receipts) == 2
        assert files(tmp_path) == names(*STUDY.files[:2])

    def test_counts_what_lies_there_already(self, tmp_path):
        with opened(tmp_path) as sink:
            list(sink.store(map(instance, STUDY.files[:2])))
        with pytest.raises(Full), opened(tmp_path, quota=Quota(tmp_path, int(2.5 * SIZE), name="A")) as sink:
            list(sink.store(map(instance, STUDY.files[2:])))

    def test_takes_nothing_for_what_is_stored_again(self, tmp_path):
        with opened(tmp_path) as sink:
            list(sink.store(map(instance, STUDY.files[:2])))
        with opened(tmp_path, quota=Quota(tmp_path, int(2.5 * SIZE), name="A")) as sink:
            again = list(sink.store(map(instance, [*STUDY.files[:2]] * 3)))

        assert [each.outcome for each in again] == [Outcome.STORED] * 6


class TestAFolder:
    def test_writes_a_spooled_instance_bit_for_bit(self, tmp_path, spool):
        body = spool.body()
        body.write(LARGE.encoded)
        body.finish()
        with opened(tmp_path / "out") as sink:
            [receipt] = sink.store([arriving(LARGE, body)])

        [path] = (tmp_path / "out").rglob("*.dcm")
        assert path.read_bytes().endswith(LARGE.encoded)
        assert (receipt.size, sink.holds(UID(LARGE.study))) == (len(LARGE.encoded), {LARGE.uid})

    @pytest.mark.parametrize("piece", [100, 999, 300_000])
    def test_writes_an_instance_that_still_arrives_bit_for_bit(self, tmp_path, spool, piece):
        body = spool.body()

        def send():
            for start in range(0, len(LARGE.encoded), piece):
                body.write(LARGE.encoded[start : start + piece])
            body.finish()

        sending = threading.Thread(target=send)
        sending.start()
        with opened(tmp_path / "out") as sink:
            list(sink.store([arriving(LARGE, body)]))
        sending.join(10)

        [path] = (tmp_path / "out").rglob("*.dcm")
        assert path.read_bytes().endswith(LARGE.encoded)

    def test_shows_a_file_only_when_it_is_whole(self, tmp_path, spool):
        body = spool.body()
        body.write(LARGE.encoded[: 2 << 20])
        seen = []

        def supply():
            yield instance(STUDY.files[0])
            yield arriving(LARGE, body)

        def finish():
            # By now the half of it lies there, under a name that nobody takes for a finished file.
            series = tmp_path / "out" / "job" / "patient" / "study" / f"0001-Test series~{LARGE.series[-6:]}"
            hidden = series / f".{LARGE.uid}.part"
            deadline = time.monotonic() + 60
            while not hidden.exists() or hidden.stat().st_size < 1 << 20:
                if time.monotonic() > deadline:
                    body.fail(Unreachable("it was never seen to grow"))
                    return
            seen.extend(files(tmp_path / "out"))
            body.write(LARGE.encoded[2 << 20 :])
            body.finish()

        finishing = threading.Thread(target=finish)
        finishing.start()
        with opened(tmp_path / "out") as sink:
            list(sink.store(supply()))
        finishing.join(10)

        assert seen
        assert f"{LARGE.uid}.dcm" not in seen
        assert files(tmp_path / "out") == names(STUDY.files[0], LARGE)

    def test_leaves_nothing_of_an_instance_that_broke_off(self, tmp_path, spool):
        body = spool.body()
        body.write(LARGE.encoded[:500_000])
        body.fail(Unreachable("broke off"))
        with pytest.raises(Unreachable, match="broke off"), opened(tmp_path / "out") as sink:
            list(sink.store([arriving(LARGE, body)]))

        assert list((tmp_path / "out").rglob("*")) == []

    def test_takes_the_same_instance_twice_in_one_go(self, tmp_path):
        with opened(tmp_path) as sink:
            receipts = list(sink.store(map(instance, [STUDY.files[0], STUDY.files[1], STUDY.files[0]])))

        assert [each.outcome for each in receipts] == [Outcome.STORED] * 3
        assert files(tmp_path) == names(*STUDY.files[:2])

    def test_gives_late_receipts_for_what_was_left_early(self, tmp_path):
        with opened(tmp_path) as sink:
            with closing(sink.store(map(instance, [*STUDY.files[:3], STUDY.files[0], STUDY.files[3]]))) as receipts:
                next(receipts)
            rest = list(sink.store(map(instance, STUDY.files)))

        assert sink.holds(UID(STUDY.uid)) == STUDY.instances
        assert {each.ref.instance for each in rest} == STUDY.instances

    def test_drops_what_is_not_durable_yet_when_canceled(self, tmp_path):
        token = CancelToken()

        def supply():
            yield instance(STUDY.files[0])
            token.set("by the user")
            yield instance(STUDY.files[1])

        with pytest.raises(Canceled), opened(tmp_path, cancel=token) as sink:
            list(sink.store(supply()))

        assert list(tmp_path.rglob("*")) == []

    def test_that_cannot_be_written_says_so(self, tmp_path):
        (tmp_path / "job").write_text("in the way")
        with pytest.raises(Unwritable, match=r"ARCHIVE: .* cannot be written"), opened(tmp_path):
            raise AssertionError

    def test_removes_the_folders_of_an_attempt_that_stored_nothing(self, tmp_path):
        with pytest.raises(Unreachable), opened(tmp_path):
            raise Unreachable

        assert list(tmp_path.iterdir()) == []


class TestASafeName:
    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("1-Thorax/Abdomen", "1-Thorax_Abdomen"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("..", "unnamed"),
            ("", "unnamed"),
            (" . ", "unnamed"),
            ('a\\b:c*d?e"f<g>h|i', "a_b_c_d_e_f_g_h_i"),
            ("tab\there\0", "tab_here_"),
            ("CON", "_CON"),
            ("com1.txt", "_com1.txt"),
            ("Scha\u0308del", "Sch\u00e4del"),
            ("頭部", "頭部"),
        ],
    )
    def test_is_one_part_of_a_path(self, text, name):
        assert safe_name(text) == name

    def test_is_cut_between_letters(self):
        assert safe_name("ä" * 80) == "ä" * 50
        assert safe_name("x" * 99 + "ä") == "x" * 99
