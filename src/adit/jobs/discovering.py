"""From studies that a sweep found to tasks of its job: with their pseudonyms, each study once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db.models.functions import Now

from adit.deid.keys import Key, Patient
from adit.deid.profile import Profile
from adit.jobs.keys import key_of_job
from adit.jobs.kinds import KINDS
from adit.jobs.models import Job, Task
from adit.jobs.options import Options
from adit.jobs.states import TaskStatus
from adit.jobs.submit import new_task
from adit.jobs.treating import patient_of
from adit.nodes.models import Node
from adit.projects.aliases import NoPseudonym, pseudonym_for
from adit.transfer.items import TransferStudy
from adit.transfer.pseudonyms import UnfitPseudonym

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Named:
    """Studies with what is written into them.

    Attributes:
        items: Those that can go.
        without: Why the others cannot → how many studies; the sentences name no patient.
    """

    items: tuple[TransferStudy, ...]
    without: Mapping[str, int]


def named(job: Job, items: Iterable[TransferStudy], *, moved: Callable[[], None]) -> Named:
    """*items* as they go in *job*: with the pseudonym of their patient, from now on for good.

    Args:
        moved: Told after each patient.

    Raises:
        NoKey, UnreadableKey: Nothing can be derived.
    """
    options = Options.of(job)
    if options.treating is None:
        return Named(tuple(replace(item, treated=bool(options.trial)) for item in items), {})
    profile = Profile.from_json(options.treating.profile)
    given: dict[Patient, str] = {}
    going: list[TransferStudy] = []
    without: Counter[str] = Counter()
    for item in items:
        try:
            patient = patient_of(item, options.treating.domain, profile)
        except ValueError:
            without[f"no PatientID, and the profile {profile.name} wants one"] += 1
            continue
        if patient not in given:
            try:
                given[patient] = _pseudonym(job, patient, profile)
            except NoPseudonym:
                without[f"no pseudonym: the list of {_whose(job)} is used up"] += 1
                continue
            except UnfitPseudonym:
                without[f"the pseudonym that comes next in {_whose(job)} tells who the patient is"] += 1
                continue
            moved()
        going.append(replace(item, pseudonym=given[patient], treated=True))
    return Named(tuple(going), without)


def _pseudonym(job: Job, patient: Patient, profile: Profile) -> str:
    if job.project is not None:
        return pseudonym_for(job.project, patient, by=job.owner, generate=not profile.pseudonyms_from_list)
    return Key(key_of_job(job)).pseudonym_of(patient)


def _whose(job: Job) -> str:
    return f"project {job.project.name}" if job.project else "the job"


def add_found(job: Job, sweep: Task, items: Sequence[TransferStudy], destination: Node) -> int:
    """Add a task for each of *items* that has none, in the transaction of the caller, who has locked *job*.

    Returns:
        How many are new.
    """
    assert sweep.source is not None
    known = set(
        Task.objects.filter(job=job, work=TransferStudy.work, study_uid__in=[item.study for item in items]).values_list(
            "study_uid", flat=True
        )
    )
    tasks = [
        new_task(item, KINDS[job.kind], job, source=sweep.source, destination=destination, parent=sweep)
        for item in items
        if item.study not in known
    ]
    Task.objects.bulk_create(tasks, batch_size=_ROWS_AT_ONCE)
    if job.cancel_requested_at is not None:
        # Canceled after the search had ended: what it found waits for a resume, like all others.
        mine = Task.objects.filter(pk__in=[task.pk for task in tasks])
        mine.update(status=TaskStatus.CANCELED, message="canceled", ended_at=Now())
    return len(tasks)
