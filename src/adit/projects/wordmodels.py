"""Words that the site approved. Part of `projects.models`, from where all is imported."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class ApprovedWordQuerySet(models.QuerySet["ApprovedWord"]):
    def in_effect(self) -> ApprovedWordQuerySet:
        return self.filter(withdrawn_at=None)

    def withdrawn(self) -> ApprovedWordQuerySet:
        return self.exclude(withdrawn_at=None)


class ApprovedWord(models.Model):
    """A word of descriptions that somebody called harmless: it passes in every profile that is frozen from now on.

    Attributes:
        word: As `deid.approving.as_approved` writes it.
        approved_by, withdrawn_by: The name of who said so.
        withdrawn_at: It is cut again since; None while it is approved.
    """

    word = models.CharField(max_length=64, unique=True)
    approved_by = models.TextField()
    approved_at = models.DateTimeField(db_default=Now())
    withdrawn_by = models.TextField(blank=True, default="")
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = ApprovedWordQuerySet.as_manager()

    class Meta:
        ordering = ["word"]
        constraints = [
            models.CheckConstraint(condition=~Q(word=""), name="approved_word_is_one"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None, withdrawn_by="") | (Q(withdrawn_at__isnull=False) & ~Q(withdrawn_by="")),
                name="approved_word_withdrawn_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.word
