"""The demo PACS, as pynetdicom and DCMTK see it."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread

from adit.site.demo.archive import Archive
from adit.site.demo.description import Kind
from adit.site.demo.objects import instances, write
from adit.site.demo.pacs import HOST, Address, Pacs, withheld_of
from adit.site.demo.patients import miscounted_study, studies
from tests.pace import within
from tests.peers.callers import find, retrieve, store
from tests.peers.data import JPEG_2000_LOSSLESS, ct_study
from tests.peers.dcmtk import getscu, movescu, storescp, storescu
from tests.peers.process import Peer

BRAIN = next(study for study in studies() if study.series[0].kind is Kind.MR_T1)
PLANNING = next(study for study in studies() if study.series[-1].kind is Kind.SEGMENTATION)
RADIOGRAPHS = next(study for study in studies() if study.series[0].kind is Kind.CHEST_RADIOGRAPH)


@contextmanager
def serving(
    archive: Archive,
    withheld: int = 0,
    destinations: dict[str, Address] | None = None,
    lies: Path | None = None,
) -> Iterator[Peer]:
    hidden = withheld_of(withheld) if withheld else frozenset()
    pacs = Pacs("DEMO", archive, withheld=hidden, destinations=destinations, lies=lies)
    port = pacs.start(0)
    try:
        yield Peer("DEMO", HOST, port)
    finally:
        pacs.stop()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    archive = Archive(tmp_path_factory.mktemp("source"))
    for study in studies():
        archive.describe(study)
    with serving(archive) as peer:
        yield peer


class TestTheSource:
    def test_finds_a_name_in_any_script(self, source: Peer) -> None:
        def names(pattern: str) -> list[str]:
            return [str(a.PatientName) for a in find(source, "STUDY", PatientName=pattern).answers]

        assert names("müller*") == ["Müller^Jürgen"] * 2
        assert names("田中*") == ["Tanaka^Hanako=田中^花子=たなか^はなこ"]
        assert names("*Смир*") == ["Смирнова^Ольга^Петровна"]

    def test_knows_every_patient_and_study(self, source: Peer) -> None:
        patients = find(source, "PATIENT", PatientID="", NumberOfPatientRelatedStudies="").answers
        found = find(source, "STUDY", StudyInstanceUID="", NumberOfStudyRelatedInstances="").answers

        assert len(patients) == 40
        assert {(a.StudyInstanceUID, a.NumberOfStudyRelatedInstances) for a in found} == {
            (study.uid, study.instances) for study in studies()
        }

    def test_knows_series_and_instances(self, source: Peer) -> None:
        of_study = {"StudyInstanceUID": PLANNING.uid}
        series = find(
            source, "SERIES", SeriesInstanceUID="", Modality="", NumberOfSeriesRelatedInstances="", **of_study
        )
        last = PLANNING.series[-1]
        images = find(source, "IMAGE", SeriesInstanceUID=last.uid, SOPInstanceUID="", SOPClassUID="", **of_study)

        assert [(a.SeriesInstanceUID, a.Modality, a.NumberOfSeriesRelatedInstances) for a in series.answers] == [
            (each.uid, each.modality, each.count) for each in PLANNING.series
        ]
        assert [(a.SOPInstanceUID, a.SOPClassUID) for a in images.answers] == [(last.instance(1), last.sop_class)]

    def test_gives_the_bytes_that_are_computed(self, source: Peer, tmp_path: Path) -> None:
        getscu(source, BRAIN.uid, folder=tmp_path)
        received = {dcmread(path).SOPInstanceUID: path.read_bytes() for path in tmp_path.iterdir()}

        assert len(received) == BRAIN.instances
        assert all(received[each.uid].endswith(each.encoded) for each in instances(BRAIN))

    def test_gives_every_kind_to_a_caller_that_takes_implicit_vr_only(self, source: Peer, tmp_path: Path) -> None:
        getscu(source, PLANNING.uid, None, "+xi", folder=tmp_path)

        assert len(list(tmp_path.iterdir())) == PLANNING.instances

    def test_gives_a_list_of_instances(self, source: Peer) -> None:
        series = RADIOGRAPHS.series[0]
        wanted = [series.instance(2), series.instance(1)]
        heard = retrieve(
            source, RADIOGRAPHS.uid, level="IMAGE", classes=(series.sop_class,),
            SeriesInstanceUID=series.uid, SOPInstanceUID="\\".join(wanted),
        )  # fmt: skip

        assert (sorted(heard.received), heard.final, heard.completed) == (sorted(wanted), 0, 2)

    def test_says_success_and_nothing_for_an_unknown_study(self, source: Peer) -> None:
        heard = retrieve(source, "1.2.3")

        assert (heard.received, heard.final) == ([], 0)

    def test_does_not_understand_a_retrieve_without_a_study(self, source: Peer) -> None:
        assert retrieve(source, "").final == 0xC000

    def test_does_not_understand_a_level_that_does_not_exist(self, source: Peer) -> None:
        assert find(source, "ROOM").final == 0xC000


class TestTheDestination:
    def test_keeps_what_it_gets_over_a_restart(self, tmp_path: Path) -> None:
        folder = tmp_path / "kept"
        with serving(Archive(folder)) as peer:
            storescu(peer, write(RADIOGRAPHS, tmp_path / "in"))

        with serving(Archive(folder)) as peer:
            wanted = {"PatientName": "", "NumberOfStudyRelatedInstances": "", "StudyInstanceUID": ""}
            [answer] = find(peer, "STUDY", **wanted).answers
            classes = (RADIOGRAPHS.series[0].sop_class,)
            heard = retrieve(peer, RADIOGRAPHS.uid, classes=classes)

        assert (answer.StudyInstanceUID, answer.PatientName) == (RADIOGRAPHS.uid, RADIOGRAPHS.patient.name)
        assert answer.NumberOfStudyRelatedInstances == 2
        assert set(heard.received) == {uid for _, _, uid in RADIOGRAPHS.uids()}

    def test_keeps_data_sets_byte_for_byte_compressed_ones_too(self, tmp_path: Path) -> None:
        study = ct_study(instances=2, transfer_syntax=JPEG_2000_LOSSLESS)
        with serving(Archive(tmp_path / "kept")) as peer:
            storescu(peer, study.write(tmp_path / "in"), "-xv")
        files = {path.stem: path.read_bytes() for path in (tmp_path / "kept").rglob("*.dcm")}

        assert files.keys() == study.instances
        assert all(files[file.uid].endswith(file.encoded) for file in study.files)

    def test_stores_an_instance_again_without_a_change(self, tmp_path: Path) -> None:
        study = ct_study(instances=2)
        with serving(Archive(tmp_path)) as peer:
            assert store(peer, study.files).statuses == store(peer, study.files).statuses == [0, 0]
            [answer] = find(peer, "STUDY", NumberOfStudyRelatedInstances="").answers

        assert answer.NumberOfStudyRelatedInstances == 2
        assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


class TestTheLiar:
    def test_finds_and_counts_412_sends_409_and_says_412(self, tmp_path: Path) -> None:
        study, series = miscounted_study(), miscounted_study().series[0]
        archive = Archive(tmp_path)
        archive.describe(study)
        with serving(archive, withheld=3) as peer:
            [answer] = find(peer, "STUDY", StudyInstanceUID="", NumberOfStudyRelatedInstances="").answers
            listed = find(peer, "IMAGE", StudyInstanceUID=study.uid, SeriesInstanceUID=series.uid, SOPInstanceUID="")
            heard = retrieve(peer, study.uid)
            missing = sorted({str(a.SOPInstanceUID) for a in listed.answers} - set(heard.received))
            those = "\\".join(missing)
            again = retrieve(peer, study.uid, level="IMAGE", SeriesInstanceUID=series.uid, SOPInstanceUID=those)

        assert (answer.NumberOfStudyRelatedInstances, len(listed.answers)) == (412, 412)
        assert (len(heard.received), heard.final, heard.completed) == (409, 0x0000, 412)
        assert missing == sorted(withheld_of(3))
        assert (again.received, again.final) == ([], 0x0000)

    def test_any_pacs_becomes_one_while_it_is_told_to(self, tmp_path: Path) -> None:
        archive, mark = Archive(tmp_path), tmp_path / "lies"
        study = max((each for each in studies() if len(each.series) == 1), key=lambda each: each.instances)
        archive.describe(study)
        with serving(archive, lies=mark) as peer:
            honest = retrieve(peer, study.uid)
            mark.touch()
            lied = retrieve(peer, study.uid)
            again = retrieve(peer, study.uid)

        assert len(honest.received) == honest.completed
        assert 0 < len(honest.received) - len(lied.received) < 30
        assert (lied.final, lied.completed) == (0x0000, honest.completed)
        assert again.received == lied.received


class TestMoving:
    def test_reaches_a_peer_it_knows(self, tmp_path: Path) -> None:
        archive = Archive(tmp_path / "source")
        archive.describe(RADIOGRAPHS)
        with (
            storescp(tmp_path / "target") as target,
            serving(archive, destinations={"TARGET": Address(target.host, target.port)}) as peer,
        ):
            movescu(peer, RADIOGRAPHS.uid, to="TARGET")

            assert target.holds() == {uid for _, _, uid in RADIOGRAPHS.uids()}

    def test_to_a_peer_it_does_not_know_is_refused(self, source: Peer) -> None:
        done = movescu(source, RADIOGRAPHS.uid, to="NOBODY", check=False)

        assert "0xa801" in (done.stdout + done.stderr).lower() or "MoveDestinationUnknown" in done.stdout + done.stderr


class TestTheProcess:
    def test_says_where_it_listens_and_ends_when_told(self, tmp_path: Path) -> None:
        with started(tmp_path, port=0) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("DEMO_PACS listens on 127.0.0.1:")
            peer = Peer("DEMO_PACS", HOST, int(line.rpartition(":")[2]))
            assert len(find(peer, "STUDY", StudyInstanceUID="").answers) == 1

            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0

    def test_ends_in_the_middle_of_a_transfer(self, tmp_path: Path) -> None:
        with started(tmp_path, port=0) as process, ThreadPoolExecutor() as pool:
            assert process.stdout is not None
            peer = Peer("DEMO_PACS", HOST, int(process.stdout.readline().rpartition(":")[2]))
            # Every instance is handed over by hand, so the transfer cannot end before we say so.
            begun, go_on = threading.Event(), threading.Event()

            def hold() -> None:
                begun.set()
                go_on.wait(20)

            transfer = pool.submit(retrieve, peer, miscounted_study().uid, on_each=hold)
            try:
                assert begun.wait(20)
                process.send_signal(signal.SIGTERM)
                assert process.wait(within(5)) == 0
            finally:
                go_on.set()
            assert len(transfer.result(20).received) < 409

    def test_says_in_a_sentence_that_its_port_is_taken(self, tmp_path: Path) -> None:
        with socket.create_server((HOST, 0)) as taken, started(tmp_path, port=taken.getsockname()[1]) as process:
            _, said = process.communicate(timeout=100)

            assert process.returncode == 1
            assert said.startswith("DEMO_PACS cannot listen on port")
            assert len(said.splitlines()) == 1


@contextmanager
def started(folder: Path, *, port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "adit.site.demo.pacs", "--ae-title", "DEMO_PACS", "--port", str(port)]
    command += ["--folder", str(folder), "--holds", "miscounted", "--lies", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
