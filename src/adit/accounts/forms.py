"""What people type about themselves, and administrators about others."""

from __future__ import annotations

import zoneinfo
from typing import Any

from allauth.account.models import EmailAddress
from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from adit.accounts.features import FEATURES
from adit.accounts.models import Theme, User
from adit.accounts.people import people

_THEMES = {Theme.AUTO: _("as the computer"), Theme.LIGHT: _("light"), Theme.DARK: _("dark")}


TICKS = forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"})


class ProfileForm(forms.Form):
    """What people say about themselves; `accounts.changes.edit` takes the cleaned data."""

    first_name = forms.CharField(label=_("First name"), max_length=150, required=False)
    last_name = forms.CharField(label=_("Last name"), max_length=150, required=False)
    email = forms.EmailField(
        label=_("Mail address"), help_text=_("For log-in, a forgotten password, and mails about your jobs.")
    )
    theme = forms.ChoiceField(label=_("Appearance"), choices=list(_THEMES.items()))
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False, help_text=_("In which times are shown."))
    mail_when_finished = forms.BooleanField(label=_("Send me a mail when a new job has finished"), required=False)

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data, initial={name: getattr(user, name) for name in self.base_fields})
        self._user = user
        zones = sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone and not zone.startswith("Etc/"))
        field = self.fields["time_zone"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("That of ADIT")), ("UTC", "UTC"), *((zone, zone) for zone in zones)]

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        others = User.objects.exclude(pk=self._user.pk).filter(email__iexact=email)
        if others.exists() or EmailAddress.objects.exclude(user=self._user).filter(email__iexact=email).exists():
            raise ValidationError(_("Somebody else has this mail address."))
        return email


class RolesForm(forms.Form):
    """Who administers ADIT."""

    staff = forms.BooleanField(
        label=_("Administrator"),
        required=False,
        help_text=_("Sees all jobs, verifies them, and changes servers, users and settings."),
    )
    superuser = forms.BooleanField(
        label=_("Superuser"), required=False, help_text=_("May do everything, and says who is an administrator.")
    )


class FeaturesForm(forms.Form):
    """Which features are given; the page shows them section by section."""

    features = forms.MultipleChoiceField(required=False, choices=[(name, name) for name in FEATURES])


class MembershipForm(FeaturesForm):
    """To which groups somebody belongs, and what the account itself is permitted."""

    groups = forms.ModelMultipleChoiceField(
        label=_("Groups"), queryset=Group.objects.order_by("name"), required=False, widget=TICKS
    )


class GroupForm(FeaturesForm):
    """A group: its name, what it permits, and who belongs to it."""

    name = forms.CharField(label=_("Name"), max_length=150)
    members = forms.ModelMultipleChoiceField(
        label=_("Members"),
        queryset=User.objects.none(),
        required=False,
        widget=TICKS,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["members"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = people().order_by("username")


class NewGroupForm(forms.Form):
    name = forms.CharField(label=_("Name of a new group"), max_length=150)


class AnnouncementForm(forms.Form):
    announcement = forms.CharField(
        label=_("Announcement"),
        max_length=300,
        required=False,
        help_text=_("Stands above every page until it is emptied."),
    )


class MaintenanceForm(forms.Form):
    """Only administrators work from now on."""

    reason = forms.CharField(label=_("Why"), max_length=200, help_text=_("Everybody who comes reads it."))
    until = forms.DateTimeField(
        label=_("Expected to end"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=_("In your time zone. It ends when somebody ends it."),
    )
