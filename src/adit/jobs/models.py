"""Jobs, and all other tables about them: everybody imports these from here."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from adit.accounts.models import User
from adit.jobs import states
from adit.jobs.batchmodels import BatchFile, Found, Line
from adit.jobs.cutmodels import CutWord
from adit.jobs.ledgermodels import Entry, IssuedReceipt
from adit.jobs.states import JobStatus
from adit.jobs.taskmodels import Task, TaskQuerySet
from adit.jobs.workermodels import Worker
from adit.nodes.secrets import EncryptedTextField
from adit.projects.models import Project

__all__ = [
    "BatchFile",
    "CutWord",
    "Entry",
    "Found",
    "IssuedReceipt",
    "Job",
    "JobQuerySet",
    "KindSetting",
    "Line",
    "Task",
    "TaskQuerySet",
    "Worker",
]

# Plain text, so that migrations do not depend on the enumerations of today.
_JOB_ENDED = sorted(status.value for status in states.JOB_ENDED)


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
        from_check: The check whose findings it sends.
        once: Of the form that it was sent from, so that a second press makes no second job; see `jobs.once`.
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
    file = models.ForeignKey(BatchFile, on_delete=models.PROTECT, null=True, blank=True, related_name="jobs")
    from_check = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    once = models.CharField(max_length=64, null=True, blank=True, unique=True, editable=False)
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
