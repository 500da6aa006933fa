"""One patient, one pseudonym: the table of a project's pseudonyms, which is right whoever writes at the same time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, transaction
from django.db.models import BinaryField, BooleanField, F, Func, Value

from adit.accounts.models import User
from adit.audit.many import insert_all, update_all
from adit.audit.models import Event
from adit.audit.record import event, record, record_all
from adit.deid.keys import Key, Patient
from adit.projects.keys import key_of
from adit.projects.models import Alias, Project
from adit.transfer.pseudonyms import UnfitPseudonym, checked, unfit


class Taken(UnfitPseudonym):
    """Patient and pseudonym do not belong together in this project; the text names what the caller brought, no more."""


class NoPseudonym(ValueError):
    """The patient has no pseudonym in the project, none was given and none may be made.

    Attributes:
        rule: The same as a sentence about no patient in particular: so that the same mistakes are told as one.
    """

    def __init__(self, message: str = "", *, rule: str = "") -> None:
        super().__init__(message)
        self.rule = rule or message


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
            "leave it out, and the known one is taken.",
            rule=f"The patient has another one in project {project.name} already; leave it out, and that is taken.",
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
    known = project.aliases.filter(_any_of(digests.values())).values_list("digest", flat=True)
    found = {bytes(digest) for digest in known if digest is not None}
    same = {}
    for patient, forms in others.items():
        if digests[patient] in found:
            continue
        there = [form for form in forms if digests[form] in found]
        if len(there) > 1:
            raise NoPseudonym(
                f"Patient {patient.id} is known in project {project.name} from {len(there)} issuers of ids, and it is "
                "not said which is meant.",
                rule=f"The patient is known in project {project.name} from several issuers of ids, and it is not said "
                "which is meant.",
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
    known = project.aliases.filter(_any_of(digests)).values_list("digest", "pseudonym")
    return {digests[bytes(digest)]: pseudonym for digest, pseudonym in known if digest is not None}


def _any_of(digests: Iterable[bytes]) -> Func:
    """As one value: a file may name a hundred thousand patients."""
    wanted = Func(Value(list(digests), ArrayField(BinaryField())), function="ANY", output_field=BinaryField())
    return Func(F("digest"), wanted, template="%(expressions)s", arg_joiner=" = ", output_field=BooleanField())


@transaction.atomic
def give_many(
    project: Project, wanted: Mapping[Patient, str | None], *, by: User, generate: bool
) -> dict[Patient, str]:
    """Give those of many patients a pseudonym who have none, all at once, as `pseudonym_for` would.

    Those about whom something is to be said, because a pseudonym is taken, unfit or missing, have none afterwards,
    either: `pseudonym_for` knows what.

    Args:
        wanted: Fit to be pseudonyms; None for no wish.

    Returns:
        The pseudonyms of those who have one now.

    Raises:
        NoKey, UnreadableKey: Nothing can be derived.
    """
    known = known_pseudonyms(project, wanted)
    new = {patient: wish for patient, wish in wanted.items() if patient not in known}
    if not new:
        return known
    key = Key(key_of(project))
    listed = _taken_from_list(project, new, key)
    made = ((patient, wish or key.pseudonym_of(patient)) for patient, wish in new.items() if wish or generate)
    insert_all(
        (
            Alias(
                project=project,
                digest=key.patient_digest(patient),
                original=_written(patient),
                pseudonym=pseudonym,
            )
            for patient, pseudonym in made
            if patient not in listed
        ),
        # Somebody may have been faster, or has one of them already.
        ignore_conflicts=True,
    )
    given = known_pseudonyms(project, new)
    record_all(_given(project, patient, by=by) for patient in given)
    return known | given


def _taken_from_list(project: Project, new: Mapping[Patient, str | None], key: Key) -> set[Patient]:
    """Give free pseudonyms of the project's list: the ones that are wished for, and the others in their order.

    Returns:
        Those whom the list is there for, also where its pseudonym does not do.
    """
    locked = project.aliases.filter(digest=None).select_for_update(skip_locked=True)
    free = {alias.pseudonym.casefold(): alias for alias in locked}
    wished = [(patient, free.pop(wish.casefold())) for patient, wish in new.items() if wish and wish.casefold() in free]
    others = list(zip((patient for patient, wish in new.items() if not wish), free.values(), strict=False))
    filled = [*wished, *((patient, alias) for patient, alias in others if _is_fit(alias.pseudonym, patient))]
    for patient, alias in filled:
        alias.digest, alias.original = key.patient_digest(patient), _written(patient)
    try:
        with transaction.atomic():
            update_all((alias for _, alias in filled), ("digest", "original"))
    except IntegrityError:
        # One of them got one from somebody else in this moment: each for himself, then.
        pass
    return {patient for patient, _ in (*wished, *others)}


def _is_fit(pseudonym: str, patient: Patient) -> bool:
    try:
        unfit(pseudonym, patient_id=patient.id)
    except UnfitPseudonym:
        return False
    return True


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


def _written(patient: Patient) -> str:
    return json.dumps({"id": patient.id, "issuer": patient.issuer, "domain": patient.domain})


def _pseudonym_of(project: Project, digest: bytes) -> str | None:
    return project.aliases.filter(digest=digest).values_list("pseudonym", flat=True).first()


def _give(
    project: Project, patient: Patient, digest: bytes, wanted: str | None, generating: Key | None, *, by: User
) -> str:
    original = _written(patient)
    pseudonym = wanted or _next_free(project, digest, original)
    if pseudonym is None and generating is not None:
        pseudonym = generating.pseudonym_of(patient)
        wanted = pseudonym
    if pseudonym is None:
        raise NoPseudonym(
            f"Patient {patient.id} has no pseudonym in project {project.name}: give one, or let it be generated.",
            rule=f"The patient has none in project {project.name}: give one, or let it be generated.",
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
                f"The pseudonym '{pseudonym}' belongs to another patient in project {project.name} already.",
                rule=f"It belongs to another patient in project {project.name} already.",
            ) from None
    record_all([_given(project, patient, by=by)])
    return pseudonym


def _given(project: Project, patient: Patient, *, by: User) -> Event:
    return event("project.pseudonym_given", by=by, patient_id=patient.id, details={"project": project.name})


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
