"""What jobs are for: purpose, members, allowed destinations, a profile, a secret key, and its pseudonyms."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from adit.accounts.models import User
from adit.nodes.models import Node
from adit.nodes.secrets import EncryptedTextField
from adit.projects.keys import fingerprint_of, new_key


class ProjectQuerySet(models.QuerySet["Project"]):
    def current(self, now: datetime) -> ProjectQuerySet:
        """Projects that have not expired at *now*, and have their key."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), key_destroyed_at=None)

    def visible_to(self, user: User) -> ProjectQuerySet:
        """All for staff, else those of which *user* is a member."""
        if not user.is_active:
            return self.none()
        return self if user.is_staff else self.filter(models.Exists(Member.objects.of(user)))

    def sendable_by(self, user: User, now: datetime) -> ProjectQuerySet:
        """Current projects for which *user* may send; all current ones for the local administrator."""
        current = self.current(now)
        if not user.is_active:
            return self.none()
        if user.is_local_administrator:
            return current
        return current.filter(models.Exists(Member.objects.of(user).filter(may_send=True)))


class Project(models.Model):
    """A study or a trial for which jobs are made.

    Attributes:
        secret: 32 random bytes, made with the project and never changed: all that pseudonymises derives from it.
            `keys.key_of` reads it. None once it was destroyed.
        fingerprint: Tells this key from others without telling anything about it.
        destinations: Nodes that its jobs may send to; none means any.
        profile: A profile of `deid.profile` as JSON, which its next jobs freeze.
        profile_name: Its name, for lists.
        generates: Patients get a pseudonym made from the key where none is given.
    """

    name = models.CharField(max_length=100)
    purpose = models.CharField(max_length=200, blank=True, default="")
    ethics_number = models.CharField(max_length=100, blank=True, default="")
    description = models.TextField(blank=True, default="")
    created = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    secret = EncryptedTextField(default=new_key)
    fingerprint = models.CharField(max_length=32, blank=True, default="", editable=False)
    key_destroyed_at = models.DateTimeField(null=True, blank=True, editable=False)
    profile = models.JSONField(default=dict, blank=True)
    profile_name = models.CharField(max_length=100, default="research")
    generates = models.BooleanField(default=False)
    destinations = models.ManyToManyField(Node, blank=True, related_name="projects")
    users = models.ManyToManyField(User, through="Member", related_name="projects")

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = [Lower("name")]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="project_name_is_unique",
                violation_error_message="There is a project of this name already, perhaps with other capitals.",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="project_has_a_name"),
            models.CheckConstraint(
                condition=Q(secret__isnull=False, key_destroyed_at__isnull=True)
                | Q(secret__isnull=True, key_destroyed_at__isnull=False),
                name="project_has_a_key",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.name = " ".join(self.name.split())

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding and not self.fingerprint and self.secret is not None:
            self.fingerprint = fingerprint_of(self.secret)
        super().save(*args, **kwargs)

    def allows(self, destination: Node) -> bool:
        """Whether jobs of this project may send to *destination*."""
        return not self.destinations.exists() or self.destinations.contains(destination)


class MemberQuerySet(models.QuerySet["Member"]):
    def of(self, user: User) -> MemberQuerySet:
        """Memberships of *user*, for use in a subquery on projects."""
        return self.filter(user=user, project=models.OuterRef("pk"))


class Member(models.Model):
    """A user takes part in a project.

    Attributes:
        may_send: Make jobs for it.
        may_link: Look up who is behind a pseudonym.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    may_send = models.BooleanField(default=True)
    may_link = models.BooleanField(default=False)

    objects = MemberQuerySet.as_manager()

    class Meta:
        ordering = ["project", "user"]
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_membership_per_project")]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}"


class Alias(models.Model):
    """One patient's pseudonym in a project, for good; or a pseudonym of a given list that no patient has yet.

    Attributes:
        digest: Of the patient, under the project's key: finds the row without telling who it is. None for a free one.
        original: The patient (PatientID, issuer, id domain) as JSON.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="aliases")
    digest = models.BinaryField(max_length=32, null=True, editable=False)
    original = EncryptedTextField()
    pseudonym = models.CharField(max_length=64)
    created = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "aliases"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="one_pseudonym_per_patient"),
            models.UniqueConstraint("project", Lower("pseudonym"), name="one_patient_per_pseudonym"),
            models.CheckConstraint(condition=~Q(pseudonym=""), name="alias_has_a_pseudonym"),
            models.CheckConstraint(
                condition=Q(digest__isnull=True, original__isnull=True)
                | Q(digest__isnull=False, original__isnull=False),
                name="alias_is_free_or_of_a_patient",
            ),
        ]

    def __str__(self) -> str:
        return self.pseudonym


# At the end: a table of its own beside those of projects.
from adit.projects.wordmodels import ApprovedWord  # noqa: E402

__all__ = ["Alias", "ApprovedWord", "Member", "Project"]
