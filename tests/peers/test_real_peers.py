"""That the peers are what other tests take them for."""

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.peers import dcmtk
from tests.peers.data import EXPLICIT_LITTLE, JPEG_2000_LOSSLESS, Study, ct_study
from tests.peers.dcmtk import dcmqrscp, echoscu, findscu, getscu, movescu, storescp, storescu
from tests.peers.orthanc import orthanc
from tests.peers.process import HOST, DidNotStart, MissingProgram, program, running

RUN_THAT_WAITS = """
from tests.peers.dcmtk import storescp
with storescp(parallel=False) as peer:
    print(peer.port, flush=True)
    input()
"""


@pytest.fixture(scope="module")
def study() -> Study:
    return ct_study(series=2, instances=3)


class TestOrthanc:
    def test_holds_what_it_was_filled_with_and_gives_it_to_getscu(self, study: Study, tmp_path: Path) -> None:
        with orthanc() as peer:
            peer.fill(study.part10())
            getscu(peer, study.uid, study.series[1], folder=tmp_path)

            assert peer.holds() == peer.holds(study.uid) == study.instances
            assert peer.holds("1.2.3") == frozenset()
            assert len(list(tmp_path.iterdir())) == 3

    def test_keeps_the_bytes_and_forgets_when_cleared(self, study: Study) -> None:
        with orthanc() as peer:
            peer.fill(study.part10())
            first = study.files[0]

            assert peer.file(study.patient_id, first.study, first.series, first.uid) == first.part10()
            peer.clear()
            assert peer.holds() == frozenset()

    def test_moves_to_a_peer_it_knows(self, study: Study) -> None:
        with storescp() as target, orthanc(peers=[target]) as peer:
            peer.fill(study.part10())
            movescu(peer, study.uid, to=target.ae_title)

            assert target.holds() == study.instances

    def test_answers_dicomweb(self, study: Study) -> None:
        with orthanc(dicomweb=True) as peer:
            peer.fill(study.part10())
            [answer] = peer.ask("GET", "/dicom-web/studies")

            assert answer["0020000D"]["Value"] == [study.uid]


class TestDcmtk:
    def test_storescp_keeps_the_data_sets_byte_for_byte(self, study: Study, tmp_path: Path) -> None:
        with storescp() as peer:
            echoscu(peer)
            storescu(peer, study.write(tmp_path))

            files = peer.files()
            assert files.keys() == study.instances
            assert all(files[file.uid].read_bytes().endswith(file.encoded) for file in study.files)

    def test_storescp_keeps_compressed_instances(self, tmp_path: Path) -> None:
        study = ct_study(instances=2, transfer_syntax=JPEG_2000_LOSSLESS)
        study.write(tmp_path)
        with storescp() as peer:
            storescu(peer, tmp_path, "-xv")

            assert peer.holds() == study.instances

    def test_storescp_can_throw_away(self, study: Study, tmp_path: Path) -> None:
        with storescp(ignore=True) as peer:
            storescu(peer, study.write(tmp_path))

            assert peer.holds() == frozenset()

    def test_dcmqrscp_finds_and_gives_what_it_was_filled_with(self, study: Study, tmp_path: Path) -> None:
        with dcmqrscp(files=study.write(tmp_path / "in")) as peer:
            (tmp_path / "out").mkdir()
            getscu(peer, study.uid, folder=tmp_path / "out")
            found = findscu(peer, "QueryRetrieveLevel=STUDY", "StudyInstanceUID", f"PatientID={study.patient_id}")

            assert len(list((tmp_path / "out").iterdir())) == 6
            assert study.uid in found.stderr + found.stdout

    def test_dcmqrscp_keeps_what_is_stored(self, study: Study, tmp_path: Path) -> None:
        with dcmqrscp() as peer:
            storescu(peer, study.write(tmp_path))

            assert peer.holds() == study.instances

    def test_a_failing_caller_is_an_error_that_says_why(self, study: Study) -> None:
        with storescp() as peer:
            pass

        with pytest.raises(AssertionError, match="echoscu ended with"):
            echoscu(peer)


class TestAServer:
    def test_leaves_no_process_behind(self, tmp_path: Path) -> None:
        command = ["sh", "-c", f"echo $$ > {tmp_path}/pid; exec {program('storescp', package=dcmtk.PACKAGE)}"]
        with running(lambda ports: [*command[:2], f"{command[2]} {ports[0]}"], log=tmp_path / "log"):
            pid = int((tmp_path / "pid").read_text())
            os.kill(pid, 0)

        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    def test_takes_another_port_when_somebody_was_faster(self, tmp_path: Path) -> None:
        server = program("storescp", package=dcmtk.PACKAGE)
        tried: list[int] = []
        with ExitStack() as taken:

            def command(ports: tuple[int, ...]) -> list[str]:
                if not tried:
                    taken.enter_context(socket.create_server(("", ports[0])))
                tried.append(ports[0])
                return [server, str(ports[0])]

            with running(command, log=tmp_path / "log") as (port,):
                assert tried == [tried[0], port]
                assert port != tried[0]

    def test_dies_with_a_test_run_that_is_killed(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", RUN_THAT_WAITS]
        environment = os.environ | {"TMPDIR": str(tmp_path)}
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as run:  # fmt: skip
            assert run.stdout is not None
            port = int(run.stdout.readline())
            with socket.create_connection((HOST, port)) as line:
                run.kill()
                # The kernel closes the connection when the server dies, and nothing else does.
                line.settimeout(10)
                assert line.recv(1) == b""

    def test_that_ends_at_once_is_an_error_with_its_words(self, tmp_path: Path) -> None:
        doomed = running(lambda _ports: ["sh", "-c", "echo no such luck; exit 3"], log=tmp_path / "log")

        with pytest.raises(DidNotStart, match="no such luck"):
            doomed.__enter__()

    def test_that_is_not_installed_is_an_error_that_names_the_package(self) -> None:
        with pytest.raises(MissingProgram, match="apt-get install fancy-pacs"):
            program("fancypacs", package="fancy-pacs")


class TestAStudy:
    def test_is_the_same_each_time_and_different_by_name(self) -> None:
        assert ct_study(name="a") == ct_study(name="a")
        assert not ct_study(name="a").instances & ct_study(name="b").instances

    def test_has_the_size_and_syntax_asked_for(self) -> None:
        [file] = ct_study(instances=1, size=100_000).files

        assert file.transfer_syntax == EXPLICIT_LITTLE
        assert 100_000 <= len(file.encoded) < 102_000
