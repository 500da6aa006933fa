"""Words that the jobs' treatment cut out of descriptions. Part of `jobs.models`, from where all is imported."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class CutWord(models.Model):
    """A word that a job cut, with how often. It may be anybody's name: only those who may link the job see it.

    Attributes:
        attribute: Its keyword, or its tag where it has none.
        count: In instances as they were treated; what is sent again counts again.
    """

    job = models.ForeignKey("Job", on_delete=models.CASCADE, related_name="cut_words")
    attribute = models.TextField()
    word = models.TextField()
    count = models.BigIntegerField()

    class Meta:
        ordering = ["-count", "word", "attribute"]
        constraints = [
            models.UniqueConstraint(fields=["job", "attribute", "word"], name="cut_word_once_per_job"),
            models.CheckConstraint(condition=Q(count__gt=0) & ~Q(word=""), name="cut_word_was_cut"),
        ]

    def __str__(self) -> str:
        return f"word {self.pk} cut by job {self.job_id}"
