"""Jobs, their tasks, and the ledger of what became of every series."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, Lower, Now

from adit.accounts.models import User
from adit.jobs import states
from adit.jobs.states import JobStatus, TaskStatus
from adit.nodes.models import Node
from adit.nodes.secrets import EncryptedTextField
from adit.projects.models import Project

# Plain text, so that migrations do not depend on the enumerations of today.
_TASK_ENDED = sorted(status.value for status in states.TASK_ENDED)
_JOB_ENDED = sorted(status.value for status in states.JOB_ENDED)
_SENDING_NOTHING = ["find_studies", "look_up_studies", "sweep_window"]


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, user: User) -> JobQuerySet:
        """The jobs that *user* may know of: the own ones, for staff all."""
        return self if user.is_staff else self.filter(owner=user)

    def ended(self) -> JobQuerySet:
        return self.filter(status__in=_JOB_ENDED)

    def unfinished(self) -> JobQuerySet:
        return self.exclude(status__in=_JOB_ENDED)

    def newest_first(self) -> JobQuerySet:
        return self.order_by("-pk")


class Job(models.Model):
    """What a user asked for. Its number is its id.

    Attributes:
        group: In whose name it was made; its access to nodes counts for as long as the job lives.
        source_name, destination_name: Frozen, so that a job can be read when its node is gone; no destination for
            what sends nothing.
        status: Follows from the tasks, see `states.job_status`; written by `settling` only.
        message: What became of it, for a person; empty until it ended.
        project: What it is made for, where it is made for one.
        options: How its destination gets what is transferred, as `jobs.options.Options` reads it; JSON.
        archive_password: Until the job has ended well.
        secret: The key of a job that pseudonymises without a project; `projects.keys` says how it is kept.
        description, ethics_number: What it is made for, in the owner's words.
        file: From whose lines it was made.
    """

    kind = models.CharField(max_length=32)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="jobs")
    group = models.ForeignKey(Group, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    source_name = models.TextField()
    destination_name = models.TextField(blank=True)
    status = models.CharField(max_length=16, choices=[(s.value, s.value) for s in JobStatus])
    message = models.TextField(blank=True, default="")
    urgent = models.BooleanField(default=False)
    options = models.JSONField(default=dict, blank=True)
    archive_password = EncryptedTextField()
    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, blank=True, related_name="jobs")
    secret = EncryptedTextField()
    description = models.TextField(blank=True, default="")
    ethics_number = models.CharField(max_length=64, blank=True, default="")
    file = models.ForeignKey("BatchFile", on_delete=models.PROTECT, null=True, blank=True, related_name="jobs")
    created_at = models.DateTimeField(db_default=Now())
    verified_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        permissions = [
            ("can_transfer_selectively", "Can search and send selected studies"),
            ("can_query_in_batches", "Can search by a file"),
            ("can_transfer_in_batches", "Can send by a file"),
            ("can_transfer_in_mass", "Can send whole ranges of dates"),
            ("can_explore", "Can look into servers down to the image"),
            ("can_upload", "Can send own files"),
            ("can_download_study", "Can download studies to the browser"),
            ("can_transfer_urgently", "Can put jobs before those of others"),
            ("can_transfer_unpseudonymized", "Can send studies with their patient's identity"),
            ("can_send_unchecked_pixels", "Can send what may show text in its pixels"),
            ("can_release_tripwire", "Can let an attribute pass in which an identifier was found"),
        ]
        indexes = [
            models.Index("owner", "id", name="job_of_owner"),
            models.Index("status", "id", name="job_in_status"),
            models.Index("project", "id", name="job_of_project"),
            models.Index("created_at", name="job_created"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[status.value for status in JobStatus]), name="job_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(status=JobStatus.UNVERIFIED.value, verified_at=None)
                | (~Q(status=JobStatus.UNVERIFIED.value) & Q(verified_at__isnull=False)),
                name="job_unverified_until_verified",
            ),
            models.CheckConstraint(
                condition=Q(status__in=_JOB_ENDED, ended_at__isnull=False)
                | (~Q(status__in=_JOB_ENDED) & Q(ended_at=None)),
                name="job_ended_has_its_time",
            ),
            models.CheckConstraint(condition=Q(project=None) | Q(secret__isnull=True), name="job_has_one_key"),
            models.CheckConstraint(
                condition=~Q(status=JobStatus.CANCELING.value) | Q(cancel_requested_at__isnull=False),
                name="job_canceling_was_asked_for",
            ),
        ]

    def __str__(self) -> str:
        return f"job {self.pk}"


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

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="tasks")
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


class Entry(models.Model):
    """The ledger of one series in one task. Numbers are of instances.

    Attributes:
        new_study_uid: The UID at the destination, where it differs.
        expected: None when the source cannot say.
        confirmed: None when the destination cannot be asked.
        size: Bytes stored.
        reasons: Why instances are not at the destination → how many; failures and exclusions.
        left_at: Before its first instance went to the destination.
        stored_instances: SOP Instance UIDs that the destination took, to go on from; None once the
            task succeeded.
        excluded_instances: SOP Instance UID → reason; None once the task succeeded.
    """

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="entries")
    study_uid = models.CharField(max_length=64)
    series_uid = models.CharField(max_length=64)
    new_study_uid = models.CharField(max_length=64, blank=True, default="")
    new_series_uid = models.CharField(max_length=64, blank=True, default="")
    expected = models.IntegerField(null=True, blank=True)
    received = models.IntegerField(default=0)
    stored = models.IntegerField(default=0)
    confirmed = models.IntegerField(null=True, blank=True)
    excluded = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    size = models.BigIntegerField(default=0)
    notes = models.JSONField(default=list, blank=True)
    reasons = models.JSONField(default=dict, blank=True)
    left_at = models.DateTimeField(null=True, blank=True)
    stored_instances: models.Field[Any, Any] = ArrayField(models.TextField(), null=True, default=list)
    excluded_instances = models.JSONField(null=True, default=dict)

    class Meta:
        verbose_name_plural = "entries"
        ordering = ["pk"]
        indexes = [
            models.Index("series_uid", name="entry_series"),
            models.Index("new_study_uid", condition=~Q(new_study_uid=""), name="entry_new_study"),
            models.Index("new_series_uid", condition=~Q(new_series_uid=""), name="entry_new_series"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["task", "series_uid"], name="entry_once_per_series"),
            models.CheckConstraint(
                condition=Q(received__gte=0, stored__gte=0, excluded__gte=0, failed__gte=0, size__gte=0),
                name="entry_counts_upwards",
            ),
            models.CheckConstraint(
                condition=Q(confirmed=None) | Q(confirmed__lte=F("stored")), name="entry_confirms_stored"
            ),
        ]

    def __str__(self) -> str:
        return f"series {self.series_uid} of task {self.task_id}"


class IssuedReceipt(models.Model):
    """A receipt as it was given out, see `jobs.receipts`. Its number is its id.

    Attributes:
        content: What it says, as JSON.
        code: Signs number and content; whoever changes these makes it worthless.
    """

    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="receipts")
    issued_at = models.DateTimeField(db_default=Now())
    content = models.JSONField()
    code = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"receipt {self.pk}"


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> WorkerQuerySet:
        """Those whose last sign of life is younger than a lease."""
        return self.filter(alive_until__gt=Now())


class Worker(models.Model):
    """A worker process that runs tasks. Its row goes when it ends, or after its last lease.

    Attributes:
        name: As in `Task.worker`: host, process id and a token that no other process has.
        places: How many tasks it runs at the same time.
        machine: Where *pid* means something, see `machine.here`; empty when unknown.
    """

    name = models.TextField(unique=True)
    host = models.TextField()
    machine = models.TextField(blank=True, default="")
    pid = models.IntegerField()
    places = models.PositiveIntegerField()
    started_at = models.DateTimeField(db_default=Now())
    alive_until = models.DateTimeField()

    objects = WorkerQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class KindSetting(models.Model):
    """What an administrator decided about a kind of job; without a row nothing was.

    Attributes:
        kind: As in `Job.kind`.
        locked_reason: No job of the kind can be made, because of that; empty when it is not locked.
        suspended_reason: Its tasks wait, because of that, while running ones go on; empty when it is not suspended.
        starts_without_verification: Jobs start without somebody looking at them first.
        limit: Items above which a job of somebody who is not staff waits for verification; None for the kind's own.
    """

    kind = models.CharField(max_length=32, primary_key=True)
    locked_reason = models.CharField(max_length=200, blank=True, default="")
    suspended_reason = models.CharField(max_length=200, blank=True, default="")
    starts_without_verification = models.BooleanField(default=True)
    limit = models.PositiveIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return f"settings of {self.kind}"


# At the end: what these tables refer to stands above.
from adit.jobs.batchmodels import BatchFile, Found, Line  # noqa: E402
from adit.jobs.cutmodels import CutWord  # noqa: E402

__all__ = ["BatchFile", "CutWord", "Entry", "Found", "IssuedReceipt", "Job", "KindSetting", "Line", "Task", "Worker"]
