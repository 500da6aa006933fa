import dataclasses

import pytest

from adit.dicom.errors import Canceled, Unreachable
from adit.dicom.protocols import Outcome
from adit.dicom.refs import UID
from adit.endpoints.cancel import NEVER
from adit.endpoints.files import UNFINISHED
from adit.endpoints.folder import Folder, Place
from tests.endpoints.conformance import instance
from tests.peers.data import ct_study

STUDY = ct_study(series=2, instances=2, name="folder")


def opened(root):
    return Folder(root, name="ARCHIVE", place=Place("job", "patient", "study"), cancel=NEVER)


def store(root, *files):
    sink = opened(root)
    with sink:
        return sink, list(sink.store(instance(file) for file in files))


def paths(root):
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


class TestAFolder:
    def test_lays_files_out_by_series(self, tmp_path):
        store(tmp_path, *STUDY.files)

        assert paths(tmp_path) == {
            f"job/patient/study/{number:04}-Test series/{file.uid}.dcm"
            for number, series in enumerate(STUDY.series, 1)
            for file in STUDY.of(series)
        }

    def test_gives_a_second_series_of_the_same_name_another_folder_in_every_attempt(self, tmp_path):
        twins = [ct_study(instances=1, name=name).files[0] for name in ("one", "two")]
        store(tmp_path, *twins)
        first = paths(tmp_path)
        store(tmp_path, *reversed(twins))

        assert paths(tmp_path) == first
        names = sorted(path.split("/")[3] for path in first)
        assert names == ["0001-Test series", f"0001-Test series~{twins[1].series[-6:]}"]

    def test_keeps_the_first_of_two_that_differ_and_says_so(self, tmp_path):
        file = STUDY.files[0]
        store(tmp_path, file)
        other = dataclasses.replace(file, encoded=file.encoded[:-2] + b"\1\1")
        _, [receipt] = store(tmp_path, other)

        assert receipt.outcome is Outcome.WARNED
        assert "ARCHIVE" in receipt.reason
        [path] = tmp_path.rglob("*.dcm")
        assert path.read_bytes().endswith(file.encoded)

    def test_sweeps_what_a_killed_attempt_left(self, tmp_path):
        sink = opened(tmp_path)
        sink.__enter__()
        stream = sink.store(instance(file) for file in STUDY.files)
        # The first receipts come with the end of the first series, when the second has begun.
        next(stream)
        left = tmp_path / "job/patient/study/0001-Test series"
        hidden = left / f".{STUDY.files[0].uid}{UNFINISHED}"
        hidden.write_bytes(b"half")
        store(tmp_path, *STUDY.files[:2])

        assert not hidden.exists()
        assert not [path for path in paths(tmp_path) if path.endswith(UNFINISHED)]

    @pytest.mark.parametrize(("error", "whole"), [(Unreachable, 3), (Canceled, 2)])
    def test_keeps_what_came_whole_before_the_source_broke_off(self, tmp_path, error, whole):
        def breaking_off():
            for file in STUDY.files[:3]:
                yield instance(file)
            raise error

        sink, receipts = opened(tmp_path), []
        with pytest.raises(error), sink:
            receipts.extend(sink.store(breaking_off()))

        assert {path.stem for path in tmp_path.rglob("*.dcm")} == {file.uid for file in STUDY.files[:whole]}
        assert len(paths(tmp_path)) == whole

    def test_does_not_hold_what_was_damaged_after_it_was_written(self, tmp_path):
        sink, _ = store(tmp_path, *STUDY.files)
        damaged = next(tmp_path.rglob(f"{STUDY.files[0].uid}.dcm"))
        damaged.write_bytes(damaged.read_bytes()[:-2] + b"\1\1")

        assert sink.holds(UID(STUDY.uid)) == STUDY.instances - {STUDY.files[0].uid}
