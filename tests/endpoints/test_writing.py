import os

import pytest
import xxhash

from adit.dicom.errors import Full
from adit.dicom.instance import InMemory, Instance, WholeFile
from adit.dicom.part10 import preamble_and_meta
from adit.dicom.refs import UID, Ref
from adit.endpoints.quota import Quota
from adit.endpoints.writing import digest_of_file, digest_of_instance, write
from tests.peers.data import ct_study

FILE = ct_study(instances=1, size=64, name="written").files[0]


def instance(file, whole=None):
    ref = Ref(UID(file.study), UID(file.series), UID(file.uid))
    return Instance(ref, UID(file.sop_class), UID(file.transfer_syntax), InMemory(file.encoded), file=whole)


def as_file(file):
    return preamble_and_meta(UID(file.sop_class), UID(file.uid), UID(file.transfer_syntax)) + file.encoded


@pytest.fixture
def there(tmp_path):
    """A file of the instance, as a receiver leaves it: for reading only."""
    path = tmp_path / "there"
    path.write_bytes(as_file(FILE))
    path.chmod(0o400)
    descriptor = os.open(path, os.O_RDONLY)
    yield WholeFile(path, descriptor, xxhash.xxh3_128(as_file(FILE)).digest())
    os.close(descriptor)


class TestWriting:
    def test_makes_a_dicom_file_and_returns_its_digest(self, tmp_path):
        path = str(tmp_path / "written")

        assert write(instance(FILE), path, None) == digest_of_file(path) == digest_of_instance(instance(FILE))
        assert (tmp_path / "written").read_bytes() == as_file(FILE)

    def test_takes_a_file_over_that_is_what_would_be_written(self, tmp_path, there):
        inode = there.path.stat().st_ino
        plain = tmp_path / "plain"
        write(instance(FILE), str(plain), None)

        digest = write(instance(FILE, there), str(tmp_path / "written"), None)

        assert digest == digest_of_instance(instance(FILE))
        assert (tmp_path / "written").stat().st_ino == inode
        assert (tmp_path / "written").stat().st_mode == plain.stat().st_mode
        assert not there.path.exists()

    def test_says_of_a_file_that_was_damaged_meanwhile_what_was_received(self, tmp_path, there):
        path = str(tmp_path / "written")
        there.path.chmod(0o600)
        there.path.write_bytes(as_file(FILE)[:-1])

        assert write(instance(FILE, there), path, None) != digest_of_file(path)

    def test_writes_anew_what_is_gone_meanwhile(self, tmp_path, there):
        there.path.unlink()

        write(instance(FILE, there), str(tmp_path / "written"), None)

        assert (tmp_path / "written").read_bytes() == as_file(FILE)

    def test_counts_what_it_takes_over(self, tmp_path, there):
        folder = tmp_path / "folder"
        folder.mkdir()
        with pytest.raises(Full):
            write(instance(FILE, there), str(folder / "written"), Quota(folder, len(as_file(FILE)) - 1, name="node"))
