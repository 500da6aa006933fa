"""Who did what to which patient, study and node, when, from where and with which result."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now


class Outcome(models.TextChoices):
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Event(models.Model):
    """One thing that happened. Append-only: a trigger refuses UPDATE, DELETE and TRUNCATE; see `retention`.

    No foreign keys: an event outlives everything it speaks of, so it holds names, not rows.

    Unmanaged after its first migration, so that `flush` leaves the table alone; a migration that
    changes it makes it managed first and unmanaged again at its end.

    Attributes:
        actor: User name; `local:<operating-system user>` for the command line; empty for nobody
            (a failed log-in), `system` for ADIT itself.
        actor_id: Of the user, if there is one.
        group: Name of the group in which it was done.
        action: `<noun>.<past participle>`, e.g. `job.submitted`.
        nodes: Names of the nodes concerned.
        job: Id of the job concerned.
        address: Where the request came from.
    """

    time = models.DateTimeField(db_default=Now())
    actor = models.TextField(blank=True, default="")
    actor_id = models.BigIntegerField(null=True, blank=True)
    group = models.TextField(blank=True, default="")
    action = models.CharField(max_length=64)
    outcome = models.CharField(max_length=16, choices=Outcome, default=Outcome.DONE)
    patient_id = models.CharField(max_length=256, blank=True, default="")
    study_uid = models.CharField(max_length=64, blank=True, default="")
    nodes = ArrayField(models.TextField(), default=list, blank=True)
    job = models.BigIntegerField(null=True, blank=True)
    details = models.JSONField(default=dict, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        managed = False
        ordering = ["-time", "-id"]
        permissions = [
            ("can_view_audit", "Can read the audit trail"),
            ("can_search_patients", "Can search the audit trail for patients and studies"),
        ]
        indexes = [
            models.Index(fields=["time"], name="audit_time"),
            models.Index(fields=["patient_id", "time"], condition=~models.Q(patient_id=""), name="audit_patient"),
            models.Index(fields=["study_uid", "time"], condition=~models.Q(study_uid=""), name="audit_study"),
            models.Index(fields=["actor", "time"], name="audit_actor"),
            models.Index(fields=["action", "time"], name="audit_action"),
            models.Index(fields=["job"], condition=models.Q(job__isnull=False), name="audit_job"),
            GinIndex(fields=["nodes"], name="audit_nodes"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(outcome__in=Outcome.values), name="audit_outcome_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.actor or 'nobody'} {self.action} ({self.outcome})"
