"""Log-in and registration: whoever registers can log in when somebody has approved."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import LoginForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from adit.accounts.models import User


class Registration(DefaultAccountAdapter):
    """How allauth makes accounts here."""

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """A new account is inactive until an administrator activates it."""
        user.is_active = False
        saved: User = super().save_user(request, user, form, commit)
        return saved


class LogIn(LoginForm):
    """Name or mail address, and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("User name or mail address")
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
        self.fields["password"].help_text = ""
