import gzip
import json
import struct
from functools import cache
from pathlib import Path

import pytest

from adit.dicom.errors import Canceled, Full
from adit.dicom.protocols import Outcome
from adit.dicom.refs import UID, Ref
from adit.endpoints.archive import Archive
from adit.endpoints.cancel import NEVER, CancelToken
from adit.endpoints.converting import ALLOWED
from adit.endpoints.folder import Place
from adit.endpoints.memory import Faults, Kept, Memory
from adit.endpoints.nifti import Nifti
from adit.endpoints.quota import Quota
from adit.endpoints.shelf import Made, Shelf
from adit.endpoints.stagedshelf import StagedShelf
from adit.site.demo.description import Kind, uid_of
from adit.site.demo.objects import instance
from adit.site.demo.patients import studies
from adit.transfer.ledger import Ledger
from tests.transfer.moving import Attempt, states

EXPLICIT = UID("1.2.840.10008.1.2.1")
STUDY = uid_of("a study as NIfTI")


@cache
def series_of(kind, count=6):
    """The first *count* instances of a demo series, as part of one study."""
    study, series = next((study, series) for study in studies() for series in study.series if series.kind == kind)
    made = (instance(study, series, number) for number in range(1, min(series.count, count) + 1))
    return [
        Kept(Ref(STUDY, each.series, each.uid), each.sop_class, EXPLICIT, renamed(each.encoded, study.uid, STUDY))
        for each in made
    ]


def renamed(encoded, old, new):
    """*encoded* with another UID of the same length."""
    assert len(old) == len(new)
    return encoded.replace(old.encode(), new.encode())


def uids(kept):
    return {each.ref.instance for each in kept}


@pytest.fixture
def nifti(tmp_path):
    """Opens the sink anew, as each attempt does."""

    def opened(ledger=None, *, quota=None, cancel=NEVER):
        tallies = (ledger or Ledger()).series
        shelf = Shelf(tmp_path / "out" / "job" / "patient" / "study", quota=quota)
        return Nifti(
            shelf,
            name="FOLDER",
            spool=tmp_path / "spool",
            expects=lambda series: tallies[series].expected if series in tallies else None,
            cancel=cancel,
        )

    return opened


def moved(nifti, source, ledger=None, **how):
    ledger = ledger or Ledger()
    return Attempt(source, nifti(ledger), ledger).run(STUDY, **how)


def files_in(folder):
    return {
        str(path.relative_to(folder / "out" / "job" / "patient" / "study"))
        for path in (folder / "out").rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def shape(path):
    """Dimensions of a NIfTI-1 volume: short dim[8] at byte 40."""
    header = gzip.decompress(path.read_bytes())[:348]
    assert header[344:347] == b"n+1"
    number, *sizes = struct.unpack("<8h", header[40:56])
    return tuple(sizes[:number])


class TestANiftiSink:
    @pytest.mark.parametrize(("kind", "edge"), [(Kind.MR_T1, 256), (Kind.CT_HEAD, 256)])
    def test_makes_a_volume_of_every_slice_of_a_series(self, nifti, tmp_path, kind, edge):
        source = Memory(series_of(kind))

        attempt = moved(nifti, source)

        assert attempt.verdict == "success"
        assert (attempt.tally.expected, attempt.tally.stored, attempt.tally.confirmed) == (6, uids(series_of(kind)), 6)
        [volume] = (tmp_path / "out").rglob("*.nii.gz")
        assert shape(volume) == (edge, edge, 6)
        assert volume.name == f"{volume.parent.name}.nii.gz"
        assert {path.suffix for path in volume.parent.iterdir() if not path.name.startswith(".")} == {".gz", ".json"}

    def test_keeps_of_the_side_car_only_what_is_allowed(self, nifti, tmp_path):
        moved(nifti, Memory(series_of(Kind.MR_T1)))

        [side_car] = [path for path in (tmp_path / "out").rglob("*.json") if not path.name.startswith(".")]
        told = json.loads(side_car.read_text())
        assert (told["Modality"], told["EchoTime"]) == ("MR", 0.0025)
        assert set(told) <= ALLOWED
        for secret in ("Klinikum", "4711", "MR01", "MRT Kopf", "14:42"):
            assert secret not in side_car.read_text()

    def test_keeps_no_text_in_the_header_of_a_volume(self, nifti, tmp_path):
        moved(nifti, Memory(series_of(Kind.MR_T1)))

        [volume] = (tmp_path / "out").rglob("*.nii.gz")
        assert gzip.decompress(volume.read_bytes())[148:252] == bytes(104)

    def test_leaves_out_what_is_no_image_and_names_it(self, nifti, tmp_path):
        attempt = moved(nifti, Memory([*series_of(Kind.MR_T1), *series_of(Kind.DOSE_REPORT)]))

        assert attempt.verdict == "success"
        [report] = series_of(Kind.DOSE_REPORT)
        assert attempt.ledger.series[report.ref.series].reasons() == {"SR is left out of NIfTI": 1}
        assert len(files_in(tmp_path)) == 2

    def test_names_what_could_not_be_converted(self, nifti, tmp_path):
        attempt = moved(nifti, Memory([*series_of(Kind.MR_T1), *series_of(Kind.STRUCTURES)]))

        assert attempt.verdict == "warning"
        [structures] = series_of(Kind.STRUCTURES)
        [(reason, number)] = attempt.ledger.series[structures.ref.series].reasons().items()
        assert (reason.startswith("could not be converted to NIfTI: "), number) == (True, 1)
        assert str(tmp_path) not in reason
        assert len(files_in(tmp_path)) == 2

    def test_leaves_nothing_in_the_spool(self, nifti, tmp_path):
        moved(nifti, Memory(series_of(Kind.MR_T1)))

        assert list((tmp_path / "spool").iterdir()) == []

    def test_says_that_a_part_of_a_series_is_a_part(self, nifti, tmp_path):
        short = Memory(
            series_of(Kind.MR_T1), faults=Faults(skips=frozenset({5}), withholds=uids(series_of(Kind.MR_T1)[5:]))
        )

        attempt = moved(nifti, short)

        assert attempt.verdict == "warning"
        assert (len(attempt.tally.stored), attempt.tally.confirmed, attempt.tally.failed) == (5, 5, 1)

    def test_makes_a_volume_of_all_when_the_rest_comes_in_another_attempt(self, nifti, tmp_path):
        series = series_of(Kind.MR_T1)
        first = moved(nifti, Memory(series, faults=Faults(withholds=uids(series[5:]))))

        second = moved(nifti, Memory(series), Ledger(states(first.ledger)), again=True)

        assert second.verdict == "success"
        [volume] = (tmp_path / "out").rglob("*.nii.gz")
        assert shape(volume) == (256, 256, 6)

    def test_converts_anew_when_the_rest_comes_in_the_same_attempt(self, nifti, tmp_path):
        source = Memory(series_of(Kind.MR_T1), faults=Faults(closes_at=4))
        ledger = Ledger()
        attempt = Attempt(source, nifti(ledger), ledger)
        attempt.on_event = lambda _: setattr(source, "_faults", Faults()) if ledger.stored_instances else None

        attempt.run(STUDY)

        assert attempt.verdict == "success"
        [volume] = (tmp_path / "out").rglob("*.nii.gz")
        assert shape(volume) == (256, 256, 6)

    def test_sends_nothing_again_that_lies_there_whole(self, nifti):
        first = moved(nifti, Memory(series_of(Kind.MR_T1)))

        second = moved(nifti, Memory(series_of(Kind.MR_T1)), Ledger(states(first.ledger)), again=True)

        assert second.verdict == "success"
        assert not any("Received" in repr(event) for event in second.events)

    def test_does_not_hold_what_was_changed_on_the_disk(self, nifti, tmp_path):
        moved(nifti, Memory(series_of(Kind.MR_T1)))
        [volume] = (tmp_path / "out").rglob("*.nii.gz")
        volume.write_bytes(volume.read_bytes()[:-1])

        assert nifti().holds(STUDY) == frozenset()

    def test_tells_two_series_of_one_name_apart(self, nifti, tmp_path):
        series = series_of(Kind.MR_T1)
        old, new = series[0].ref.series, uid_of("its twin")
        twins = [
            Kept(
                Ref(STUDY, new, uid_of(each.ref.instance)),
                each.sop_class,
                each.transfer_syntax,
                renamed(renamed(each.encoded, old, new), each.ref.instance, uid_of(each.ref.instance)),
            )
            for each in series
        ]

        assert moved(nifti, Memory([*series, *twins])).verdict == "success"
        assert len({path.split("/")[0] for path in files_in(tmp_path)}) == 2

    def test_leaves_nothing_behind_when_it_is_canceled(self, nifti, tmp_path):
        cancel = CancelToken()
        sink = nifti(cancel=cancel)

        def instances():
            yield series_of(Kind.MR_T1)[0].instance()
            cancel.set()
            yield series_of(Kind.MR_T1)[1].instance()

        with pytest.raises(Canceled), sink:
            list(sink.store(instances()))

        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_does_not_pass_the_quota(self, nifti, tmp_path):
        (tmp_path / "out").mkdir()
        sink = nifti(quota=Quota(tmp_path / "out", 1000, name="FOLDER"))

        with pytest.raises(Full), sink:
            list(sink.store(each.instance() for each in series_of(Kind.MR_T1)))

        assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []

    def test_takes_the_same_instance_twice(self, nifti, tmp_path):
        series = series_of(Kind.MR_T1)
        with nifti() as sink:
            receipts = list(sink.store(each.instance() for each in (*series, series[0])))
            again = list(sink.store([series[0].instance()]))

        assert {receipt.outcome for receipt in (*receipts, *again)} == {Outcome.STORED}
        [volume] = (tmp_path / "out").rglob("*.nii.gz")
        assert shape(volume) == (256, 256, 6)


class TestAStagedShelf:
    @pytest.fixture
    def shelf(self, tmp_path):
        archive = Archive(tmp_path, "job", bytes(32))
        return StagedShelf(archive, place=Place("job", "patient", "study"))

    @pytest.fixture
    def files(self, tmp_path):
        paths = {suffix: tmp_path / f"volume{suffix}" for suffix in (".nii.gz", "_e2.nii.gz", ".json")}
        for path in paths.values():
            path.write_bytes(path.name.encode())
        return paths

    def made(self, *instances):
        return Made(STUDY, UID("1.2.3"), frozenset(instances))

    def test_holds_what_a_series_was_made_of(self, shelf, files):
        shelf.prepare()
        shelf.put(self.made("1", "2"), "name", files)

        assert list(shelf.made(STUDY)) == [self.made("1", "2")]
        assert list(shelf.made(UID("1.2.4"))) == []

    def test_replaces_all_files_of_a_series(self, shelf, files):
        shelf.prepare()
        shelf.put(self.made("1"), "name", files)
        shelf.put(self.made("1", "2"), "name", {".nii.gz": files[".nii.gz"]})

        assert list(shelf.made(STUDY)) == [self.made("1", "2")]

    @pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
    def test_does_not_hold_a_series_that_lacks_a_file(self, shelf, files, tmp_path, harm):
        shelf.prepare()
        shelf.put(self.made("1"), "name", files)
        harm(next(path for path in (tmp_path / ".job.staging").rglob("*") if path.is_file()))

        assert list(shelf.made(STUDY)) == []

    def test_leaves_nothing_of_what_does_not_fit(self, files, tmp_path):
        (tmp_path / "root").mkdir()
        archive = Archive(tmp_path / "root", "job", bytes(32))
        quota = Quota(tmp_path / "root", 25, name="FOLDER")
        shelf = StagedShelf(archive, place=Place("job", "patient", "study"), quota=quota)
        shelf.prepare()

        with pytest.raises(Full):
            shelf.put(self.made("1"), "name", files)
        shelf.tidy()

        assert list((tmp_path / "root").iterdir()) == []
