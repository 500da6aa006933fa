"""Two presses of one button make one job: what is sent from a file, a check or a form is looked at under a lock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.crypto import salted_hmac

from adit.accounts.models import User
from adit.jobs.kinds.batch import BATCH_TRANSFER
from adit.jobs.models import BatchFile, Job, JobQuerySet
from adit.transfer.plan import Plan

_SALT = "adit.jobs.once"


class SentAlready(Exception):
    """The same was sent before.

    Attributes:
        job: Which it became.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(f"This was sent already, as job {job.pk}.")
        self.job = job


def pressed_once(plan: Plan, value: str, *, by: User) -> Plan:
    """*plan* as *by* sends it from the form that holds *value*, which no other form does.

    What is changed in a form and sent again is another order. An empty *value* promises nothing.
    """
    if not value:
        return plan
    # Not for others to read or to guess: a plan holds who the patients are.
    said = "\0".join((str(by.pk), value, repr(replace(plan, once="")), plan.archive_password))
    return replace(plan, once=salted_hmac(_SALT, said, algorithm="sha256").hexdigest())


def require_new(plan: Plan, *, known: int = 0) -> None:
    """See that *plan* was not sent before, and that nobody else sends it before the transaction ends.

    Plans of one file, or of one check, are the same if their kind and their nodes are; those of forms if they carry
    the same `Plan.once`.

    Args:
        known: Number of the last job made so that whoever sends knows of: those up to it do not count.

    Raises:
        SentAlready: It was.
    """
    first = _of_form(plan) if plan.once else _of_file_or_check(plan, known)
    if first is not None:
        raise SentAlready(first)


def sent_from(check: Job) -> JobQuerySet:
    """The jobs that sent what *check* was made for, from its own page or from that of its file; the last one first."""
    so = Q(kind=BATCH_TRANSFER.key, source_name=check.source_name, destination_name=check.destination_name)
    same = Q(from_check=check)
    if check.file_id:
        same |= Q(file=check.file_id)
    return Job.objects.filter(so, same).newest_first()


def _of_form(plan: Plan) -> Job | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [plan.once])
    return Job.objects.filter(once=plan.once).first()


def _of_file_or_check(plan: Plan, known: int) -> Job | None:
    same = Q(pk__in=[])
    if plan.check:
        _lock(Job.objects.filter(pk=plan.check))
        same |= Q(from_check=plan.check)
    if plan.file:
        _lock(BatchFile.objects.filter(pk=plan.file))
        same |= Q(file=plan.file)
    so = Q(kind=plan.kind, source_name=plan.source, destination_name=plan.destination, pk__gt=known)
    return Job.objects.filter(so, same).order_by("pk").first()


def _lock(rows: QuerySet[Any]) -> None:
    # What refers to the rows, as a job does that is made meanwhile, need not wait.
    list(rows.select_for_update(no_key=True).values_list("pk"))
