"""Receipts: what became of a job, signed, so that whoever holds one can ask whether it is genuine.

There are two forms. The *internal* one names the studies as the source does. The one *for the
recipient* names them as they arrived, and neither the original ids nor who made the job.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from adit.accounts.models import User
from adit.accounts.verdict import ALLOWED, Verdict
from adit.audit.record import record
from adit.jobs.models import Entry, IssuedReceipt, Job
from adit.jobs.options import Options
from adit.jobs.progress import counts, totals
from adit.jobs.sent_before import SENT_BEFORE
from adit.jobs.states import JOB_ENDED, TaskStatus
from adit.transfer.items import SealArchive
from adit.transfer.ledger import NOT_SENT

VERSION = 1

MOST_STUDIES = 20
"""Studies that a receipt names one by one; it is to fit on one page. The sums are over all."""

_UID = re.compile(r"\b[0-2](\.(0|[1-9][0-9]*)){3,}\b")


class Form(StrEnum):
    """For whom a receipt is."""

    INTERNAL = "internal"
    RECIPIENT = "for the recipient"


class NoReceipt(Exception):
    """There is no receipt for what has not ended."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as it was given out.

    Attributes:
        content: What it says, as JSON.
        code: Proves number and content: only ADIT can make it.
    """

    number: int
    content: dict[str, Any]
    code: str


def can_have_receipt(job: Job) -> Verdict:
    """Whether there is a receipt for *job* by now."""
    if job.status in JOB_ENDED:
        return ALLOWED
    return Verdict.no(f"Job {job.pk} is {job.status}: a receipt says what became of it, so it has to end first.")


@transaction.atomic
def issue(job: Job, form: Form, *, by: User) -> Receipt:
    """Give out a receipt for *job*, which *by* may see, as it stands now.

    Raises:
        NoReceipt: It has not ended.
    """
    # Nothing may move while it is read.
    locked = Job.objects.select_for_update(of=("self",)).select_related("owner", "project").get(pk=job.pk)
    if not (answer := can_have_receipt(locked)):
        raise NoReceipt(answer.reason)
    content = _content(locked, form, by)
    issued = IssuedReceipt.objects.create(job=locked, content=content)
    issued.code = _code(_keys()[0], issued.pk, content)
    issued.save(update_fields=["code"])
    record(
        "receipt.issued",
        by=by,
        group=locked.group.name if locked.group else "",
        nodes=(locked.source_name, locked.destination_name),
        job=locked.pk,
        details={"number": issued.pk, "form": form.value},
    )
    return Receipt(issued.pk, content, issued.code)


def find_genuine(number: int, code: str) -> Receipt | None:
    """The genuine receipt that has this number and this code; None where there is none, or somebody changed it."""
    issued = IssuedReceipt.objects.filter(pk=number).first()
    if issued is None:
        return None
    given = _plain(code)
    for key in _keys():
        right = _code(key, issued.pk, issued.content)
        if hmac.compare_digest(_plain(right), given):
            return Receipt(issued.pk, issued.content, right)
    return None


def receipts_of(job: Job) -> list[Receipt]:
    """All receipts that were given out for *job*, the newest first. Whether they are genuine, `find_genuine` says."""
    return [Receipt(each.pk, each.content, each.code) for each in job.receipts.order_by("-pk")]


def _keys() -> list[bytes]:
    """A key from each of ADIT_SECRET_KEYS, the newest first: receipts outlive the key that signed them."""
    return [hmac.digest(key.encode(), b"receipt", "sha256") for key in settings.ADIT_SECRET_KEYS]


def _code(key: bytes, number: int, content: dict[str, Any]) -> str:
    signed = json.dumps([number, content], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    proof = hmac.new(key, signed.encode(), hashlib.sha256).digest()[:15]
    letters = base64.b32encode(proof).decode()
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def _plain(code: str) -> bytes:
    return re.sub(r"[\s-]", "", code).upper().encode()


def _content(job: Job, form: Form, by: User) -> dict[str, Any]:
    options, internal = Options.of(job), form is Form.INTERNAL
    treating = options.treating
    known = job.tasks.exclude(work=SealArchive.work)
    studies = list(_studies(job, form)) if known.exists() else []
    excluded, failed, unsent = _reasons(job)
    said = {
        "version": VERSION,
        "form": form.value,
        "issued": timezone.now().isoformat(timespec="seconds"),
        "job": job.pk,
        "kind": job.kind,
        "status": job.status,
        "created": job.created_at.isoformat(timespec="seconds"),
        "ended": job.ended_at.isoformat(timespec="seconds") if job.ended_at else None,
        "destination": job.destination_name,
        "project": job.project.name if job.project else None,
        "profile": f"{treating.profile['name']} {treating.profile['version']}" if treating else None,
        "tasks": dict(counts([job.pk])[job.pk]),
        "totals": asdict(totals(task__job=job)),
        "excluded": _told(excluded, form),
        "failed": _told(failed, form),
        "not_sent": _told(unsent, form),
        "studies_failed": _failed_as_a_whole(job, form),
        "doubts": _doubts(job),
        "accepted": [_accepted(row, form) for row in _accepting(job)],
        "studies": studies[:MOST_STUDIES],
        "more": max(0, known.count() - MOST_STUDIES),
    }
    if not internal:
        return said
    return said | {"source": job.source_name, "owner": job.owner.get_username(), "issued_by": by.get_username()}


def _studies(job: Job, form: Form) -> Iterator[dict[str, Any]]:
    """The first studies with their numbers, as the source or as the destination calls them."""
    sums = {name: Coalesce(Sum(f"entries__{name}"), 0) for name in ("stored", "confirmed", "excluded", "failed")}
    tasks: Any = (
        job.tasks.exclude(work=SealArchive.work)
        .annotate(
            expected=Coalesce(Sum("entries__expected"), 0),
            uncounted=Count("entries", filter=Q(entries__expected=None)),
            **sums,
        )
        .order_by("pk")[: MOST_STUDIES + 1]
    )
    new: dict[int, str] = {}
    if form is Form.RECIPIENT:
        rows = Entry.objects.filter(task__job=job).exclude(new_study_uid="").order_by("pk")
        new = dict(rows.values_list("task", "new_study_uid")[: 100 * MOST_STUDIES])
    treated = Options.of(job).treating is not None
    for task in tasks:
        name = task.study_uid
        if form is Form.RECIPIENT and treated:
            name = new.get(task.pk, "")
        yield {
            "study": name,
            "pseudonym": (task.item.get("pseudonym") or None) if form is Form.RECIPIENT else None,
            "status": task.status,
            "expected": None if task.uncounted else task.expected,
            **{name: getattr(task, name) for name in sums},
        }


def _reasons(job: Job) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Why instances stayed behind by a rule, why others that should have gone failed, and why some were not sent."""
    excluded, failed, unsent = Counter[str](), Counter[str](), Counter[str]()
    rows = Entry.objects.filter(task__job=job).exclude(reasons={}).order_by()
    for reasons, by_rule, count, lacking in rows.values_list(
        "reasons", "excluded_instances", "excluded", "failed"
    ).iterator(chunk_size=1000):
        open_ = reasons.pop(NOT_SENT, 0)
        unsent += Counter({NOT_SENT: open_})
        told_apart = count and (lacking or open_)
        rules = Counter((by_rule or {}).values()) if told_apart else Counter(reasons if count else {})
        excluded += rules
        failed += Counter(reasons) - rules
    return excluded, failed, unsent


def _failed_as_a_whole(job: Job, form: Form) -> list[list[Any]]:
    """Why studies failed before anything was known of their series, with how many. No more than fit on a page."""
    tasks = job.tasks.filter(status=TaskStatus.FAILURE, entries=None).exclude(message="").exclude(work=SealArchive.work)
    rows = list(tasks.order_by("pk").values_list("message", "patient_id", "item__pseudonym"))
    told = Counter(_cut(message, pseudonym) for message, _, pseudonym in rows)
    if form is Form.RECIPIENT or len(told) > MOST_STUDIES:
        # Alike but for whom they are about, they are one.
        told = Counter(_UID.sub("…", _cut(message, patient, pseudonym)) for message, patient, pseudonym in rows)
    if form is Form.RECIPIENT:
        named, told = told, Counter()
        for sentence, number in named.items():
            told[_cut(sentence, job.source_name, by="the source")] += number
    most = told.most_common(MOST_STUDIES)
    rest = told.total() - sum(number for _, number in most)
    return [[sentence, number] for sentence, number in most] + ([["other reasons", rest]] if rest else [])


def _doubts(job: Job) -> list[list[Any]]:
    """Why a destination may hold something else than was sent, each with the number of studies."""
    notes = job.tasks.filter(notes__icontains=SENT_BEFORE).order_by("pk").values_list("notes", flat=True)
    doubts = Counter(note for noted in notes for note in noted if note.startswith(SENT_BEFORE))
    return [[sentence, number] for sentence, number in doubts.most_common()]


def _cut(sentence: str, *values: str | None, by: str = "…") -> str:
    """*sentence* without *values*: what names a patient there, or joins him with his pseudonym."""
    for value in filter(None, values):
        sentence = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", by, sentence)
    return sentence


def _told(reasons: Counter[str], form: Form) -> list[list[Any]]:
    merged = Counter[str]()
    for reason, number in reasons.items():
        merged[reason if form is Form.INTERNAL else _UID.sub("…", reason)] += number
    return [[reason, number] for reason, number in merged.most_common()]


def _accepting(job: Job) -> Any:
    accepted = job.tasks.filter(accepted_at__isnull=False).order_by("accepted_at")
    return accepted.values("accepted_reason", "accepted_by", "accepted_at").annotate(count=Count("pk"))


def _accepted(row: dict[str, Any], form: Form) -> dict[str, Any]:
    """Reasons are free text of a person, so the recipient does not get them."""
    said = {"at": row["accepted_at"].isoformat(timespec="seconds"), "studies": row["count"]}
    return said | {"by": row["accepted_by"], "reason": row["accepted_reason"]} if form is Form.INTERNAL else said
