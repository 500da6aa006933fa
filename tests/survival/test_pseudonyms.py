"""Pseudonymised transfers through queue, worker and ledger, with real endpoints."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from adit.accounts.verdict import Denied
from adit.audit.models import Event
from adit.dicom.refs import UID
from adit.jobs.forgetting import destroy_key
from adit.jobs.linking import series_of_job, series_of_project
from adit.jobs.models import Entry, IssuedReceipt, Job, Task
from adit.jobs.receipts import Form, issue
from adit.jobs.releasing import CannotRelease, release
from adit.jobs.reports import job_report
from adit.jobs.states import Action
from adit.jobs.submit import submit
from adit.projects.keeping import CannotKeep
from adit.projects.keys import NoKey
from adit.projects.models import Member, Project
from adit.transfer.plan import Plan, Trial
from tests.jobs.a_worker import wait_until
from tests.jobs.fakes import a_user, permit
from tests.jobs.pseudonymised import a_project, arrived, identities, item, key, pseudonymised
from tests.peers.changed import of_modality, with_elements
from tests.peers.data import Study, ct_study
from tests.peers.dcmtk import storescp
from tests.peers.orthanc import orthanc
from tests.peers.scripts import Gate, Script
from tests.survival.stage import (
    PATIENCE,
    Numbers,
    Stage,
    act,
    complete,
    numbers,
    operator,
    reasons,
    report,
    submitted,
    until,
)
from tests.survival.workers import Workers, kill

STUDY = ct_study(series=2, instances=6, name="to be treated", patient_id="4711-0815")


def as_treated(project: Project, study: Study, pseudonym: str) -> set[tuple[str, str, str, str]]:
    uid = key(project).uid
    return {(pseudonym, uid(file.study), uid(file.series), uid(file.uid)) for file in study.files}


class TestAPseudonymisedStudy:
    def test_arrives_under_pseudonym_and_new_uids_and_the_ledger_counts_the_originals(self, stage: Stage) -> None:
        stage.misbehaving("A", STUDY)
        folder = stage.folder("B")
        project = a_project()

        told = stage.run(pseudonymised(STUDY, project="Stroke", pseudonym="P-0815"))

        assert (told["status"], numbers(told)) == ("success", complete(12)), told
        assert identities(folder) == as_treated(project, STUDY, "P-0815")
        assert {str(data.PatientName) for data in arrived(folder)} == {"P-0815"}
        (place,) = folder.iterdir()
        assert [each.name for each in place.iterdir()] == ["P-0815"]
        assert {entry["series"] for entry in told["tasks"][0]["entries"]} == set(STUDY.series)
        entry, uid = Entry.objects.get(series_uid=STUDY.series[0]), key(project).uid
        assert (entry.new_study_uid, entry.new_series_uid) == (uid(STUDY.uid), uid(UID(STUDY.series[0])))

    def test_names_nothing_of_the_patient_in_paths_and_files(self, stage: Stage) -> None:
        stage.misbehaving("A", STUDY)
        folder = stage.folder("B")

        stage.run(pseudonymised(STUDY))

        everything = "".join(str(path) for path in folder.rglob("*")).encode()
        everything += b"".join(path.read_bytes() for path in folder.rglob("*.dcm"))
        for told in (STUDY.patient_id, STUDY.uid, *STUDY.series, "ller"):
            assert told.encode() not in everything

    def test_is_confirmed_by_a_server_under_its_new_uids(self, stage: Stage) -> None:
        stage.misbehaving("A", STUDY)
        destination = stage.misbehaving("B")
        project = a_project()

        told = stage.run(pseudonymised(STUDY, project="Stroke"))

        assert (told["status"], numbers(told)) == ("success", complete(12)), told
        assert destination.holds() == {key(project).uid(file.uid) for file in STUDY.files}

    def test_is_the_same_in_every_job_of_its_project_and_in_no_other(self, stage: Stage) -> None:
        stage.misbehaving("A", STUDY)
        folders = [stage.folder(name) for name in ("first", "second", "other", "none")]
        for name in ("Stroke", "Glioma"):
            a_project(name)

        for folder, project in zip(folders, ("Stroke", "Stroke", "Glioma", ""), strict=True):
            job = pseudonymised(STUDY, project=project, destination=folder.name.removeprefix("folder "))
            assert stage.run(job)["status"] == "success"

        first, second, other, none = map(identities, folders)
        assert first == second
        uids = [{uid for identity in each for uid in identity} for each in (first, other, none)]
        assert not uids[0] & uids[1]
        assert not uids[0] & uids[2]

    def test_carries_its_trial(self, stage: Stage) -> None:
        stage.misbehaving("A", STUDY)
        folder = stage.folder("B")

        stage.run(pseudonymised(STUDY, pseudonym="P-01", trial=Trial("PROT", "A trial")))

        for data in arrived(folder):
            assert (data.ClinicalTrialProtocolID, data.ClinicalTrialProtocolName) == ("PROT", "A trial")
            assert data.PatientComments.startswith("Project:PROT Subject:P-01 Session:P-01_")

    def test_carries_it_under_its_own_identity_too(self, stage: Stage) -> None:
        stage.misbehaving("A", STUDY)
        folder = stage.folder("B")
        as_it_is = Plan("selective", "A", "B", (item(STUDY),), trial=Trial("PROT", "A trial"))
        job = submit(as_it_is, by=operator())

        assert stage.run(job)["status"] == "success"
        assert {(d.ClinicalTrialProtocolID, d.PatientID) for d in arrived(folder)} == {("PROT", STUDY.patient_id)}
        assert {str(data.SOPInstanceUID) for data in arrived(folder)} == STUDY.instances


class TestWhatMayNotGo:
    def test_stays_behind_with_its_reason_and_is_no_failure(self, stage: Stage) -> None:
        study = with_elements(of_modality(STUDY, STUDY.series[1], "US"), {0: {"BurnedInAnnotation": "YES"}})
        source = stage.misbehaving("A", study)
        folder = stage.folder("B")

        told = stage.run(pseudonymised(study))

        assert (told["status"], numbers(told)) == ("success", Numbers(12, 6, 5, 5, 7, 0)), told
        assert sorted(reasons(told).values()) == [1, 6]
        assert len(arrived(folder)) == 5
        assert set(source.seen.sent) == {file.uid for file in study.files[:6]}

    def test_is_all_of_a_study_without_a_failure(self, stage: Stage, settings) -> None:
        settings.ADIT_EXCLUDED_MODALITIES = ("CT",)
        source = stage.misbehaving("A", STUDY)
        folder = stage.folder("B")

        told = stage.run(pseudonymised(STUDY))

        assert (told["status"], reasons(told)) == ("success", {"modality CT is excluded by the settings": 12})
        assert source.seen.sent == []
        assert list(folder.iterdir()) == []

    def test_is_a_study_of_another_patient_than_was_asked_for(self, stage: Stage) -> None:
        source = stage.misbehaving("A", STUDY)
        stage.folder("B")
        job = pseudonymised(ct_study(name="to be treated", patient_id="SOMEBODY"), pseudonym="P-01")

        told = stage.run(job)

        assert told["status"] == "failure"
        assert "another patient than was asked for" in told["tasks"][0]["message"]
        assert told["tasks"][0]["attempts"] == 1
        assert source.seen.sent == []

    def test_is_anything_once_the_permission_is_withdrawn(self, stage: Stage) -> None:
        source = stage.misbehaving("A", STUDY)
        stage.folder("B")
        user = a_user()
        member = Member.objects.create(project=a_project(), user=user)
        job = pseudonymised(STUDY, project="Stroke", by=user)
        member.delete()

        told = stage.run(job)

        assert told["status"] == "failure"
        assert told["tasks"][0]["message"] == (
            "access withdrawn: ann may not send for project Stroke; an administrator can permit it."
        )
        assert source.seen.sent == []


class TestAnIdentifierThatIsLeft:
    @pytest.fixture
    def study(self) -> Study:
        return with_elements(STUDY, {3: {"ImageType": ["ORIGINAL", "PRIMARY", "MUELLER"]}})

    def test_stops_its_instance_until_a_person_releases_the_attribute(self, stage: Stage, study: Study) -> None:
        stage.misbehaving("A", study)
        folder = stage.folder("B")
        project = a_project()
        job = pseudonymised(study, project="Stroke", pseudonym="P-01")
        told = stage.run(job)
        assert (told["status"], numbers(told)) == ("warning", Numbers(12, 12, 11, 11, 0, 1)), told
        assert list(reasons(told)) == ["identifier left in (0008,0008): the patient's name"]

        release(job, "(0008,0008)", by=operator())
        act(Action.RETRY, job)
        told = stage.run(job)

        assert (told["status"], numbers(told)) == ("success", complete(12)), told
        assert identities(folder) == as_treated(project, study, "P-01")
        assert told["released"] == ["(0008,0008)"]
        event = Event.objects.get(action="job.attribute_released")
        assert (event.job, event.details) == (job.pk, {"attribute": "(0008,0008)"})

    def test_is_released_by_those_who_may_and_by_path_or_keyword(self, stage: Stage, study: Study) -> None:
        stage.misbehaving("A", study)
        stage.folder("B")
        job, user = pseudonymised(study), a_user()
        with pytest.raises(Denied, match="ann may not release"):
            release(job, "(0008,0008)", by=user)
        permit(user, "can_release_tripwire")

        release(job, "ImageType", by=user)
        release(job, "(0040,a730)[1].(0040,a160)", by=user)

        assert job_report(Job.objects.get())["released"] == ["(0008,0008)", "(0040,A730).(0040,A160)"]
        with pytest.raises(CannotRelease, match="is no attribute"):
            release(job, "everything", by=user)
        with pytest.raises(CannotRelease, match="does not pseudonymise"):
            release(submitted(study), "ImageType", by=user)


class TestARetry:
    def test_writes_the_same_uids_and_nothing_twice(self, stage: Stage) -> None:
        source = stage.misbehaving("A", STUDY)
        destination = stage.misbehaving("B", script=Script(store_statuses=((2, 0xA900), (5, 0xA900))))
        project = a_project()
        job = pseudonymised(STUDY, project="Stroke")
        assert numbers(stage.run(job)) == Numbers(12, 12, 10, 10, 0, 2)

        act(Action.RETRY, job)
        told = stage.run(job)

        assert (told["status"], numbers(told)) == ("success", complete(12)), told
        assert destination.holds() == {key(project).uid(file.uid) for file in STUDY.files}
        assert len(destination.seen.received) == 14
        assert len(source.seen.sent) == 14


class TestAWorkerThatIsKilled:
    def test_is_followed_by_another_which_goes_on_under_the_same_uids(self, stage: Stage, workers: Workers) -> None:
        study = ct_study(series=1, instances=200, size=2048, name="two hundred")
        gate = Gate()
        gate.let(150)
        source = stage.misbehaving("A", study, script=Script(gate=gate))
        destination = stage.misbehaving("B")
        project = a_project()
        workers(), workers()
        job = pseudonymised(study, project="Stroke")
        destination.seen.wait_until(lambda seen: len(seen.statuses) == 150, seconds=PATIENCE)

        kill(job, source.seen)
        gate.open()

        until(job, "success")
        assert numbers(report(job)) == complete(200)
        expected = Counter(key(project).uid(file.uid) for file in study.files)
        assert Counter(destination.seen.received) == expected
        assert Counter(source.seen.sent) == Counter(study.instances)

    def test_leaves_no_half_study_in_a_folder(self, stage: Stage, workers: Workers) -> None:
        study = ct_study(series=1, instances=200, size=2048, name="two hundred")
        gate = Gate()
        gate.let(150)
        source = stage.misbehaving("A", study, script=Script(gate=gate))
        folder = stage.folder("B")
        project = a_project()
        workers(), workers()
        job = pseudonymised(study, project="Stroke", pseudonym="P-01")
        gate.wait_until_somebody_waits(seconds=PATIENCE)
        wait_until(lambda: len([path for path in folder.rglob("*") if path.is_file()]) >= 100, seconds=PATIENCE)

        kill(job, source.seen)
        gate.open()

        until(job, "success")
        assert identities(folder) == as_treated(project, study, "P-01")


class TestLinking:
    def test_joins_the_originals_of_a_job_to_what_lies_there_and_is_audited(self, stage: Stage) -> None:
        stage.misbehaving("A", STUDY)
        stage.folder("B")
        project = a_project()
        job = pseudonymised(STUDY, project="Stroke", pseudonym="P-01")
        stage.run(job)

        links = series_of_job(job, by=operator())

        uid = key(project).uid
        assert {(link.pseudonym, link.patient_id, link.series_uid, link.new_series_uid) for link in links} == {
            ("P-01", STUDY.patient_id, series, uid(UID(series))) for series in STUDY.series
        }
        assert {(link.study_uid, link.new_study_uid, link.stored) for link in links} == {(STUDY.uid, uid(STUDY.uid), 6)}
        assert series_of_project(project, by=operator()) == links
        assert Event.objects.filter(action="job.linked", job=job.pk).count() == 1
        assert Event.objects.filter(action="project.linked").count() == 1

    def test_ends_with_the_key_and_so_does_sending(self, stage: Stage) -> None:
        stage.misbehaving("A", STUDY)
        folder = stage.folder("B")
        project = a_project()
        job = pseudonymised(STUDY, project="Stroke", pseudonym="P-01")
        stage.run(job)
        for form in Form:
            issue(job, form, by=operator())

        destroy_key(project, by=operator())

        job.refresh_from_db()
        with pytest.raises(NoKey):
            series_of_job(Job.objects.get(), by=operator())
        stored = str([list(each.objects.values()) for each in (Task, Entry, Job, IssuedReceipt)])
        assert IssuedReceipt.objects.count() == 1
        assert "P-01" not in stored
        assert not any(uid in stored for identity in identities(folder) for uid in identity[1:])
        act(Action.RESTART, job)
        assert "was destroyed" in stage.run(job)["tasks"][0]["message"]

    def test_is_not_ended_while_studies_are_on_their_way(self, stage: Stage) -> None:
        gate = Gate()
        stage.misbehaving("A", STUDY, script=Script(gate=gate))
        stage.folder("B")
        project = a_project()
        job = pseudonymised(STUDY, project="Stroke", pseudonym="P-01")
        with stage.crew():
            gate.wait_until_somebody_waits(seconds=PATIENCE)
            with pytest.raises(CannotKeep, match="cancel its jobs first"):
                destroy_key(project, by=operator())
            gate.open()
            until(job, "success")


class TestAReport:
    def test_shows_a_pseudonym_to_the_user_who_brought_it(self, stage: Stage) -> None:
        a_project()
        for name in "AB":
            stage.folder(name)

        brought = pseudonymised(STUDY, project="Stroke", pseudonym="P-01")
        known = pseudonymised(STUDY, project="Stroke", generate=False)
        made = pseudonymised(STUDY)

        assert job_report(brought, by=operator())["tasks"][0]["pseudonym"] == "P-01"
        assert job_report(brought, by=a_user())["tasks"][0]["pseudonym"] is None
        assert job_report(known, by=operator())["tasks"][0]["pseudonym"] is None
        assert job_report(made)["tasks"][0]["pseudonym"] is None
        assert job_report(made, by=operator())["tasks"][0]["pseudonym"]


class TestRealServers:
    def test_hold_the_study_under_its_new_uids_however_often_it_is_sent(self, stage: Stage) -> None:
        with orthanc(ae_title="ORTHANC_A") as source, orthanc(ae_title="ORTHANC_B") as target:
            source.fill(STUDY.part10())
            stage.server("A", source)
            stage.server("B", target)
            project = a_project(profile="longitudinal")

            for _ in range(2):
                told = stage.run(pseudonymised(STUDY, project="Stroke"))
                assert (told["status"], numbers(told)) == ("success", complete(12)), told

            assert target.holds() == {key(project).uid(file.uid) for file in STUDY.files}


class TestAPeerThatCannotBeAsked:
    def test_gets_every_instance_once(self, stage: Stage, tmp_path: Path) -> None:
        stage.misbehaving("A", STUDY)
        project = a_project()
        with storescp(tmp_path / "received") as peer:
            stage.server("B", peer, find_study=False, get_study=False)
            told = stage.run(pseudonymised(STUDY, project="Stroke"))
            assert peer.holds() == {key(project).uid(file.uid) for file in STUDY.files}
        assert numbers(told) == Numbers(12, 12, 12, None, 0, 0)
