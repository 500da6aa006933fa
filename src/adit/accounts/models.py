"""Who works with ADIT."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractUser, Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class Theme(models.TextChoices):
    AUTO = "auto", "as the system"
    LIGHT = "light", "light"
    DARK = "dark", "dark"


class User(AbstractUser):
    """A person who logs in, or the command line in the name of an operating-system user.

    Attributes:
        active_group: The one of the user's groups that counts now: its permissions and its
            access to nodes. What is made keeps the group in which it was made.
        theme: How pages look to this user.
        time_zone: In which times are shown; empty for that of ADIT.
        mail_when_finished: What a new job is asked to do unless told otherwise.
        deactivated_at: Nobody logs in with this account any more. One that is not active and was not
            deactivated waits for approval.
        os_user: Set for the local administrator only, see `local_administrator`.
        preferences: What the forms begin with: what was chosen last time, as JSON.
    """

    active_group = models.ForeignKey(
        Group,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The group whose permissions and nodes count now.",
    )
    theme = models.CharField(max_length=8, choices=Theme, default=Theme.AUTO)
    time_zone = models.CharField(max_length=64, blank=True, default="")
    mail_when_finished = models.BooleanField(default=False)
    deactivated_at = models.DateTimeField(null=True, blank=True, editable=False)
    os_user = models.CharField(max_length=128, blank=True, default="", editable=False)
    preferences = models.JSONField(default=dict, blank=True, editable=False)

    class Meta(AbstractUser.Meta):
        permissions = [
            ("can_query", "Can search over DICOMweb"),
            ("can_retrieve", "Can retrieve over DICOMweb"),
            ("can_store", "Can store over DICOMweb"),
            ("can_have_tokens", "Can make tokens"),
            ("can_have_lasting_tokens", "Can make tokens that never expire"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["os_user"], condition=~models.Q(os_user=""), name="one_local_administrator_per_os_user"
            ),
            models.CheckConstraint(
                condition=models.Q(os_user="") | models.Q(is_superuser=True, is_staff=True),
                name="local_administrator_is_superuser",
            ),
        ]

    @property
    def is_local_administrator(self) -> bool:
        """Whether this is the command line, which may use every node."""
        return bool(self.os_user)


def local_administrator(os_user: str) -> User:
    """The user as whom the command line acts for *os_user*: one row each, made when first needed.

    Its name holds a colon, which no name that can be registered does, and its password is unusable:
    nobody logs in as it.
    """
    user, _ = User.objects.get_or_create(
        os_user=os_user,
        defaults={
            "username": f"local:{os_user}",
            "first_name": os_user,
            "is_staff": True,
            "is_superuser": True,
            "password": make_password(None),
        },
    )
    return user


class Notice(models.Model):
    """What everybody is told; there is at most one row.

    Attributes:
        announcement: Stands above every page; empty for none.
        maintenance_reason: Only administrators work meanwhile, because of that; empty when everybody does.
        maintenance_until: When it is expected to end, if that is known. It ends when somebody ends it.
    """

    ONLY = 1

    announcement = models.CharField(max_length=300, blank=True, default="")
    maintenance_reason = models.CharField(max_length=200, blank=True, default="")
    maintenance_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="one_notice"),
            models.CheckConstraint(
                condition=~models.Q(maintenance_reason="") | models.Q(maintenance_until=None),
                name="maintenance_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.announcement or "nothing"


class MailQuerySet(models.QuerySet["Mail"]):
    def waiting(self) -> MailQuerySet:
        """Those that are neither sent nor given up."""
        return self.filter(sent_at=None, given_up_at=None)


class Mail(models.Model):
    """A mail, from the moment in which there is a reason for it; see `accounts.mails`. It holds no patient data.

    Attributes:
        about: What it is about, so that nobody is told the same again and again; empty where that does not matter.
        hidden: No recipient learns of the others.
        not_before: When it is tried next; while it is being sent, when another process may take over.
        attempts: That began.
        error: Why the last attempt failed.
    """

    about = models.CharField(max_length=100, blank=True, default="")
    recipients: models.Field[Any, Any] = ArrayField(models.EmailField())
    hidden = models.BooleanField(default=False)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    not_before = models.DateTimeField(db_default=Now())
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    sent_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)

    objects = MailQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["not_before"],
                condition=models.Q(sent_at=None, given_up_at=None),
                name="mail_waiting",
            ),
            models.Index(fields=["about", "created_at"], condition=~models.Q(about=""), name="mail_about"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sent_at=None) | models.Q(given_up_at=None), name="mail_sent_or_given_up"
            ),
        ]

    def __str__(self) -> str:
        return f"mail {self.pk}"
