"""Log-in and registration: whoever registers can log in when somebody has approved."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import LoginForm
from django.conf import settings
from django.contrib.auth import login
from django.contrib.sites.shortcuts import get_current_site
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from adit.accounts.mails import tell_of_registration, write_mail
from adit.accounts.models import User
from adit.audit.models import Outcome
from adit.audit.record import record
from adit.web.doors.visits import address_of
from adit.web.people.comings import name_tried


class Registration(DefaultAccountAdapter):
    """How allauth makes accounts here, and lets people in."""

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """A new account is inactive until an administrator activates it."""
        user.is_active = False
        saved: User = super().save_user(request, user, form, commit)
        tell_of_registration(saved)
        return saved

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Who failed too often has to wait, with the right password too.

        Raises:
            ValidationError: So is it now.
        """
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            record(
                "account.locked_out",
                by=name_tried(credentials),
                outcome=Outcome.REFUSED,
                address=address_of(request),
            )
            raise

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Through the outbox, like every mail: how long an answer takes tells nobody whether there is an account."""
        request = self.request
        context = {"request": request, "email": email, "current_site": get_current_site(request), **context}
        mail = self.render_mail(template_prefix, email, context)
        write_mail(mail.to, subject=mail.subject, body=str(mail.body))

    def get_client_ip(self, request: HttpRequest) -> str:
        """By which failed log-ins are counted; the same as in the audit trail."""
        return address_of(request) or super().get_client_ip(request)


class LogIn(LoginForm):
    """Name or mail address, and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("User name or mail address")
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
        self.fields["password"].help_text = ""


@require_POST
@never_cache
def demo_login(request: HttpRequest, username: str) -> HttpResponse:
    """Be one of the demo's people, without a password. Exists in the demo only."""
    if not settings.ADIT_DEMO or username not in {person.username for person in settings.ADIT_DEMO_PEOPLE}:
        raise Http404
    user = get_object_or_404(User, username=username, is_active=True)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("home")
