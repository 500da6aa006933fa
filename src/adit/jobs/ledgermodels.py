"""The ledger of every series, and receipts out of it. Part of `jobs.models`, from where all is imported."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now


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

    task = models.ForeignKey("Task", on_delete=models.CASCADE, related_name="entries")
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

    job = models.ForeignKey("Job", on_delete=models.SET_NULL, null=True, related_name="receipts")
    issued_at = models.DateTimeField(db_default=Now())
    content = models.JSONField()
    code = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"receipt {self.pk}"
