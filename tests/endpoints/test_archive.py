import json
import os
import threading
from dataclasses import replace
from io import BytesIO

import py7zr
import pytest
from pydicom import dcmread

from adit.dicom.errors import Canceled, Full
from adit.dicom.protocols import Outcome
from adit.dicom.refs import UID
from adit.endpoints.archive import Archive, unstage
from adit.endpoints.cancel import NEVER, CancelToken
from adit.endpoints.folder import Place
from adit.endpoints.locked import CHUNK, Locked, WrongKey, key_of, write_locked
from adit.endpoints.memory import Faults, Memory
from adit.endpoints.quota import Quota
from adit.endpoints.sealing import MANIFEST, Lost, seal
from adit.endpoints.staging import Staging
from adit.transfer.ledger import Ledger
from tests.endpoints.conformance import instance
from tests.peers.data import ct_study
from tests.transfer.moving import Attempt, held, states

PASSWORD = "offenes Geheimnis ä"
SALT = bytes(16)
STUDY = ct_study(series=2, instances=3, name="archived")
OTHER = ct_study(series=1, instances=2, name="archived too")


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path, "adit_selective_7", key_of(PASSWORD, SALT))


def staging(archive, *, quota=None, cancel=NEVER, place=("patient", "study")):
    return Staging(archive, name="FOLDER", place=Place(archive.job, *place), quota=quota, cancel=cancel)


def staged(archive, files):
    with staging(archive) as sink:
        return list(sink.store(map(instance, files)))


def sealed(archive, **how):
    return seal(
        archive, password=PASSWORD, manifest={"series": []}, name="FOLDER", **{"least": 0, "cancel": NEVER, **how}
    )


def read(archive, password=PASSWORD):
    """Everything in the archive, by its path."""
    factory = py7zr.io.BytesIOFactory(1 << 24)
    with py7zr.SevenZipFile(archive.path, "r", password=password) as file:
        file.extractall(factory=factory)
        return {name: factory.get(name).read() for name in file.getnames()}


def on_disk(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


class TestALockedFile:
    @pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
    @pytest.mark.parametrize("piece", [1 << 12, 1 << 20])
    def test_gives_back_what_was_written(self, tmp_path, size, piece):
        content = os.urandom(size)
        with (tmp_path / "locked").open("wb") as file:
            pieces = (content[at : at + piece] for at in range(0, size, piece))
            write_locked(file, key_of(PASSWORD, SALT), {"of": "mine"}, pieces)

        with Locked(tmp_path / "locked", key_of(PASSWORD, SALT)) as file:
            assert (file.about, file.size) == ({"of": "mine"}, size)
            assert b"".join(file.chunks()) == content

    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "locked"
        with path.open("wb") as file:
            write_locked(file, key_of(PASSWORD, SALT), {}, [os.urandom(3 * CHUNK)])
        return path

    def test_does_not_open_with_another_password(self, path):
        with pytest.raises(WrongKey):
            Locked(path, key_of("another", SALT))

    @pytest.mark.parametrize("left", [10, 40, 1000, CHUNK + 200, -1, -CHUNK])
    def test_does_not_open_when_it_was_cut_off(self, path, left):
        path.write_bytes(path.read_bytes()[:left])

        with pytest.raises(WrongKey), Locked(path, key_of(PASSWORD, SALT)) as file:
            list(file.chunks())

    def test_does_not_open_when_a_bit_was_changed(self, path):
        changed = bytearray(path.read_bytes())
        changed[-CHUNK] ^= 1
        path.write_bytes(changed)

        with pytest.raises(WrongKey), Locked(path, key_of(PASSWORD, SALT)) as file:
            list(file.chunks())


class TestStaging:
    def test_holds_what_was_stored(self, archive):
        receipts = staged(archive, STUDY.files)

        assert [receipt.outcome for receipt in receipts] == [Outcome.STORED] * 6
        assert staging(archive).holds(UID(STUDY.uid)) == {file.uid for file in STUDY.files}
        assert staging(archive).holds(UID(OTHER.uid)) == frozenset()

    def test_gives_nothing_away_on_the_disk(self, archive, tmp_path):
        staged(archive, STUDY.files)

        names = " ".join(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
        content = b"".join(path.read_bytes() for path in on_disk(tmp_path))
        for secret in (STUDY.uid, STUDY.patient_id, STUDY.files[0].uid, *STUDY.series):
            assert secret not in names
            assert secret.encode() not in content
        assert STUDY.files[0].encoded[-200:] not in content

    def test_takes_the_same_instance_twice_and_keeps_the_first(self, archive):
        staged(archive, STUDY.files)
        other = replace(STUDY.files[0], encoded=STUDY.files[0].encoded.replace(b"CT", b"MR"))

        again = staged(archive, [STUDY.files[0], other])

        assert [receipt.outcome for receipt in again] == [Outcome.STORED, Outcome.WARNED]

    def test_does_not_hold_what_was_damaged(self, archive, tmp_path):
        staged(archive, STUDY.files)
        damaged = on_disk(tmp_path)[0]
        damaged.write_bytes(damaged.read_bytes()[:-1])

        assert len(staging(archive).holds(UID(STUDY.uid))) == 5

    def test_leaves_nothing_behind_when_it_is_canceled_at_once(self, archive, tmp_path):
        cancel = CancelToken()

        def instances():
            yield instance(STUDY.files[0])
            cancel.set()
            yield instance(STUDY.files[1])

        with pytest.raises(Canceled), staging(archive, cancel=cancel) as sink:
            list(sink.store(instances()))

        assert list(tmp_path.iterdir()) == []

    def test_does_not_pass_the_quota_and_keeps_what_fitted(self, archive, tmp_path):
        size = len(STUDY.files[0].part10())
        sink = staging(archive, quota=Quota(tmp_path, 2 * size + 100, name="FOLDER"))

        with pytest.raises(Full), sink:
            list(sink.store(map(instance, STUDY.files)))

        assert len(staging(archive).holds(UID(STUDY.uid))) == 2

    def test_goes_on_where_an_attempt_broke_off(self, archive):
        first = Attempt(Memory(held(STUDY), faults=Faults(skips=frozenset({4, 5}))), staging(archive)).run(STUDY.uid)

        second = Attempt(Memory(held(STUDY)), staging(archive), Ledger(states(first.ledger))).run(STUDY.uid, again=True)

        assert second.verdict == "success"


class TestASealedArchive:
    def test_holds_all_studies_under_the_paths_of_a_folder_and_the_manifest(self, archive):
        staged(archive, STUDY.files)
        with staging(archive, place=("other patient", "other study")) as sink:
            list(sink.store(map(instance, OTHER.files)))

        assert sealed(archive) == 8

        entries = read(archive)
        assert json.loads(entries.pop(MANIFEST)) == {"series": []}
        found = {path: dcmread(BytesIO(content)).SOPInstanceUID for path, content in entries.items()}
        assert sorted(found.values()) == sorted(file.uid for file in (*STUDY.files, *OTHER.files))
        assert {path.rsplit("/", 2)[0] for path in found} == {"patient/study", "other patient/other study"}
        assert all(path.endswith(f"/{uid}.dcm") for path, uid in found.items())
        assert all(
            any(content.endswith(file.encoded) for file in (*STUDY.files, *OTHER.files)) for content in entries.values()
        )

    @pytest.mark.parametrize("password", ["wrong", "", None])
    def test_does_not_open_without_its_password(self, archive, password):
        staged(archive, STUDY.files)
        sealed(archive)

        # What py7zr raises depends on what the garbage looks like that a wrong password makes of the header.
        with pytest.raises(Exception):  # noqa: B017, PT011
            read(archive, password)

    def test_hides_the_names(self, archive):
        staged(archive, STUDY.files)
        sealed(archive)

        content = archive.path.read_bytes()
        for secret in (STUDY.files[0].uid, "patient", MANIFEST):
            assert secret.encode() not in content
            assert secret.encode("utf-16-le") not in content

    def test_is_sealed_again_when_more_has_come(self, archive):
        staged(archive, STUDY.files[:2])
        sealed(archive)
        staged(archive, STUDY.files)

        assert sealed(archive) == 6
        assert len(read(archive)) == 7

    def test_tells_two_series_of_one_name_apart(self, archive):
        twin = STUDY.files[0].series + ".9"
        twins = [
            replace(
                file,
                series=twin,
                uid=file.uid + ".9",
            )
            for file in STUDY.files[:3]
        ]
        staged(archive, (*STUDY.files[:3], *twins))
        sealed(archive)

        folders = {path.rsplit("/", 1)[0] for path in read(archive) if path != MANIFEST}
        assert len(folders) == 2

    def test_is_not_there_while_it_is_written_and_leaves_nothing_when_canceled(self, archive):
        staged(archive, STUDY.files)
        seen = []

        class Impatient(CancelToken):
            def check(self):
                seen.append(archive.path.exists())
                if len(seen) == 12:
                    self.set()
                super().check()

        with pytest.raises(Canceled):
            sealed(archive, cancel=Impatient())

        assert not any(seen)
        assert [path.name for path in archive.root.iterdir()] == [archive.staging.name]

    def test_keeps_the_earlier_one_when_sealing_again_fails(self, archive):
        staged(archive, STUDY.files)
        sealed(archive)
        before = archive.path.read_bytes()
        [damaged, *_] = on_disk(archive.staging)
        damaged.write_bytes(damaged.read_bytes()[:-1])

        with pytest.raises(WrongKey):
            sealed(archive)

        assert archive.path.read_bytes() == before

    def test_is_not_made_of_less_than_was_staged(self, archive):
        staged(archive, STUDY.files)

        with pytest.raises(Lost, match="only 6 of 7"):
            sealed(archive, least=7)

        assert not archive.path.exists()

    def test_does_not_pass_the_quota(self, archive, tmp_path):
        staged(archive, STUDY.files)

        with pytest.raises(Full):
            sealed(
                archive, quota=Quota(tmp_path, sum(path.stat().st_size for path in on_disk(tmp_path)) + 10, name="F")
            )

        assert not archive.path.exists()

    def test_is_all_that_is_left_once_nothing_is_staged_any_more(self, archive):
        staged(archive, STUDY.files)
        sealed(archive)

        unstage(archive)
        unstage(archive)

        assert list(archive.root.iterdir()) == [archive.path]

    def test_can_be_staged_by_several_tasks_at_once(self, archive):
        threads = [threading.Thread(target=staged, args=(archive, study.files)) for study in (STUDY, OTHER)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sealed(archive) == 8
