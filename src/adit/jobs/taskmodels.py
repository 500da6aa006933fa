"""What jobs consist of, and what the queue sorts by. Part of `jobs.models`, from where all is imported."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, Lower

from adit.accounts.models import User
from adit.jobs import states
from adit.jobs.states import TaskStatus
from adit.nodes.models import Node

# Plain text, so that migrations do not depend on the enumerations of today.
_TASK_ENDED = sorted(status.value for status in states.TASK_ENDED)
_SENDING_NOTHING = ["find_studies", "look_up_studies", "sweep_window"]


class TaskQuerySet(models.QuerySet["Task"]):
    def visible_to(self, user: User) -> TaskQuerySet:
        return self if user.is_staff else self.filter(owner=user)

    def pending(self) -> TaskQuerySet:
        return self.filter(status=TaskStatus.PENDING)

    def in_progress(self) -> TaskQuerySet:
        return self.filter(status=TaskStatus.IN_PROGRESS)

    def ended(self) -> TaskQuerySet:
        return self.filter(status__in=_TASK_ENDED)

    def claimable(self) -> TaskQuerySet:
        """Those that wait for nothing but a place: no verification, no later time."""
        return self.pending().filter(held=False, not_before=None)

    def mine(self, worker: str, task: int, claim: int) -> TaskQuerySet:
        """The task, as long as this claim of this worker holds; every write of a worker goes through it."""
        return self.in_progress().filter(pk=task, worker=worker, claim=claim)


class Task(models.Model):
    """One unit of work and of retrying.

    What the queue sorts by and filters on is copied from the job, so that a claim reads one index.

    Attributes:
        parent: The task that planned this one, as long as it is there.
        destination: None for what sends nothing.
        work: Which form of item it holds, e.g. "transfer_study".
        part: Which part of the job it is, where no study tells; no two tasks of a job share it.
        accession_number: Of the study, as the source said it when the study was looked at.
        item: The item as JSON; the class of this form of item reads it.
        interactive: Somebody waits for it, see `Kind.interactive`.
        held: Its job is not verified yet.
        claim: Grows by one with every claim and never goes back: together with *worker* the fence
            that keeps a worker which lost its lease from writing.
        attempts: Claims since it was submitted or restarted, for people and for "again".
        failures: Attempts that failed transiently, since it was submitted, retried, resumed or restarted.
        not_before: It waits until then, because of *waits_because*.
        stop_requested_at: Somebody wants the running task to stop.
        worker: Who runs it; empty unless in progress.
        seconds: From the last claim to settled, without the time for confirming.
        notes: What concerns the study as a whole and changes no number.
        lines: Of the batch file, counted from 1.
        accepted_reason: Why somebody calls it complete although the ledger does not; empty for no such word.
        accepted_by: The name of who said so.
    """

    job = models.ForeignKey("Job", on_delete=models.CASCADE, related_name="tasks")
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey(Node, on_delete=models.SET_NULL, null=True, related_name="+")
    destination = models.ForeignKey(Node, on_delete=models.SET_NULL, null=True, related_name="+")
    work = models.CharField(max_length=32)
    part = models.CharField(max_length=64, blank=True, default="")
    study_uid = models.CharField(max_length=64, blank=True)
    patient_id = models.TextField(blank=True, default="")
    accession_number = models.TextField(blank=True, default="", db_default="")
    item = models.JSONField()
    lines = ArrayField(models.IntegerField(), default=list, blank=True)

    status = models.CharField(max_length=16, choices=[(s.value, s.value) for s in TaskStatus])
    message = models.TextField(blank=True, default="")
    notes = models.JSONField(default=list, blank=True)
    priority = models.SmallIntegerField()
    interactive = models.BooleanField()
    held = models.BooleanField(default=False)
    not_before = models.DateTimeField(null=True, blank=True)
    waits_because = models.TextField(blank=True, default="")

    claim = models.BigIntegerField(default=0)
    attempts = models.IntegerField(default=0)
    failures = models.IntegerField(default=0)
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    worker = models.TextField(blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    accepted_reason = models.TextField(blank=True, default="")
    accepted_by = models.TextField(blank=True, default="")
    accepted_at = models.DateTimeField(null=True, blank=True)

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(
                "priority",
                "interactive",
                "owner",
                "source",
                Coalesce("destination", 0),
                "id",
                condition=Q(status=TaskStatus.PENDING.value, held=False, not_before=None),
                name="task_lane",
            ),
            models.Index(
                "not_before",
                condition=Q(status=TaskStatus.PENDING.value, not_before__isnull=False),
                name="task_delayed",
            ),
            models.Index("worker", condition=Q(status=TaskStatus.IN_PROGRESS.value), name="task_running"),
            models.Index("job", "status", name="task_of_job"),
            models.Index("job", "id", name="task_in_order"),
            models.Index("ended_at", condition=Q(ended_at__isnull=False), name="task_ended"),
            models.Index("study_uid", name="task_study"),
            models.Index("patient_id", condition=~Q(patient_id=""), name="task_patient"),
            models.Index("accession_number", condition=~Q(accession_number=""), name="task_accession"),
            models.Index(Lower(KeyTextTransform("pseudonym", "item")), name="task_pseudonym"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["job", "work", "source", "study_uid", "part"], name="task_once_per_study"),
            models.CheckConstraint(
                condition=Q(status__in=[status.value for status in TaskStatus]), name="task_status_is_known"
            ),
            models.CheckConstraint(
                condition=(Q(status=TaskStatus.IN_PROGRESS.value, lease_until__isnull=False) & ~Q(worker=""))
                | (~Q(status=TaskStatus.IN_PROGRESS.value) & Q(lease_until=None, worker="", stop_requested_at=None)),
                name="task_in_progress_has_a_worker",
            ),
            models.CheckConstraint(
                condition=Q(status__in=_TASK_ENDED, ended_at__isnull=False)
                | (~Q(status__in=_TASK_ENDED) & Q(ended_at=None)),
                name="task_ended_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(status__in=_TASK_ENDED)
                | (Q(source__isnull=False) & (Q(destination__isnull=False) | Q(work__in=_SENDING_NOTHING))),
                name="task_has_nodes_until_it_ended",
            ),
            models.CheckConstraint(
                condition=Q(not_before=None) | Q(status=TaskStatus.PENDING.value), name="task_waits_only_when_pending"
            ),
            models.CheckConstraint(condition=Q(failures__lte=F("attempts")), name="task_fails_once_an_attempt"),
            models.CheckConstraint(
                condition=Q(accepted_reason="", accepted_by="", accepted_at=None)
                | (Q(status=TaskStatus.SUCCESS.value, accepted_at__isnull=False) & ~Q(accepted_reason="")),
                name="task_accepted_with_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"task {self.pk}"
