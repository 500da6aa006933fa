"""From a file and what was chosen for it to a plan: to be submitted, or to be checked against the source first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from django.contrib.auth.models import Group
from django.db import transaction

from adit.accounts.models import User
from adit.jobs.batchmodels import Outcome
from adit.jobs.files import read_file
from adit.jobs.kinds.batch import BATCH_TRANSFER
from adit.jobs.kinds.check import BATCH_CHECK
from adit.jobs.models import BatchFile, Job, Line
from adit.jobs.options import Options
from adit.jobs.pseudonymising import BadPlan, project_of, refused_lines, treating_of
from adit.jobs.states import JOB_ENDED
from adit.jobs.submit import submit
from adit.nodes.finding import find_node
from adit.projects.keys import new_key
from adit.transfer.batches.faults import Checked, Fault
from adit.transfer.batches.rows import TransferRow
from adit.transfer.batches.studies import checks_of, transfers_of
from adit.transfer.batches.validating import Pseudonyms, check_transfers
from adit.transfer.items import LookUpStudies, TransferStudy
from adit.transfer.plan import NO_TRIAL, Plan, Pseudonymising, Trial
from adit.transfer.pseudonyms import UnfitPseudonym
from adit.transfer.sheets.reading import Sheet

_Told = list[tuple[tuple[int, ...], str]]
"""Lines, and what there is against their patient."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose beside the file: see `transfer.plan.Plan`."""

    source: str
    destination: str
    pseudonymising: Pseudonymising | None = None
    trial: Trial = NO_TRIAL
    project: str = ""
    nifti: bool = False
    archive_password: str = field(default="", repr=False)
    urgent: bool = False
    mail: bool | None = None
    description: str = ""
    ethics_number: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and sentences about what was done that somebody may not expect."""

    plan: Plan
    notices: tuple[str, ...]


def check_file(file: BatchFile, choices: Choices, *, by: User) -> Checked[TransferRow]:
    """The same as `check_sheet`, of a file that is kept.

    Raises:
        BadSheet: It cannot be read.
        Whatever `check_sheet` raises.
    """
    return check_sheet(read_file(file), choices, by=by)


def check_sheet(sheet: Sheet, choices: Choices, *, by: User) -> Checked[TransferRow]:
    """Hold *sheet* against all rules, those of the project's pseudonyms too. Nothing is written.

    Raises:
        BadPlan: What was chosen does not go together, whatever the file says.
        UnknownNode, UnknownProject: *by* knows none of this name.
        NoKey, UnreadableKey: Of the project.
    """
    checked = check_transfers(sheet, pseudonyms=_needed(choices, by))
    rows = checked.good
    if choices.pseudonymising is None or not rows:
        return checked
    return replace(checked, faults=(*checked.faults, *_refused(rows, choices, by, checked)))


def plan_of(rows: Sequence[TransferRow], choices: Choices, *, file: BatchFile) -> Planned:
    """The batch transfer of *rows*, which are checked: all of a file, or its good ones."""
    grouped = transfers_of(rows)
    plan = Plan(
        BATCH_TRANSFER.key,
        choices.source,
        choices.destination,
        grouped.items,
        urgent=choices.urgent,
        nifti=choices.nifti,
        archive_password=choices.archive_password,
        pseudonymising=choices.pseudonymising,
        trial=choices.trial,
        mail=choices.mail,
        project=choices.project,
        description=choices.description,
        ethics_number=choices.ethics_number,
        file=file.pk,
    )
    return Planned(plan, grouped.notices)


def rehearse(plan: Plan, *, by: User, group: Group | None = None) -> None:
    """Submit *plan* in a transaction that leaves nothing.

    Raises:
        Whatever `submit` would raise.
    """
    with transaction.atomic():
        submit(plan, by=by, group=group)
        transaction.set_rollback(True)


def submit_check(plan: Plan, *, by: User, group: Group | None = None) -> Job:
    """A job that asks, by queries only, what would become of *plan*: the dry run. It is rehearsed first.

    Raises:
        Whatever `submit` raises for either of the two.
    """
    rehearse(plan, by=by, group=group)
    return submit(replace(plan, kind=BATCH_CHECK.key, items=checks_of(plan.transfers)), by=by, group=group)


def plan_of_check(
    check: Job, *, every: bool = False, unchecked_pixels: bool | None = None, archive_password: str = ""
) -> Plan:
    """Exactly the plan that *check* was made for, of the studies that were found.

    Args:
        every: Of all studies, whatever was found.
        unchecked_pixels: Other than when it was checked, what may show text in its pixels goes, or stays behind.
        archive_password: Of the archive, where one was wanted: the check forgets it when it has ended well.

    Raises:
        BadPlan: It has not ended, found nothing, or the password is missing.
    """
    if check.kind != BATCH_CHECK.key:
        raise BadPlan(f"Job {check.pk} is no check of a file.")
    if check.status not in JOB_ENDED:
        raise BadPlan(f"The check is {check.status}: it has to end before what it found can be sent.")
    options = Options.of(check)
    if options.archive_salt and not archive_password and check.archive_password is None:
        raise BadPlan("The password of the archive was forgotten when the check had ended: give it again.")
    items = _items_with_issuers(check, only_found=not every)
    if not items:
        raise BadPlan("The check found nothing that could be sent.")
    treating, project = options.treating, check.project.name if check.project else ""
    pseudonymising = None
    if treating is not None:
        unchecked = treating.unchecked_pixels if unchecked_pixels is None else unchecked_pixels
        pseudonymising = Pseudonymising(project, treating.profile["name"], options.generate, unchecked)
    kept = check.archive_password.reveal() if options.archive_salt and check.archive_password else ""
    return Plan(
        BATCH_TRANSFER.key,
        check.source_name,
        check.destination_name,
        items,
        urgent=check.urgent,
        nifti=options.nifti,
        archive_password=archive_password or kept,
        pseudonymising=pseudonymising,
        trial=options.trial,
        mail=options.mail,
        project="" if pseudonymising else project,
        description=check.description,
        ethics_number=check.ethics_number,
        file=check.file_id,
        check=check.pk,
    )


def _needed(choices: Choices, by: User) -> Pseudonyms:
    """Whether every line has to bring its pseudonym: not where its project makes or knows some."""
    wanted = choices.pseudonymising
    if wanted is None or wanted.generate:
        return Pseudonyms.OPTIONAL
    project = project_of(plan_of((), choices, file=BatchFile()).plan, by=by)
    if project is not None and (project.generates or project.aliases.exists()):
        return Pseudonyms.OPTIONAL
    return Pseudonyms.REQUIRED


@transaction.atomic
def _refused(rows: Sequence[TransferRow], choices: Choices, by: User, checked: Checked[TransferRow]) -> list[Fault]:
    """What the project has against the pseudonyms of *rows*, or against their lack."""
    plan = plan_of(rows, choices, file=BatchFile()).plan
    project = project_of(plan, by=by)
    treating = treating_of(plan, project, find_node(plan.source))
    assert treating is not None
    secret = new_key() if project is None else None

    def refused(items: Iterable[TransferStudy]) -> _Told:
        with transaction.atomic():
            try:
                return refused_lines(replace(plan, items=tuple(items)), treating, project=project, secret=secret, by=by)
            finally:
                transaction.set_rollback(True)

    told: _Told = []
    try:
        told = refused(plan.transfers)
    except (BadPlan, UnfitPseudonym) as about_all:
        # It is about somebody, and names nobody's line: ask for each alone.
        told = _one_by_one(plan.transfers, refused) or [((checked.header,), str(about_all))]
    column = next((taken.written for taken in checked.columns if taken.keyword == "Pseudonym"), "Pseudonym")
    brought = {line: item.pseudonym for item in plan.transfers for line in item.lines}
    return [Fault(tuple(sorted(lines)), column, brought.get(lines[0], ""), reason) for lines, reason in told]


def _one_by_one(items: Iterable[TransferStudy], refused: Callable[[Iterable[TransferStudy]], _Told]) -> _Told:
    by_patient: dict[str, list[TransferStudy]] = {}
    for item in items:
        by_patient.setdefault(item.patient_id, []).append(item)
    told = []
    for own in by_patient.values():
        try:
            told += refused(own)
        except (BadPlan, UnfitPseudonym) as error:
            told.append((tuple(line for item in own for line in item.lines), error.rule))
    return told


def _items(check: Job) -> tuple[TransferStudy, ...]:
    tasks = check.tasks.filter(work=LookUpStudies.work).order_by("pk")
    return tuple(item for task in tasks for item in LookUpStudies.from_json(task.item).studies)


def _items_with_issuers(check: Job, *, only_found: bool) -> tuple[TransferStudy, ...]:
    """The studies of *check*, each with the issuer that the source names for it."""
    known = Line.objects.filter(job=check, **({"outcome": Outcome.FOUND} if only_found else {}))
    issuers = dict(known.values_list("number", "details__issuer"))
    return tuple(
        replace(item, issuer=issuers[item.lines[0]] or "") for item in _items(check) if item.lines[0] in issuers
    )
