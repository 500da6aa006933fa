"""Who works with ADIT."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractUser, Group
from django.db import models


class User(AbstractUser):
    """A person who logs in, or the command line in the name of an operating-system user.

    Attributes:
        active_group: The one of the user's groups that counts now: its permissions and its
            access to nodes. What is made keeps the group in which it was made.
        os_user: Set for the local administrator only, see `local_administrator`.
    """

    active_group = models.ForeignKey(
        Group,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The group whose permissions and nodes count now.",
    )
    os_user = models.CharField(max_length=128, blank=True, default="", editable=False)

    class Meta(AbstractUser.Meta):
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
