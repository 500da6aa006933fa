"""Which pseudonym a patient would get in a project, before anything is sent. Nothing is written down but the look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction

from adit.accounts.models import User
from adit.audit.record import record
from adit.deid.keys import Key, Patient
from adit.projects.keys import key_of
from adit.projects.linking import may_link
from adit.projects.models import Project


@transaction.atomic
def proposals(project: Project, patients: Iterable[Patient], *, by: User, made: bool) -> Mapping[Patient, str]:
    """The pseudonym that each of *patients* has, else will be given. A look at who is behind pseudonyms: audited.

    Args:
        made: One is made from the project's key where the patient has none and no list has a free one.

    Raises:
        Denied: *by* may not link.
        NoKey, UnreadableKey: Nothing can be derived.
    """
    may_link(project, by).require()
    key = Key(key_of(project))
    wanted = {key.patient_digest(patient): patient for patient in patients}
    rows = project.aliases.filter(digest__in=wanted).values_list("digest", "pseudonym")
    known = {wanted[bytes(digest)]: pseudonym for digest, pseudonym in rows if digest is not None}
    free = iter(project.aliases.filter(digest=None).values_list("pseudonym", flat=True)[: len(wanted)])
    found: dict[Patient, str] = {}
    for patient in wanted.values():
        pseudonym = known.get(patient) or next(free, "") or (key.pseudonym_of(patient) if made else "")
        if pseudonym:
            found[patient] = pseudonym
    record("project.linked", by=by, details={"project": project.name, "patients": len(found), "before": "sending"})
    return found
