"""One patient, one pseudonym: the table of a project's pseudonyms, which is right whoever writes at the same time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace

from django.db import IntegrityError, transaction

from adit.accounts.models import User
from adit.audit.record import record
from adit.deid.keys import Key, Patient
from adit.projects.keys import key_of
from adit.projects.models import Alias, Project
from adit.transfer.pseudonyms import UnfitPseudonym, checked, unfit

_ROWS_AT_ONCE = 500


class Taken(UnfitPseudonym):
    """Patient and pseudonym do not belong together in this project; the text names what the caller brought, no more."""


class NoPseudonym(ValueError):
    """The patient has no pseudonym in the project, none was given and none may be made."""


@transaction.atomic
def pseudonym_for(
    project: Project, patient: Patient, wanted: str | None = None, *, by: User, generate: bool = False, name: str = ""
) -> str:
    """The pseudonym of *patient* in *project*, from now on for good.

    The one that the patient has; else *wanted*; else the next free one of a given list; else one that is made.

    Args:
        generate: One may be made from the project's key.
        name: PatientName, where it is known: a pseudonym must not hold a part of it.

    Raises:
        UnfitPseudonym: *wanted* cannot be a pseudonym, or tells who the patient is.
        Taken: *wanted* is that of another patient, or the patient has another one.
        NoPseudonym: There is none, and none may be made.
        NoKey, UnreadableKey: Nothing can be derived.
    """
    key = Key(key_of(project))
    if wanted is not None:
        wanted = checked(wanted)
    digest = key.patient_digest(patient)
    has = _pseudonym_of(project, digest)
    if has is None:
        has = _give(project, patient, digest, wanted, key if generate else None, by=by)
        if has != key.pseudonym_of(patient):
            # One that was made may hold three letters of a name by chance; it tells nothing.
            unfit(has, patient_id=patient.id, name=name)
    if wanted is not None and has.casefold() != wanted.casefold():
        raise Taken(
            f"Patient {patient.id} has another pseudonym than '{wanted}' in project {project.name} already; "
            "leave it out, and the known one is taken."
        )
    return has


def known_as(project: Project, patients: Iterable[Patient], *, issuers: Iterable[str]) -> dict[Patient, Patient]:
    """Those of *patients* whom the project knows by the same id with an issuer more, or one less.

    Files name no issuers, and not every server does. Two ids of different issuers are two patients; an id without one
    is the patient whom the project knows by this id.

    Args:
        issuers: That may have given ids which the project knows.

    Raises:
        NoPseudonym: An id without issuer is known from several.
        NoKey, UnreadableKey: Nothing can be derived.
    """
    key = Key(key_of(project))
    others = {
        patient: [replace(patient, issuer=issuer) for issuer in ([""] if patient.issuer else sorted(set(issuers)))]
        for patient in patients
    }
    digests = {form: key.patient_digest(form) for patient, forms in others.items() for form in (patient, *forms)}
    known = project.aliases.filter(digest__in=list(digests.values())).values_list("digest", flat=True)
    found = {bytes(digest) for digest in known if digest is not None}
    same = {}
    for patient, forms in others.items():
        if digests[patient] in found:
            continue
        there = [form for form in forms if digests[form] in found]
        if len(there) > 1:
            raise NoPseudonym(
                f"Patient {patient.id} is known in project {project.name} from {len(there)} issuers of ids, and it is "
                "not said which is meant."
            )
        if there:
            same[patient] = there[0]
    return same


def known_pseudonyms(project: Project, patients: Iterable[Patient]) -> dict[Patient, str]:
    """The pseudonyms of those of *patients* who have one in *project*.

    Raises:
        NoKey, UnreadableKey: Nothing can be derived.
    """
    key = Key(key_of(project))
    digests = {key.patient_digest(patient): patient for patient in patients}
    known = project.aliases.filter(digest__in=list(digests)).values_list("digest", "pseudonym")
    return {digests[bytes(digest)]: pseudonym for digest, pseudonym in known if digest is not None}


@transaction.atomic
def give_many(project: Project, wanted: Mapping[Patient, str | None], *, by: User) -> None:
    """Give those of many patients a pseudonym who have none, all at once: the one wanted, else one that is made.

    Those about whom something is to be said, because a pseudonym is taken, have none afterwards, either; and none is
    given while the project's list has free ones: `pseudonym_for` knows what to do about them.

    Args:
        wanted: Fit to be pseudonyms; None for no wish.

    Raises:
        NoKey, UnreadableKey: Nothing can be derived.
    """
    known = known_pseudonyms(project, wanted)
    new = [patient for patient in wanted if patient not in known]
    if not new or project.aliases.filter(digest=None).exists():
        return
    key = Key(key_of(project))
    Alias.objects.bulk_create(
        (
            Alias(
                project=project,
                digest=key.patient_digest(patient),
                original=json.dumps(asdict(patient)),
                pseudonym=wanted[patient] or key.pseudonym_of(patient),
            )
            for patient in new
        ),
        batch_size=_ROWS_AT_ONCE,
        # Somebody may have been faster, or has one of them already.
        ignore_conflicts=True,
    )
    for patient in known_pseudonyms(project, new):
        record("project.pseudonym_given", by=by, patient_id=patient.id, details={"project": project.name})


def add_free(project: Project, pseudonyms: Iterable[str], *, by: User) -> int:
    """Put *pseudonyms*, which no patient has yet, at the end of the project's list. Known ones are passed over.

    Returns:
        How many were new.

    Raises:
        UnfitPseudonym: One cannot be a pseudonym; nothing was added.
    """
    wanted: dict[str, str] = {}
    for pseudonym in map(checked, pseudonyms):
        wanted.setdefault(pseudonym.casefold(), pseudonym)
    with transaction.atomic():
        before = project.aliases.count()
        Alias.objects.bulk_create(
            (Alias(project=project, pseudonym=pseudonym) for pseudonym in wanted.values()), ignore_conflicts=True
        )
        added = project.aliases.count() - before
        record("project.pseudonyms_imported", by=by, details={"project": project.name, "free": added})
    return added


def original_of(alias: Alias) -> Patient | None:
    """Who is behind *alias*; None for a free one.

    Raises:
        WrongKey: None of ADIT_SECRET_KEYS decrypts it.
    """
    return None if alias.original is None else Patient(**json.loads(alias.original.reveal()))


def _pseudonym_of(project: Project, digest: bytes) -> str | None:
    return project.aliases.filter(digest=digest).values_list("pseudonym", flat=True).first()


def _give(
    project: Project, patient: Patient, digest: bytes, wanted: str | None, generating: Key | None, *, by: User
) -> str:
    original = json.dumps(asdict(patient))
    pseudonym = wanted or _next_free(project, digest, original)
    if pseudonym is None and generating is not None:
        pseudonym = generating.pseudonym_of(patient)
        wanted = pseudonym
    if pseudonym is None:
        raise NoPseudonym(
            f"Patient {patient.id} has no pseudonym in project {project.name}: give one, or let it be generated."
        )
    if wanted is not None:
        try:
            with transaction.atomic():
                _write(project, digest, original, pseudonym)
        except IntegrityError:
            # Somebody was faster: with the same patient, which is well, or with the same pseudonym.
            if (has := _pseudonym_of(project, digest)) is not None:
                return has
            raise Taken(
                f"The pseudonym '{pseudonym}' belongs to another patient in project {project.name} already."
            ) from None
    record("project.pseudonym_given", by=by, patient_id=patient.id, details={"project": project.name})
    return pseudonym


def _write(project: Project, digest: bytes, original: str, pseudonym: str) -> None:
    given = Alias.objects.filter(project=project, digest=None, pseudonym__iexact=pseudonym)
    filled = Alias(project=project, digest=digest, original=original, pseudonym=pseudonym)
    # A free one of the list may be asked for by name.
    if not given.update(digest=digest, original=filled.original):
        filled.save(force_insert=True)


def _next_free(project: Project, digest: bytes, original: str) -> str | None:
    with transaction.atomic():
        free = project.aliases.filter(digest=None).select_for_update(skip_locked=True).first()
        if free is None:
            return None
        free.digest, free.original = digest, original
        try:
            with transaction.atomic():
                free.save(update_fields=["digest", "original"])
        except IntegrityError:
            # The patient got one from somebody else in this moment.
            return _pseudonym_of(project, digest)
        return free.pseudonym
