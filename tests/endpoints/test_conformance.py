import dataclasses
import random
import struct
import threading
import time
from contextlib import closing
from io import BytesIO

import pytest
from pydicom import dcmread

from adit.dicom.errors import Canceled, NotFound
from adit.dicom.part10 import preamble_and_meta
from adit.dicom.protocols import Outcome
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.endpoints.cancel import NEVER, CancelToken
from tests.endpoints.conformance import KINDS, SERVERS, instance
from tests.endpoints.samples import samples
from tests.pace import within
from tests.peers.data import MR_IMAGE, ct_study, uid_of

STUDY = ct_study(series=2, instances=3, name="conforming")
OTHER = ct_study(instances=1, name="other", sop_class=MR_IMAGE)


def enlarged(study, size):
    """*study* with *size* bytes of pixel data in each instance."""
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, size) + random.Random(size).randbytes(size)
    files = tuple(
        dataclasses.replace(file, encoded=file.encoded[: file.encoded.rindex(b"\xe0\x7f\x10\0OW")] + pixels)
        for file in study.files
    )
    return dataclasses.replace(study, files=files)


LARGE = enlarged(ct_study(instances=1, name="large"), 20 << 20)
SAMPLES = samples()
UNKNOWN = UID(uid_of("unknown"))


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def kind(request, room):
    return request.param(room)


def taken(source, *refs):
    """What is retrieved: data sets and transfer syntaxes by UID."""
    got = {}
    with closing(source.retrieve(refs)) as instances:
        for each in instances:
            with each:
                got[each.uid] = (each.transfer_syntax, b"".join(bytes(chunk) for chunk in each.body.chunks()))
    return got


def given(*studies):
    return {file.uid: (file.transfer_syntax, file.encoded) for study in studies for file in study.files}


class TestASource:
    @pytest.fixture
    def source(self, kind):
        kind.put((*STUDY.files, *OTHER.files))
        return kind.source(NEVER)

    def test_finds_one_study_of_several(self, kind, source):
        matches = list(source.find(Query.of(Level.STUDY, PatientID=STUDY.patient_id)))

        assert [(match.ref, match.instances) for match in matches] == [
            (Ref(UID(STUDY.uid)), 6 if kind.counts else None)
        ]

    def test_finds_the_series_of_a_study(self, kind, source):
        matches = source.find(Query.of(Level.SERIES, StudyInstanceUID=STUDY.uid))

        assert {(match.ref.series, match.instances) for match in matches} == {
            (each, 3 if kind.counts else None) for each in STUDY.series
        }

    def test_finds_the_instances_of_a_series(self, source):
        series = STUDY.series[0]
        matches = source.find(Query.of(Level.INSTANCE, StudyInstanceUID=STUDY.uid, SeriesInstanceUID=series))

        assert {match.ref.instance for match in matches} == {file.uid for file in STUDY.of(series)}

    def test_finds_patients(self, source):
        matches = source.find(Query.of(Level.PATIENT, PatientID=OTHER.patient_id))

        assert [match.text("PatientID") for match in matches] == [OTHER.patient_id]

    def test_finds_nothing_without_an_error(self, source):
        assert list(source.find(Query.of(Level.STUDY, StudyInstanceUID=UNKNOWN))) == []

    def test_stops_at_the_limit(self, source):
        assert len(list(source.find(Query.of(Level.STUDY, limit=1)))) == 1

    def test_retrieves_a_study_bit_for_bit(self, source):
        assert taken(source, Ref(UID(STUDY.uid))) == given(STUDY)

    def test_retrieves_only_the_series_asked_for(self, source):
        series = STUDY.series[1]

        assert taken(source, Ref(UID(STUDY.uid), UID(series))).keys() == {file.uid for file in STUDY.of(series)}

    def test_retrieves_only_the_instances_asked_for(self, source):
        files = STUDY.files[1], STUDY.files[4]
        refs = [Ref(UID(file.study), UID(file.series), UID(file.uid)) for file in files]

        assert taken(source, *refs).keys() == {file.uid for file in files}

    def test_says_so_when_there_is_nothing(self, source):
        with pytest.raises(NotFound):
            taken(source, Ref(UNKNOWN))

    def test_can_be_left_early_and_asked_again(self, source):
        with closing(source.retrieve([Ref(UID(STUDY.uid))])) as instances:
            next(instances).close()

        assert len(taken(source, Ref(UID(STUDY.uid)))) == 6

    def test_stops_when_canceled(self, kind):
        kind.put(STUDY.files)
        token = CancelToken()
        instances = kind.source(token).retrieve([Ref(UID(STUDY.uid))])
        next(instances).close()
        token.set("by the user")
        with pytest.raises(Canceled):
            next(instances)


def pixels(file, syntax, encoded):
    """Pixel data in little endian of what came instead of *file*."""
    data = dcmread(BytesIO(preamble_and_meta(file.sop_class, file.uid, syntax) + encoded))
    if data.file_meta.TransferSyntaxUID.is_encapsulated:
        return data.pixel_array.tobytes()
    values = bytes(data.PixelData)
    if data.file_meta.TransferSyntaxUID.is_little_endian:
        return values
    return b"".join(values[at : at + 2][::-1] for at in range(0, len(values), 2))


def threads():
    return [each.name for each in threading.enumerate() if each.name in ("getting", "moving", "storing")]


class TestASourceOverANetwork:
    """What can only happen where a peer is in between."""

    @pytest.fixture(params=SERVERS.values(), ids=SERVERS)
    def kind(self, request, room):
        return request.param(room)

    def test_wakes_a_blocked_reader_when_canceled_and_leaves_nothing(self, kind, tmp_path):
        kind.put(LARGE.files)
        token = CancelToken()
        source = kind.source(token)
        list(source.find(Query.of(Level.STUDY, StudyInstanceUID=LARGE.uid)))
        # In the middle of the instance.
        kind.valve.stall_after(12 << 20)
        blocked = Reader(source, Ref(UID(LARGE.uid)))
        kind.valve.wait_until_stalled()
        began = time.monotonic()
        token.set("by the user")
        error = blocked.result()

        assert isinstance(error, Canceled)
        assert time.monotonic() - began < within(1)
        assert threads() == []
        kind.valve.wait_until_closed()
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    def test_leaves_nothing_when_it_is_left_early(self, kind):
        kind.put((*STUDY.files, *OTHER.files))
        source = kind.source(NEVER)
        with closing(source.retrieve([Ref(UID(STUDY.uid))])) as instances:
            next(instances).close()

        assert threads() == []
        for match in source.find(Query.of(Level.STUDY)):
            assert match.ref
            break
        del match
        assert len(taken(source, Ref(UID(OTHER.uid)))) == 1

    def test_keeps_little_of_a_large_instance_in_memory(self, kind, tmp_path):
        kind.put(LARGE.files)
        source = kind.source(NEVER)
        instances = source.retrieve([Ref(UID(LARGE.uid))])
        with closing(instances), next(instances) as instance:
            read = instance.body.chunks()
            next(read)
            [spooled] = tmp_path.glob("spool/*/*.body")
            rest = sum(len(chunk) for chunk in read)
            assert rest > 19 << 20
            assert spooled.stat().st_size == len(LARGE.files[0].encoded)

        assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    def test_has_no_connection_left_when_it_is_closed(self, kind):
        kind.put(STUDY.files)
        source = kind.source(NEVER)
        list(source.find(Query.of(Level.STUDY)))
        taken(source, Ref(UID(STUDY.uid)))
        sink = kind.sink(NEVER)
        with sink:
            list(sink.store(instance(file) for file in OTHER.files))
        sink.holds(UID(OTHER.uid))
        kind.close()

        assert threads() == []
        kind.valve.wait_until_closed()


class Reader:
    """Reads everything under *ref* in a thread of its own."""

    def __init__(self, source, ref):
        self._error = None
        self._thread = threading.Thread(target=self._read, args=(source, ref), name="reader")
        self._thread.start()

    def _read(self, source, ref):
        try:
            taken(source, ref)
        except Exception as error:  # noqa: BLE001  handed to the test
            self._error = error

    def result(self):
        self._thread.join(10)
        assert not self._thread.is_alive(), "the reader is still blocked"
        return self._error


class TestASink:
    def store(self, kind, *files):
        sink = kind.sink(NEVER)
        with sink:
            receipts = list(sink.store(instance(file) for file in files))
        return sink, receipts

    def test_stores_and_gives_a_receipt_for_each(self, kind):
        sink, receipts = self.store(kind, *STUDY.files)

        assert {(each.ref.instance, each.size) for each in receipts} == {
            (file.uid, len(file.encoded)) for file in STUDY.files
        }
        assert {each.outcome for each in receipts} == {Outcome.STORED}
        assert sink.holds(UID(STUDY.uid)) == STUDY.instances
        assert sink.holds(UNKNOWN) == frozenset()

    def test_keeps_bytes_and_transfer_syntax_of_all_that_come_together(self, kind):
        _, receipts = self.store(kind, *SAMPLES.values())
        got = taken(kind.source(NEVER), Ref(UID(SAMPLES["explicit"].study)))

        assert [each.outcome for each in receipts] == [Outcome.STORED] * len(SAMPLES)
        for name, file in SAMPLES.items():
            if name in kind.recodes:
                assert pixels(file, *got.pop(file.uid)) == pixels(file, file.transfer_syntax, file.encoded)
            else:
                assert got.pop(file.uid) == (file.transfer_syntax, file.encoded)
        assert got == {}

    def test_keeps_the_bytes_of_a_large_instance(self, kind):
        self.store(kind, *LARGE.files)

        assert taken(kind.source(NEVER), Ref(UID(LARGE.uid))) == given(LARGE)

    def test_stores_the_same_again_without_a_change(self, kind):
        self.store(kind, *STUDY.files)
        sink, receipts = self.store(kind, *STUDY.files)

        assert [each.outcome for each in receipts] == [Outcome.STORED] * 6
        assert sink.holds(UID(STUDY.uid)) == STUDY.instances
        assert taken(kind.source(NEVER), Ref(UID(STUDY.uid))) == given(STUDY)

    def test_stores_in_several_goes(self, kind):
        sink = kind.sink(NEVER)
        with sink:
            for file in STUDY.files:
                assert [each.outcome for each in sink.store([instance(file)])] == [Outcome.STORED]

        assert sink.holds(UID(STUDY.uid)) == STUDY.instances

    def test_takes_nothing_at_all(self, kind):
        sink, receipts = self.store(kind)

        assert receipts == []
        assert sink.holds(UID(STUDY.uid)) == frozenset()

    def test_leaves_nothing_half_written_when_aborted(self, kind, tmp_path):
        def breaking_off():
            yield instance(STUDY.files[0])
            raise NotFound

        sink = kind.sink(NEVER)
        with pytest.raises(NotFound), sink:
            list(sink.store(breaking_off()))

        # What came whole may be there; never anything else, and never a part of it.
        assert sink.holds(UID(STUDY.uid)) <= {STUDY.files[0].uid}
        left = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert all(path.suffix == ".dcm" and not path.name.startswith(".") for path in left)

    def test_closes_what_it_took(self, kind):
        mine = [instance(file) for file in STUDY.files]
        sink = kind.sink(NEVER)
        with sink:
            list(sink.store(mine))

        assert [each.body.size for each in mine] == [0] * 6
