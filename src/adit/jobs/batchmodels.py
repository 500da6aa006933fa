"""Files that people bring, and what was found for their lines. Part of `jobs.models`, from where all is imported."""

from __future__ import annotations

from enum import StrEnum

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Concat, Left, Now

from adit.accounts.models import User


class BatchFileQuerySet(models.QuerySet["BatchFile"]):
    def visible_to(self, user: User) -> BatchFileQuerySet:
        """The own files; for staff also those of jobs, which they verify."""
        own = Q(owner=user)
        return self.filter(own | Q(jobs__isnull=False)).distinct() if user.is_staff else self.filter(own)


class BatchFile(models.Model):
    """A file as it came, so that it can be given back with what became of its lines.

    Attributes:
        kind: Of the jobs that can be made from it: "batch_query" or "batch_transfer".
        worksheet: The one that counts; empty for a file that has none.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    group = models.ForeignKey(Group, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=32)
    name = models.TextField()
    worksheet = models.TextField(blank=True, default="")
    content = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    objects = BatchFileQuerySet.as_manager()

    class Meta:
        indexes = [models.Index("owner", "id", name="file_of_owner"), models.Index("created_at", name="file_created")]

    def __str__(self) -> str:
        return f"file {self.pk}"


class Outcome(StrEnum):
    """What became of a line."""

    PENDING = "pending"
    FOUND = "found"
    AMBIGUOUS = "ambiguous"
    NOT_FOUND = "not found"
    NOT_PERMITTED = "not permitted"
    ALREADY_THERE = "already there"
    FAILED = "failed"


OPEN = (Outcome.PENDING, Outcome.FAILED)
"""Outcomes of lines that a retry asks for: nobody knows yet what the source has for them."""


class Line(models.Model):
    """What a source said about one line of a job's file. A line that is asked again loses what was found before.

    Attributes:
        number: In the file, counted from 1.
        also: Lines that say the same, and share what became of it.
        reason: For a person; empty where the outcome says all.
        details: What else is known, as JSON.
    """

    job = models.ForeignKey("Job", on_delete=models.CASCADE, related_name="lines")
    task = models.ForeignKey("Task", on_delete=models.CASCADE, related_name="results")
    number = models.IntegerField()
    also = ArrayField(models.IntegerField(), default=list, blank=True)
    outcome = models.CharField(
        max_length=16, choices=[(o.value, o.value) for o in Outcome], default=Outcome.PENDING.value
    )
    reason = models.TextField(blank=True, default="")
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["number"]
        indexes = [
            models.Index("job", "outcome", "number", name="line_by_outcome"),
            # The others have matches, which come in an order of their own.
            models.Index("job", "number", name="line_not_found", condition=~Q(outcome="found")),
            models.Index("job", name="line_with_identical_ones", condition=~Q(also=[])),
        ]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="line_once_per_job"),
            models.CheckConstraint(
                condition=Q(outcome__in=[outcome.value for outcome in Outcome]), name="line_outcome_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.number} of job {self.job_id}"


_LONGEST = 100
"""Characters that texts are sorted by: an index takes no entry above 2,700 bytes, and no server has to be brief."""

_BLANK = Value(" ", models.TextField())

SORTED_BY: dict[str, dict[str, Combinable]] = {
    "name": {"key": Left("patient_name", _LONGEST)},
    "date": {"key": F("study_date"), "second_key": F("study_time")},
    "modality": {"key": Left(Concat("modalities__0", _BLANK, "modalities__1", _BLANK, "modalities__2"), _LONGEST)},
    "study": {"key": Left("study_description", _LONGEST)},
    "instances": {"key": F("instances")},
}
"""What a table of matches can be sorted by: name → what rows are annotated with; there is an index of each."""


class Found(models.Model):
    """One study, or series, that a source has for a line. Texts as the source gave them, empty for not given.

    Attributes:
        job, number, outcome: Those of the line, so that one index serves a filter and an order.
        position: Of this line, counted from 1.
        words: What a person may look for, see `words_of`.
        study_time: HHMMSS.
        instances: As the source counts them; None where it does not tell.
    """

    line = models.ForeignKey(Line, on_delete=models.CASCADE, related_name="found", db_index=False)
    job = models.ForeignKey("Job", on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.IntegerField()
    outcome = models.CharField(max_length=16, choices=[(o.value, o.value) for o in Outcome])
    position = models.IntegerField()
    study_uid = models.CharField(max_length=64)
    series_uid = models.CharField(max_length=64, blank=True, default="")
    patient_id = models.TextField(blank=True, default="")
    issuer = models.TextField(blank=True, default="")
    patient_name = models.TextField(blank=True, default="")
    birth_date = models.DateField(null=True, blank=True)
    study_date = models.DateField(null=True, blank=True)
    study_time = models.CharField(max_length=16, blank=True, default="")
    modalities: models.Field[list[str], list[str]] = ArrayField(models.TextField(), default=list, blank=True)
    accession_number = models.TextField(blank=True, default="")
    study_description = models.TextField(blank=True, default="")
    series_description = models.TextField(blank=True, default="")
    series_number = models.TextField(blank=True, default="")
    series_count = models.IntegerField(null=True, blank=True)
    instances = models.IntegerField(null=True, blank=True)
    words = models.TextField(blank=True, default="")

    class Meta:
        verbose_name_plural = "found"
        ordering = ["line", "position"]
        indexes = [
            models.Index("job", "number", "position", name="found_by_line"),
            models.Index("job", "outcome", "number", "position", name="found_by_outcome"),
            *(
                models.Index("job", *keys.values(), "number", "position", name=f"found_by_{name}")
                for name, keys in SORTED_BY.items()
            ),
        ]
        constraints = [models.UniqueConstraint(fields=["line", "position"], name="found_once_per_position")]

    def __str__(self) -> str:
        return f"{self.position} of {self.line}"

    def words_of(self, reason: str) -> str:
        """What *words* are, for a line of which *reason* is said: in small letters, so that one look finds any."""
        texts = (
            self.patient_id, self.patient_name, self.accession_number, self.study_description,
            self.series_description, reason,
        )  # fmt: skip
        # Nobody types a line break: nothing is found across two of them.
        return "\n".join(texts).lower()
