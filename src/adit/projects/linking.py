"""Who is behind the pseudonyms of a project: for members who may link, every look audited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Lower

from adit.accounts.models import User
from adit.accounts.verdict import ALLOWED, Verdict
from adit.audit.record import record
from adit.deid.keys import Key
from adit.dicom.refs import UID
from adit.projects.aliases import original_of
from adit.projects.keys import key_of
from adit.projects.models import Alias, Project


@dataclass(frozen=True, slots=True)
class PatientLink:
    """One line of the linking list. Its fields are the columns of the files that are written."""

    pseudonym: str
    patient_id: str
    issuer: str
    domain: str


@dataclass(frozen=True, slots=True)
class UidLink:
    """An original UID, and what it is called under the key of the project."""

    original_uid: str
    new_uid: str


def may_link(project: Project, user: User) -> Verdict:
    """Whether *user* may look up who is behind the pseudonyms of *project*. The local administrator may."""
    if not user.is_active:
        return Verdict.no(f"The account {user.get_username()} is deactivated; an administrator can activate it.")
    if user.is_local_administrator or project.members.filter(user=user, may_link=True).exists():
        return ALLOWED
    return Verdict.no(f"{user.get_username()} may not link in project {project.name}; an administrator can permit it.")


@transaction.atomic
def patients_of(project: Project, *, by: User) -> list[PatientLink]:
    """The linking list of *project*, by pseudonym. The look is audited.

    Raises:
        Denied: *by* may not link.
        NoKey: It was destroyed.
        WrongKey: None of ADIT_SECRET_KEYS decrypts who they are.
    """
    may_link(project, by).require()
    key_of(project)
    found = sorted(_links(project), key=lambda link: link.pseudonym)
    record("project.linked", by=by, details={"project": project.name, "patients": len(found)})
    return found


@transaction.atomic
def some_patients_of(project: Project, *, by: User, after: str, most: int, like: str = "") -> list[PatientLink]:
    """Up to *most* lines of the linking list, those whose pseudonym comes behind *after*. The look is audited.

    Args:
        like: Only pseudonyms that hold this text, whatever its capitals; empty for all.

    Raises:
        Denied: *by* may not link.
        NoKey: It was destroyed.
        WrongKey: None of ADIT_SECRET_KEYS decrypts who they are.
    """
    may_link(project, by).require()
    key_of(project)
    rows = project.aliases.exclude(digest=None).annotate(place=Lower("pseudonym")).filter(place__gt=after.lower())
    found = list(_linked(rows.filter(pseudonym__icontains=like).order_by("place")[:most]))
    record("project.linked", by=by, details={"project": project.name, "patients": len(found)})
    return found


@transaction.atomic
def uids_of(project: Project, originals: list[UID], *, by: User) -> list[UidLink]:
    """What study, series or instance UIDs are called under the key of *project*. The look is audited.

    Raises:
        Denied: *by* may not link.
        NoKey, UnreadableKey: Nothing can be derived.
    """
    may_link(project, by).require()
    key = Key(key_of(project))
    record("project.linked", by=by, details={"project": project.name, "uids": [str(uid) for uid in originals]})
    return [UidLink(uid, key.uid(uid)) for uid in originals]


def _links(project: Project) -> Iterator[PatientLink]:
    return _linked(project.aliases.all())


def _linked(aliases: Iterable[Alias]) -> Iterator[PatientLink]:
    for alias in aliases:
        if (patient := original_of(alias)) is not None:
            yield PatientLink(alias.pseudonym, patient.id, patient.issuer, patient.domain)
