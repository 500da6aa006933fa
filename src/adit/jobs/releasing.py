"""Letting an attribute pass in which the tripwire found an identifier: by a person's decision, for one job."""

from __future__ import annotations

import re
from dataclasses import replace

from django.contrib.auth.models import Group
from django.db import transaction

from adit.accounts.models import User
from adit.accounts.permitting import has_permission
from adit.accounts.verdict import ALLOWED, Verdict
from adit.audit.record import record
from adit.dicom.query import BadQuery, parse_keyword
from adit.jobs.models import Job
from adit.jobs.options import Options
from adit.jobs.signals import changed

_STEP = r"\([0-9A-F]{4},[0-9A-F]{4}\)"
_PATH = re.compile(rf"{_STEP}(\.{_STEP})*")
_ITEM = re.compile(r"\[\d+\]")


class CannotRelease(ValueError):
    """The attribute cannot be released in this job."""


def may_release(job: Job, user: User, group: Group | None) -> Verdict:
    """Whether *user*, acting in *group*, may let attributes of *job* pass."""
    if not has_permission(user, group, "jobs.can_release_tripwire"):
        return Verdict.no(
            f"{user.get_username()} may not release what stopped job {job.pk}; an administrator can permit it."
        )
    return ALLOWED


@transaction.atomic
def release(job: Job, attribute: str, *, by: User) -> Job:
    """Let *attribute* pass in *job* although an identifier was found in it. What was stopped goes with a retry.

    Args:
        attribute: The path that the ledger names, e.g. `(0040,A730).(0040,A160)`, in whichever item; or a keyword.

    Raises:
        Denied: *by* may not.
        CannotRelease: It is no attribute, or the job does not pseudonymise.
    """
    may_release(job, by, by.active_group).require()
    path = _path(attribute)
    locked = Job.objects.select_for_update().get(pk=job.pk)
    options = Options.of(locked)
    if options.treating is not None and not options.treating.readable:
        raise CannotRelease(f"What job {job.pk} does to its studies cannot be read by this release.")
    if options.treating is None:
        raise CannotRelease(f"Job {job.pk} does not pseudonymise, so nothing was stopped in it.")
    released = tuple(dict.fromkeys((*options.treating.released, path)))
    locked.options = replace(options, treating=replace(options.treating, released=released)).to_json()
    locked.save(update_fields=["options"])
    changed(job.pk)
    record(
        "job.attribute_released",
        by=by,
        group=job.group.name if job.group else "",
        nodes=(job.source_name, job.destination_name),
        job=job.pk,
        details={"attribute": path},
    )
    return locked


def _path(attribute: str) -> str:
    written = _ITEM.sub("", attribute.strip().upper().replace(" ", ""))
    if _PATH.fullmatch(written):
        return written
    from pydicom.datadict import tag_for_keyword  # noqa: PLC0415  its table is large

    try:
        tag = tag_for_keyword(parse_keyword(attribute))
    except BadQuery as error:
        raise CannotRelease(
            f"'{attribute[:64]}' is no attribute: name its path as the job's ledger does, such as (0008,103E)."
        ) from error
    assert tag is not None
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
