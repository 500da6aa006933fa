import gzip
import json
import threading

import py7zr
import pytest
from py7zr.io import BytesIOFactory

from adit.endpoints.budget import Budget
from adit.jobs.actions import WrongState, perform, perform_on_task
from adit.jobs.models import Job, Task
from adit.jobs.process import Process
from adit.jobs.reports import job_report
from adit.jobs.states import Action, TaskAction
from adit.jobs.submit import BadPlan, submit
from adit.nodes.opening import Opening
from adit.site.demo.description import Kind, uid_of
from adit.site.demo.objects import instance
from adit.site.demo.patients import studies
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan, Pseudonymising
from tests.jobs.fakes import QUICK, administrator
from tests.nodes.making import folder, server
from tests.peers.data import ct_study

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "offenes Geheimnis"
STUDIES = [ct_study(series=1, instances=3, name=f"sealed {number}") for number in range(2)]


@pytest.fixture
def source(tmp_path):
    """A folder with both studies, as a node."""
    root = tmp_path / "source"
    for study in STUDIES:
        (root / study.uid).mkdir(parents=True)
        for file in study.files:
            (root / study.uid / f"{file.uid}.dcm").write_bytes(file.part10())
    return folder("Source", root)


@pytest.fixture
def target(tmp_path):
    root = tmp_path / "target"
    root.mkdir()
    return folder("Target", root)


@pytest.fixture
def work(tmp_path):
    """Runs all tasks that can run, over real folders."""
    opening = Opening(spool=tmp_path / "spool", budget=Budget(64 << 20), calling_ae_title="ADIT", waits=())

    def run():
        process = Process(places=2, opening=opening, limits=QUICK)
        process.work()
        return Job.objects.get()

    return run


def ordered(**values):
    items = tuple(TransferStudy(study.uid) for study in STUDIES)
    values = {"archive_password": PASSWORD, "items": items, **values}
    return submit(Plan("selective", "Source", "Target", **values), by=administrator())


def entries(target):
    [path] = [each for each in target.iterdir() if each.suffix == ".7z"]
    factory = BytesIOFactory(1 << 24)
    with py7zr.SevenZipFile(path, "r", password=PASSWORD) as file:
        file.extractall(factory=factory)
        return {name: factory.get(name).read() for name in file.getnames()}


def root(tmp_path):
    return tmp_path / "target"


class TestAJobWithAnArchive:
    def test_ends_with_one_archive_of_all_studies_and_nothing_beside_it(self, source, target, work, tmp_path):
        ordered()

        job = work()

        assert (job.status, job.tasks.count()) == ("success", 3)
        assert job.message == (
            f"2 of 2 studies complete; 6 instances stored; 6 instances sealed in {next(root(tmp_path).iterdir()).name}"
        )
        found = entries(root(tmp_path))
        told = json.loads(found.pop("MANIFEST.json"))
        assert [(each["expected"], each["stored"]) for each in told["series"]] == [(3, 3), (3, 3)]
        assert sorted(path.rsplit("/", 1)[1] for path in found) == sorted(
            f"{file.uid}.dcm" for study in STUDIES for file in study.files
        )
        assert len(list(root(tmp_path).iterdir())) == 1

    def test_seals_last(self, source, target, work):
        ordered()

        job = work()

        *transfers, seal = job.tasks.order_by("started_at")
        assert seal.work == "seal_archive"
        assert all(task.ended_at <= seal.started_at for task in transfers)

    def test_keeps_its_password_encrypted_and_only_until_it_has_ended_well(self, source, target, work):
        job = ordered()
        [stored] = Job.objects.values_list("archive_password", flat=True)
        assert PASSWORD not in stored.token
        assert PASSWORD not in json.dumps(job.options) + json.dumps(job_report(job)) + repr(job.archive_password)

        assert work().archive_password is None

    def test_cannot_be_restarted_when_its_password_is_forgotten(self, source, target, work):
        ordered()
        job = work()

        with pytest.raises(WrongState, match="password forgotten"):
            perform(Action.RESTART, job, by=administrator())
        with pytest.raises(WrongState, match="password forgotten"):
            perform_on_task(TaskAction.RESET, job.tasks.first(), by=administrator())

    def test_seals_what_came_and_seals_again_after_a_retry(self, source, target, work, tmp_path):
        hidden = tmp_path / "source" / STUDIES[1].uid
        hidden.rename(tmp_path / "elsewhere")
        ordered()
        first = work()
        assert first.status == "failure"
        assert first.archive_password is not None
        assert len(entries(root(tmp_path))) == 4

        (tmp_path / "elsewhere").rename(hidden)
        perform(Action.RETRY, first, by=administrator())
        second = work()

        assert second.status == "success"
        assert len(entries(root(tmp_path))) == 7
        assert len(list(root(tmp_path).iterdir())) == 1

    def test_that_stored_nothing_seals_nothing(self, source, target, work, tmp_path):
        ordered(items=(TransferStudy("1.2.3"),))

        job = work()

        assert (job.status, job.tasks.count()) == ("failure", 1)
        assert list(root(tmp_path).iterdir()) == []

    def test_fails_when_what_was_staged_is_lost_and_can_be_restarted(self, source, target, work, tmp_path):
        ordered()
        missing = threading.Event()
        opening = Opening(spool=tmp_path / "spool", budget=Budget(64 << 20), calling_ae_title="ADIT", waits=())

        class Lossy:
            """Loses a file between staging and sealing."""

            source, sink = opening.source, opening.sink

            def seal(self, node, archive, **how):
                if not missing.is_set():
                    missing.set()
                    next(path for path in archive.staging.rglob("*") if path.is_file()).unlink()
                return opening.seal(node, archive, **how)

        process = Process(places=1, opening=Lossy(), limits=QUICK)
        process.work()
        job = Job.objects.get()
        assert job.status == "failure"
        assert "only 5 of 6 instances" in Task.objects.get(work="seal_archive").message

        perform(Action.RESTART, job, by=administrator())
        assert work().status == "success"

    def test_that_is_canceled_before_it_was_sealed_seals_when_resumed(self, source, target, work):
        job = ordered()
        perform(Action.CANCEL, job, by=administrator())
        assert work().status == "canceled"

        perform(Action.RESUME, Job.objects.get(), by=administrator())
        assert work().status == "success"

    def test_that_is_canceled_while_it_is_sealed_keeps_what_is_staged(self, source, target, work, tmp_path):
        ordered()
        opening = Opening(spool=tmp_path / "spool", budget=Budget(64 << 20), calling_ae_title="ADIT", waits=())

        class Slow:
            """Seals until somebody cancels."""

            source, sink = opening.source, opening.sink

            def seal(self, node, archive, *, cancel, **how):
                perform(Action.CANCEL, Job.objects.get(), by=administrator())
                cancel.wait(20)

        Process(places=1, opening=Slow(), limits=QUICK).work()
        job = Job.objects.get()
        assert (job.status, [path.suffix for path in root(tmp_path).iterdir()]) == ("canceled", [".staging"])

        perform(Action.RESUME, job, by=administrator())
        assert work().status == "success"
        assert len(entries(root(tmp_path))) == 7

    @pytest.mark.parametrize("form", [{"archive_password": PASSWORD}, {"archive_password": "", "nifti": True}])
    def test_is_for_folders_only(self, source, form):
        server("Target")

        with pytest.raises(BadPlan, match="Target is a server"):
            ordered(**form)


class TestAJobForVolumes:
    def test_counts_the_instances_that_went_into_volumes_and_excludes_reports(self, source, target, work, tmp_path):
        study = brain_with_report(tmp_path / "source")
        ordered(archive_password="", nifti=True, items=(TransferStudy(study),))

        job = work()

        task = job.tasks.get()
        assert (job.status, task.message) == ("success", "6 of 6 instances stored and confirmed; 1 excluded")
        assert {
            (entry.expected, entry.stored, entry.confirmed, entry.excluded): entry.reasons
            for entry in task.entries.all()
        } == {(6, 6, 6, 0): {}, (1, 0, 0, 1): {"SR is left out of NIfTI": 1}}
        suffixes = [path.suffix for path in root(tmp_path).rglob("*") if path.is_file() and path.name[0] != "."]
        assert sorted(suffixes) == [".gz", ".json"]
        assert not any((tmp_path / "spool").iterdir())

    def test_puts_them_into_an_archive(self, source, target, work, tmp_path):
        study = brain_with_report(tmp_path / "source")
        ordered(nifti=True, items=(TransferStudy(study),))

        job = work()

        assert (job.status, job.message.split("; ")[-1].split(" in ")[0]) == ("success", "6 instances sealed")
        found = entries(root(tmp_path))
        assert sorted(path.split(".", 1)[1] for path in found) == ["json", "json", "nii.gz"]
        assert len(list(root(tmp_path).iterdir())) == 1


class TestAPseudonymisedJob:
    def test_seals_an_archive_that_names_nothing_original(self, source, target, work, tmp_path):
        items = tuple(TransferStudy(study.uid, patient_id=study.patient_id) for study in STUDIES)
        ordered(items=items, pseudonymising=Pseudonymising(generate=True))

        job = work()

        assert job.status == "success", job_report(job)
        found = entries(root(tmp_path))
        told = json.loads(found["MANIFEST.json"])
        assert [series["stored"] for series in told["series"]] == [3, 3]
        everything = b"".join((*map(str.encode, found), *found.values()))
        for study in STUDIES:
            for original in (study.uid, study.patient_id, *study.series, *study.instances):
                assert original.encode() not in everything

    def test_makes_volumes_of_the_originals_that_are_named_after_the_treated_study(
        self, source, target, work, tmp_path
    ):
        brain, slices = next((study, each) for study in studies() for each in study.series if each.kind is Kind.MR_T1)
        for number in range(1, 7):
            one = instance(brain, slices, number)
            (tmp_path / "source" / f"{one.uid}.dcm").write_bytes(one.part10())
        patient = brain.patient
        item = TransferStudy(brain.uid, patient_id=patient.id, pseudonym="P-01")
        ordered(archive_password="", nifti=True, items=(item,), pseudonymising=Pseudonymising())

        job = work()

        task = job.tasks.get()
        assert job.status == "success", job_report(job)
        assert (task.entries.get().stored, task.entries.get().confirmed) == (6, 6)
        files = [path for path in root(tmp_path).rglob("*") if path.is_file()]
        assert {path.relative_to(root(tmp_path)).parts[1] for path in files} == {"P-01"}
        everything = b"".join((*(str(path).encode() for path in files), *(unpacked(path) for path in files)))
        for original in (brain.uid, slices.uid, patient.id, patient.name.split("^")[0]):
            assert original.encode() not in everything


def unpacked(path):
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def brain_with_report(folder):
    """Write six slices and a report into *folder*, as one study; its UID."""
    by_kind = {series.kind: (study, series) for study in studies() for series in study.series}
    wanted = uid_of("a study with a report")
    for kind, count in ((Kind.MR_T1, 6), (Kind.DOSE_REPORT, 1)):
        study, series = by_kind[kind]
        for number in range(1, count + 1):
            one = instance(study, series, number)
            encoded = one.part10().replace(study.uid.encode(), wanted.encode())
            (folder / f"{one.uid}.dcm").write_bytes(encoded)
    return wanted
