"""From a plan that pseudonymises to items that have their pseudonyms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from django.conf import settings

from adit.accounts.models import User
from adit.deid.keys import Key, Patient
from adit.deid.profile import DEFAULT, Dates, Profile
from adit.jobs.models import Job, Task
from adit.jobs.treating import Treating, patient_of
from adit.nodes.models import Node
from adit.nodes.secrets import Secret
from adit.projects.aliases import NoPseudonym, give_many, known_as, pseudonym_for
from adit.projects.approving import site_profile
from adit.projects.finding import find_project
from adit.projects.keys import revealed
from adit.projects.models import Project
from adit.transfer.batches.faults import of_lines
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan, Pseudonymising
from adit.transfer.pseudonyms import UnfitPseudonym, checked, unfit

_MOST_TOLD = 20
"""Patients about whom one error says something."""


class BadPlan(ValueError):
    """The plan cannot be carried out by anybody.

    Attributes:
        rule: The same as a sentence about no patient in particular.
    """

    def __init__(self, message: str = "", *, rule: str = "") -> None:
        super().__init__(message)
        self.rule = rule or message


def project_of(plan: Plan, *, by: User) -> Project | None:
    """The project that *plan* is made for, if any.

    Raises:
        UnknownProject: *by* knows none of this name.
    """
    name = plan.pseudonymising.project if plan.pseudonymising else plan.project
    return find_project(name, Project.objects.visible_to(by)) if name else None


def treating_of(plan: Plan, project: Project | None, source: Node) -> Treating | None:
    """What *plan* does to its studies; None when they go as they are.

    Raises:
        BadPlan: There is no such profile, or it does not go with the project or with what is asked for.
    """
    wanted = plan.pseudonymising
    if wanted is None:
        if any(item.pseudonym for item in plan.transfers):
            raise BadPlan("The plan has pseudonyms, but does not pseudonymise.")
        return None
    profile = _profile(wanted, project)
    if project is not None:
        _keep_dates_apart(profile, project)
    return Treating(
        profile.to_json(),
        profile.dates,
        source.id_domain,
        tuple(settings.ADIT_EXCLUDED_MODALITIES),
        wanted.unchecked_pixels,
        brought=bool(plan.transfers) and all(item.pseudonym for item in plan.transfers),
    )


def with_pseudonyms(
    plan: Plan, treating: Treating, *, project: Project | None, secret: Secret | None, by: User
) -> tuple[TransferStudy, ...]:
    """The items of *plan*, each with the pseudonym of its patient.

    Args:
        secret: The key of the job, where it has no project.

    Raises:
        BadPlan: A patient is unknown, gets two pseudonyms, or none; or two patients get the same.
        UnfitPseudonym: A pseudonym cannot be one, tells who the patient is, or is taken in the project.
    """
    patients, given, refused = _given(plan, treating, project=project, secret=secret, by=by)
    if refused:
        lines = _lines_of(zip(plan.transfers, patients, strict=True))
        raise _together([_about(error, lines[patient]) for patient, error in refused.items()])
    return tuple(
        replace(item, pseudonym=given[patient], treated=True, issuer=_issuer(item, patient))
        for item, patient in zip(plan.transfers, patients, strict=True)
    )


def refused_lines(
    plan: Plan, treating: Treating, *, project: Project | None, secret: Secret | None, by: User
) -> list[tuple[tuple[int, ...], str]]:
    """What `with_pseudonyms` has against single patients: the lines of each, and why as a sentence about nobody.

    Raises:
        BadPlan, UnfitPseudonym: As `with_pseudonyms`, where it is not about a single patient.
    """
    patients, _, refused = _given(plan, treating, project=project, secret=secret, by=by)
    lines = _lines_of(zip(plan.transfers, patients, strict=True))
    return [(lines[patient], error.rule) for patient, error in refused.items()]


def _given(
    plan: Plan, treating: Treating, *, project: Project | None, secret: Secret | None, by: User
) -> tuple[list[Patient], dict[Patient, str], dict[Patient, NoPseudonym | UnfitPseudonym]]:
    """The patient of every item, the pseudonyms of those who have one, and why the others have none."""
    wanted = plan.pseudonymising
    assert wanted is not None
    profile = Profile.from_json(treating.profile)
    patients = _patients(plan.transfers, treating.domain, profile)
    if project is not None:
        patients = _as_known(patients, project)
    asked = _asked_for(zip(plan.transfers, patients, strict=True))
    generate = wanted.generate or (project is not None and project.generates)
    if profile.pseudonyms_from_list and wanted.generate:
        raise BadPlan(f"The profile {profile.name} takes pseudonyms from a list only; it does not make any.")
    generate = generate and not profile.pseudonyms_from_list
    given: dict[Patient, str] = {}
    refused: dict[Patient, NoPseudonym | UnfitPseudonym] = {}
    known: Mapping[Patient, str] = {}
    if project is not None:
        known = give_many(project, {patient: asked.get(patient) for patient in patients}, by=by, generate=generate)
    for patient in dict.fromkeys(patients):
        brought = asked.get(patient)
        if patient in known and (brought is None or brought.casefold() == known[patient].casefold()):
            # Nothing is to be given: a file of thousands needs no question for each.
            given[patient] = known[patient]
            continue
        try:
            if project is not None:
                given[patient] = pseudonym_for(project, patient, brought, by=by, generate=generate)
            else:
                given[patient] = brought or _made(patient, secret, generate=generate)
        except (NoPseudonym, UnfitPseudonym) as error:
            refused[patient] = error
    return patients, given, refused


def _about(error: NoPseudonym | UnfitPseudonym, lines: tuple[int, ...]) -> ValueError:
    """*error* with the lines of the file that it is about."""
    kind = BadPlan if isinstance(error, NoPseudonym) else type(error)
    return kind(_with_lines(error, lines), rule=error.rule)


def _profile(wanted: Pseudonymising, project: Project | None) -> Profile:
    try:
        if project is None:
            return site_profile(wanted.profile or DEFAULT)
        frozen = Profile.from_json(project.profile) if project.profile else site_profile(project.profile_name)
        return frozen if wanted.profile in ("", frozen.name) else site_profile(wanted.profile)
    except ValueError as error:
        sentence = str(error)
        raise BadPlan(f"{sentence[:1].upper()}{sentence[1:]}.") from error


def _keep_dates_apart(profile: Profile, project: Project) -> None:
    """Two copies of a study, one with its dates and one with shifted ones, would give the shift away."""
    other = {Dates.KEEP: Dates.SHIFT, Dates.SHIFT: Dates.KEEP}.get(profile.dates)
    # Locked, so that of two jobs that are submitted at once the second sees the first.
    Project.objects.select_for_update().get(pk=project.pk)
    if other and Job.objects.filter(project=project, options__treating__dates=other.value).exists():
        kept, now = ("shifted", "keeps") if other is Dates.SHIFT else ("kept", "shifts")
        raise BadPlan(
            f"Project {project.name} has sent studies with {kept} dates, and the profile {profile.name} {now} them: "
            "together they would give the shift away. Make a project of its own for it."
        )


def _patients(items: Iterable[TransferStudy], domain: str, profile: Profile) -> list[Patient]:
    try:
        return [patient_of(item, domain, profile) for item in items]
    except ValueError as error:
        sentence = str(error)
        raise BadPlan(f"{sentence[:1].upper()}{sentence[1:]}.") from error


def _issuer(item: TransferStudy, patient: Patient) -> str:
    """That of *patient*; nobody issued an id that was made up for a study without one."""
    return patient.issuer if item.patient_id.strip("\0 ") else item.issuer


def _as_known(patients: list[Patient], project: Project) -> list[Patient]:
    """*patients*, with or without issuers as the project, or another item of the plan, knows them."""
    with_issuer: dict[tuple[str, str], set[Patient]] = {}
    for patient in patients:
        if patient.issuer:
            with_issuer.setdefault((patient.id, patient.domain), set()).add(patient)
    alike = [with_issuer.get((patient.id, patient.domain), set()) for patient in patients]
    named = [
        next(iter(others)) if not patient.issuer and len(others) == 1 else patient
        for patient, others in zip(patients, alike, strict=True)
    ]
    issuers: Iterable[str] = ()
    if not all(patient.issuer for patient in named):
        of_project = Task.objects.filter(job__project=project).exclude(item__issuer="").order_by()
        issuers = {issuer for issuer in of_project.values_list("item__issuer", flat=True).distinct() if issuer}
    try:
        same = known_as(project, dict.fromkeys(named), issuers=issuers)
    except NoPseudonym as error:
        raise BadPlan(str(error), rule=error.rule) from error
    return [same.get(patient, patient) for patient in named]


def _asked_for(items: Iterable[tuple[TransferStudy, Patient]]) -> dict[Patient, str]:
    """The pseudonyms that were brought, held against each other."""
    asked: dict[Patient, tuple[str, TransferStudy]] = {}
    owners: dict[str, tuple[Patient, TransferStudy]] = {}
    for item, patient in items:
        if not item.pseudonym:
            continue
        try:
            pseudonym = checked(item.pseudonym)
            unfit(pseudonym, patient_id=patient.id, name=item.patient_name)
        except UnfitPseudonym as error:
            raise type(error)(_with_lines(error, item.lines), rule=error.rule) from error
        before, first = asked.setdefault(patient, (pseudonym, item))
        if before != pseudonym:
            two = f"Patient {patient.id} would get two pseudonyms: '{before}' and '{pseudonym}'."
            raise BadPlan(_with_lines(two, first.lines + item.lines))
        owner, first = owners.setdefault(pseudonym.casefold(), (patient, item))
        if owner != patient:
            two = f"Two patients would get the pseudonym '{pseudonym}': {_both(owner, patient)}."
            raise BadPlan(_with_lines(two, first.lines + item.lines))
    return {patient: pseudonym for patient, (pseudonym, _) in asked.items()}


def _lines_of(items: Iterable[tuple[TransferStudy, Patient]]) -> dict[Patient, tuple[int, ...]]:
    lines: dict[Patient, tuple[int, ...]] = {}
    for item, patient in items:
        lines[patient] = (*lines.get(patient, ()), *item.lines)
    return lines


def _with_lines(said: object, lines: tuple[int, ...]) -> str:
    """A sentence with the lines of the file that it is about."""
    return f"{str(said).removesuffix('.')} ({of_lines(sorted(lines))})." if lines else str(said)


def _together(errors: list[ValueError]) -> ValueError:
    """All that is wrong as one error: the first, which says the sentences of the others too."""
    if len(errors) == 1:
        return errors[0]
    told = [str(error) for error in errors[:_MOST_TOLD]]
    more = len(errors) - len(told)
    return type(errors[0])(" ".join(told) + (f" And {more} more like these." if more else ""))


def _both(one: Patient, other: Patient) -> str:
    names = [patient.id for patient in (one, other)]
    if one.id == other.id:
        names = [f"{patient.id} of {patient.issuer or 'no issuer'}" for patient in (one, other)]
    return " and ".join(names)


def _made(patient: Patient, secret: Secret | None, *, generate: bool) -> str:
    if not generate or secret is None:
        raise NoPseudonym(f"Patient {patient.id} has no pseudonym: give one, or let it be generated.")
    return Key(revealed(secret)).pseudonym_of(patient)
