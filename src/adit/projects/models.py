"""What jobs are for: purpose, members, allowed destinations and a secret key."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from adit.accounts.models import User
from adit.nodes.models import Node
from adit.nodes.secrets import EncryptedTextField
from adit.projects.keys import new_key


class ProjectQuerySet(models.QuerySet["Project"]):
    def current(self, now: datetime) -> ProjectQuerySet:
        """Projects that have not expired at *now*."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))

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
        secret: 32 random bytes, made with the project and never changed: pseudonyms derive from it.
            `keys.key_of` reads it.
        destinations: Nodes that its jobs may send to; none means any.
    """

    name = models.CharField(max_length=100)
    purpose = models.CharField(max_length=200)
    ethics_number = models.CharField(max_length=100, blank=True, default="")
    description = models.TextField(blank=True, default="")
    created = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    secret = EncryptedTextField(default=new_key)
    destinations = models.ManyToManyField(Node, blank=True, related_name="projects")
    users = models.ManyToManyField(User, through="Member", related_name="projects")

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = [Lower("name")]
        constraints = [
            models.UniqueConstraint(Lower("name"), name="project_name_is_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="project_has_a_name"),
            models.CheckConstraint(condition=Q(secret__isnull=False), name="project_has_a_key"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.name = " ".join(self.name.split())

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
