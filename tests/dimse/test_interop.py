"""Orthanc, DCMTK and pynetdicom, in both roles."""

import threading

import pytest
from pydicom import Dataset
from pynetdicom import AE

from adit.dicom.contexts import (
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    VERIFICATION,
    PresentationContext,
    contexts_for,
    model_context,
    pairs_for,
)
from adit.dicom.errors import Refused
from adit.dicom.refs import UID
from adit.dimse import scu
from adit.dimse.association import Association, Peer
from adit.dimse.errors import Rejected
from adit.dimse.receiving import StoreRequest
from adit.dimse.scp import Server
from tests.dimse.conftest import Kept
from tests.dimse.pynetdicom_pacs import pynetdicom_pacs
from tests.peers import dcmtk
from tests.peers import orthanc as orthanc_peer
from tests.peers.data import JPEG_2000_LOSSLESS, ct_study


@pytest.fixture(scope="module")
def study():
    return ct_study(2, 6, size=40_000)


@pytest.fixture(scope="module")
def compressed():
    return ct_study(1, 3, size=30_000, name="compressed", transfer_syntax=JPEG_2000_LOSSLESS)


@pytest.fixture(scope="module", params=["orthanc", "dcmqrscp", "pynetdicom"])
def archive(request, study, compressed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    files = [*study.write(folder / "plain"), *compressed.write(folder / "compressed")]
    if request.param == "dcmqrscp":
        with dcmtk.dcmqrscp(files=files) as peer:
            yield peer
    elif request.param == "pynetdicom":
        with pynetdicom_pacs(files) as peer:
            yield peer
    else:
        with orthanc_peer.orthanc() as peer:
            peer.fill(files)
            yield peer


def called(peer):
    return Peer(peer.host, peer.port, peer.ae_title, "ADIT", idle_timeout=20)


def retrieve(peer, study):
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = study.uid
    [contexts] = contexts_for(pairs_for([UID(study.files[0].sop_class)]), retrieving=True)
    kept, requests = {}, []

    def receive(request):
        requests.append(request)
        return Kept(request, kept)

    with Association.request(called(peer), [model_context(STUDY_ROOT_GET), *contexts]) as association:
        *_, last = scu.get(association, STUDY_ROOT_GET, identifier, receive)
    return kept, last, requests


class TestAnArchive:
    def test_answers_an_echo(self, archive):
        with Association.request(called(archive), [model_context(VERIFICATION)]) as association:
            scu.echo(association)
            scu.echo(association)
            assert association.established

    def test_finds_a_study(self, archive, study):
        identifier = Dataset()
        identifier.QueryRetrieveLevel = "STUDY"
        identifier.PatientID = study.patient_id
        identifier.StudyInstanceUID = ""

        with Association.request(called(archive), [model_context(STUDY_ROOT_FIND)]) as association:
            found = list(scu.find(association, STUDY_ROOT_FIND, identifier))

        assert [match.StudyInstanceUID for match in found] == [study.uid]

    def test_sends_a_study_byte_for_byte(self, archive, study):
        kept, last, _ = retrieve(archive, study)

        assert kept == {file.uid: file.encoded for file in study.files}
        assert (last.status, last.completed, last.failed) == (0, 12, 0)

    def test_sends_compressed_instances_as_they_are_or_counts_them_as_failed(self, archive, compressed):
        kept, last, requests = retrieve(archive, compressed)

        if isinstance(archive, dcmtk.Storage):
            # dcmqrscp takes the first accepted context of a class, whatever the syntax of its file.
            assert (kept, last.failed) == ({}, 3)
            assert set(last.failed_instances) == compressed.instances
        else:
            assert kept == {file.uid: file.encoded for file in compressed.files}
            assert {request.transfer_syntax for request in requests} == {JPEG_2000_LOSSLESS}

    def test_sends_nothing_of_what_it_does_not_have(self, archive):
        kept, last, _ = retrieve(archive, ct_study(1, 1, name="elsewhere"))

        # Orthanc says C000, the others say success.
        assert kept == {}
        assert last.status in (0x0000, 0xC000)


def store_all(peer, files):
    [contexts] = contexts_for((UID(f.sop_class), UID(f.transfer_syntax)) for f in files)
    with Association.request(called(peer), contexts) as association:
        return [
            scu.store(
                association,
                StoreRequest(UID(f.sop_class), UID(f.uid), UID(f.transfer_syntax)),
                (memoryview(f.encoded)[:10_000], memoryview(f.encoded)[10_000:]),
            )
            for f in files
        ]


class TestStoring:
    @pytest.mark.parametrize("nagle", [False, True])
    def test_in_storescp_keeps_every_instance(self, study, compressed, nagle):
        files = (*study.files, *compressed.files)

        with dcmtk.storescp(nagle=nagle) as peer:
            assert store_all(peer, files) == [0] * 15
            assert peer.holds() == study.instances | compressed.instances

    def test_in_orthanc_keeps_every_instance(self, study):
        with orthanc_peer.orthanc() as peer:
            assert store_all(peer, study.files) == [0] * 12
            assert peer.holds() == study.instances

    def test_in_dcmqrscp_keeps_every_instance(self, study):
        with dcmtk.dcmqrscp() as peer:
            assert store_all(peer, study.files) == [0] * 12
            assert peer.holds() == study.instances

    def test_in_pynetdicom_keeps_every_byte(self, study, compressed):
        files = (*study.files, *compressed.files)
        kept = {}

        with pynetdicom_pacs((), kept) as peer:
            assert store_all(peer, files) == [0] * 15

        assert kept == {file.uid: file.encoded for file in files}


@pytest.fixture
def kept():
    return {}


@pytest.fixture
def server(kept):
    with Server("127.0.0.1", 0, "ADIT", receive=lambda request: Kept(request, kept)) as running:
        yield dcmtk.Peer("ADIT", "127.0.0.1", running.port)


class TestOurServer:
    def test_answers_echoscu(self, server):
        assert dcmtk.echoscu(server).returncode == 0

    @pytest.mark.parametrize("nagle", [False, True])
    def test_takes_what_storescu_sends(self, server, kept, study, compressed, tmp_path, nagle):
        dcmtk.storescu(server, study.write(tmp_path / "plain"), nagle=nagle)
        dcmtk.storescu(server, compressed.write(tmp_path / "compressed"), "-xv", nagle=nagle)

        assert kept == {file.uid: file.encoded for file in (*study.files, *compressed.files)}

    def test_takes_what_pynetdicom_sends(self, server, kept, study, tmp_path):
        ae = AE("PYNET")
        ae.add_requested_context(study.files[0].sop_class, study.files[0].transfer_syntax)
        association = ae.associate(server.host, server.port, ae_title="ADIT")
        assert association.is_established

        statuses = [association.send_c_store(path).Status for path in study.write(tmp_path)]
        association.release()

        assert statuses == [0] * 12
        assert kept.keys() == study.instances

    def test_takes_private_classes_and_its_own_client(self, server, kept):
        contexts = [PresentationContext(1, UID("1.3.6.1.4.1.9999.1"), (UID("1.3.6.1.4.1.9999.2"),))]
        request = StoreRequest(UID("1.3.6.1.4.1.9999.1"), UID("1.2.3"), UID("1.3.6.1.4.1.9999.2"))

        with Association.request(called(server), contexts) as association:
            assert scu.store(association, request, [b"anything"]) == 0

        assert kept == {"1.2.3": b"anything"}

    def test_rejects_who_calls_another_title(self, server):
        wrong = dcmtk.Peer("OTHER", server.host, server.port)

        with pytest.raises(Rejected, match="not called by that AE title"):
            Association.request(called(wrong), [model_context(VERIFICATION)])

    def test_rejects_more_associations_than_it_serves_as_transient(self):
        with (
            Server("127.0.0.1", 0, "ADIT", receive=lambda r: Kept(r, {}), most_associations=1) as running,
            Association.request(Peer("127.0.0.1", running.port, "ADIT", "X"), [model_context(VERIFICATION)]),
            pytest.raises(Rejected, match="as many associations") as caught,
        ):
            Association.request(Peer("127.0.0.1", running.port, "ADIT", "X"), [model_context(VERIFICATION)])

        assert caught.value.transient

    def test_refuses_an_instance_with_the_status_of_its_receiver(self, study):
        def full(_request):
            raise Refused(status=0xA700)

        with Server("127.0.0.1", 0, "ADIT", receive=full) as running:
            assert store_all(dcmtk.Peer("ADIT", "127.0.0.1", running.port), study.files[:2]) == [0xA700] * 2

    def test_tells_a_receiver_that_the_sender_broke_off(self, kept):
        aborted = threading.Event()

        class Watched(Kept):
            def abort(self, error):
                super().abort(error)
                aborted.set()

        def chunks():
            yield bytes(1 << 20)
            raise InterruptedError

        request = StoreRequest(UID("1.2"), UID("1.2.3"), UID("1.2.840.10008.1.2.1"))
        with Server("127.0.0.1", 0, "ADIT", receive=lambda r: Watched(r, kept)) as running:
            peer = Peer("127.0.0.1", running.port, "ADIT", "X")
            contexts = [PresentationContext(1, request.sop_class, (request.transfer_syntax,))]
            with pytest.raises(InterruptedError), Association.request(peer, contexts) as association:
                scu.store(association, request, chunks())
            assert aborted.wait(5)

        assert "aborted the association" in str(kept["1.2.3"])
