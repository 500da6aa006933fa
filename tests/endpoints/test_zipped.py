import dataclasses
import io
import json
import subprocess
import zipfile

import pytest
from pydicom import dcmread

from adit.dicom.errors import Unreachable
from adit.dicom.instance import Instance
from adit.dicom.protocols import Outcome
from adit.dicom.refs import UID
from adit.endpoints.cancel import NEVER
from adit.endpoints.memory import Faults, Memory
from adit.endpoints.zipped import MANIFEST, BrokenOff, Zipped
from tests.endpoints.conformance import instance, kept
from tests.endpoints.samples import samples
from tests.peers.data import ct_study
from tests.transfer.moving import Attempt, held

STUDY = ct_study(series=2, instances=3, name="zipped")


class Pipe:
    """Takes bytes and gives nothing back, as a socket does."""

    def __init__(self):
        self.taken = bytearray()
        self.largest = 0

    def __call__(self, data):
        self.largest = max(self.largest, len(data))
        self.taken += data


class CutOff:
    """A body whose arrival breaks off after its first bytes."""

    size = None

    def chunks(self, start=0):
        yield memoryview(b"\x08\0\x05\0CS\x0a\0ISO_IR 100"[start:])
        raise Unreachable("the connection broke off")

    def close(self):
        return


def zipped(pipe, manifest=dict):
    return Zipped(pipe, folder="patient/study", manifest=manifest, cancel=NEVER)


def opened(pipe):
    return zipfile.ZipFile(io.BytesIO(bytes(pipe.taken)))


class TestAStreamedZip:
    def test_holds_every_instance_under_the_paths_of_a_folder_and_the_manifest_last(self):
        pipe = Pipe()
        with zipped(pipe, lambda: {"series": []}) as sink:
            receipts = list(sink.store(map(instance, STUDY.files)))

        assert {receipt.outcome for receipt in receipts} == {Outcome.STORED}
        with opened(pipe) as file:
            assert file.testzip() is None
            *paths, last = file.namelist()
            assert (last, json.loads(file.read(last))) == (MANIFEST, {"series": []})
            assert all(path.startswith("patient/study/") for path in paths)
            found = {dcmread(file.open(path)).SOPInstanceUID: path for path in paths}
        assert sorted(found) == sorted(file.uid for file in STUDY.files)
        assert all(path.split("/")[-1] == f"{uid}.dcm" for uid, path in found.items())
        assert len({path.split("/")[2] for path in paths}) == 2

    def test_keeps_every_bit_whatever_the_encoding(self):
        files = samples().values()
        pipe = Pipe()
        with zipped(pipe) as sink:
            assert len(list(sink.store(map(instance, files)))) == len(files)

        with opened(pipe) as opened_file:
            held_bytes = [opened_file.read(path) for path in opened_file.namelist()[:-1]]
        assert all(any(read.endswith(file.encoded) for read in held_bytes) for file in files)

    def test_is_one_to_another_program(self, tmp_path):
        pipe = Pipe()
        with zipped(pipe) as sink:
            list(sink.store(map(instance, STUDY.files)))
        (tmp_path / "study.zip").write_bytes(pipe.taken)

        assert subprocess.run(["unzip", "-tq", "study.zip"], cwd=tmp_path, check=False).returncode == 0

    def test_is_written_while_the_instances_arrive(self):
        pipe = Pipe()
        with zipped(pipe) as sink:
            sizes = [len(pipe.taken) for _ in sink.store(map(instance, STUDY.files))]

        assert sizes == sorted(set(sizes))

    def test_gets_an_instance_once_however_often_it_comes(self):
        pipe = Pipe()
        other = dataclasses.replace(STUDY.files[0], encoded=STUDY.files[0].encoded.replace(b"CT", b"MR"))
        with zipped(pipe) as sink:
            receipts = list(sink.store(map(instance, (STUDY.files[0], STUDY.files[0], other))))

        assert [receipt.outcome for receipt in receipts] == [Outcome.STORED, Outcome.STORED, Outcome.WARNED]
        assert len(opened(pipe).namelist()) == 2

    def test_has_no_central_directory_after_an_error(self):
        pipe = Pipe()

        def instances():
            yield from map(instance, STUDY.files)
            raise RuntimeError

        with pytest.raises(RuntimeError), zipped(pipe) as sink:
            list(sink.store(instances()))

        assert pipe.taken
        assert b"PK\x01\x02" not in pipe.taken
        with pytest.raises(zipfile.BadZipFile):
            opened(pipe)

    def test_has_none_when_the_manifest_cannot_be_written(self):
        pipe = Pipe()

        def incomplete():
            raise Unreachable

        with pytest.raises(Unreachable), zipped(pipe, incomplete) as sink:
            list(sink.store(map(instance, STUDY.files)))

        assert b"PK\x01\x02" not in pipe.taken

    def test_does_not_go_on_after_an_instance_that_broke_off_in_its_middle(self):
        pipe = Pipe()
        whole, broken = STUDY.files[:2]
        cut_off = Instance(kept(broken).ref, UID(broken.sop_class), UID(broken.transfer_syntax), CutOff())
        with pytest.raises(BrokenOff) as caught, zipped(pipe) as sink:
            list(sink.store([instance(whole), cut_off]))

        assert not caught.value.transient
        assert b"PK\x01\x02" not in pipe.taken

    def test_goes_on_after_a_source_that_broke_off_between_instances(self):
        pipe = Pipe()
        source = Memory(held(STUDY), faults=Faults(closes_at=4))
        attempt = Attempt(source, zipped(pipe))
        attempt.on_event = lambda _: setattr(source, "_faults", Faults()) if attempt.ledger.stored_instances else None
        attempt.run(STUDY.uid)

        assert attempt.verdict == "success"
        assert len(opened(pipe).namelist()) == 7
