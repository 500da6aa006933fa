"""What tests of pseudonymised jobs share: a project, its key, and a look at what arrived."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread

from adit.accounts.models import User, local_administrator
from adit.deid.keys import Key
from adit.deid.profile import find_profile
from adit.dicom.refs import UID
from adit.jobs.models import Job
from adit.jobs.submit import submit
from adit.projects import changes
from adit.projects.keys import key_of
from adit.projects.models import Project
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan, Pseudonymising
from tests.peers.data import Study


def operator() -> User:
    return local_administrator("tester")


def a_project(name: str = "Stroke", *, profile: str = "research", by: User | None = None, **values: Any) -> Project:
    return changes.add(Project(name=name, **values), by=by or operator(), profile=find_profile(profile))


def key(project: Project) -> Key:
    return Key(key_of(project))


def item(study: Study, pseudonym: str = "", **values: Any) -> TransferStudy:
    return TransferStudy(UID(study.uid), patient_id=study.patient_id, pseudonym=pseudonym, **values)


def plan(*items: TransferStudy, source: str = "A", destination: str = "B", **values: Any) -> Plan:
    """A plan that pseudonymises; *values* are those of `Pseudonymising`, or of `Plan`."""
    how = {name: values.pop(name) for name in ("project", "profile", "generate", "unchecked_pixels") if name in values}
    return Plan("selective", source, destination, items, pseudonymising=Pseudonymising(**how), **values)


def pseudonymised(*studies: Study, by: User | None = None, pseudonym: str = "", **values: Any) -> Job:
    """A submitted job that sends *studies* under pseudonyms."""
    if not pseudonym:
        values.setdefault("generate", True)
    return submit(plan(*(item(study, pseudonym) for study in studies), **values), by=by or operator())


def arrived(folder: Path) -> list[Dataset]:
    """Every file below *folder*."""
    return [dcmread(path) for path in sorted(folder.rglob("*.dcm"))]


def identities(folder: Path) -> set[tuple[str, str, str, str]]:
    """PatientID and the three UIDs of every file below *folder*."""
    return {
        (str(d.PatientID), str(d.StudyInstanceUID), str(d.SeriesInstanceUID), str(d.SOPInstanceUID))
        for d in arrived(folder)
    }
