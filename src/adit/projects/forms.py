"""What an administrator types about a project."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from adit.accounts.models import User
from adit.deid.profile import DEFAULT, PROFILES, Profile, find_profile
from adit.deid.site_rules import BadSiteRules, with_site_rules
from adit.nodes.models import Node
from adit.projects.expiry import end_of, last_day
from adit.projects.keeping import LEAST
from adit.projects.models import Project

KEEP = ""
"""The choice that leaves the profile of a project as it is."""


def _at_most(size: int) -> Callable[[UploadedFile[Any]], None]:
    """A validator for files of no more than *size* bytes."""

    def check(file: UploadedFile[Any]) -> None:
        if (file.size or 0) > size:
            raise ValidationError(
                _("This file is too large to be one: more than %(size)d kB.") % {"size": size // 1024}
            )

    return check


class ProjectForm(forms.Form):
    """A project, new or stored.

    Attributes:
        chosen: The profile, once the form is valid; None leaves that of the project as it is.
    """

    chosen: Profile | None = None

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    purpose = forms.CharField(
        label=gettext_lazy("Purpose"), max_length=200, required=False, help_text=gettext_lazy("In a sentence.")
    )
    ethics_number = forms.CharField(label=gettext_lazy("Number of the ethics vote"), max_length=100, required=False)
    description = forms.CharField(
        label=gettext_lazy("Description"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    last_day = forms.DateField(
        label=gettext_lazy("Last day on which it sends"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        help_text=gettext_lazy("Empty for no end."),
    )
    profile = forms.ChoiceField(label=gettext_lazy("Profile of pseudonymisation"), required=False)
    site_rules = forms.CharField(
        label=gettext_lazy("Rules of the site on top of it"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "class": "uid"}),
        help_text=gettext_lazy("YAML: keep, empty, remove, replace, approved words …"),
    )
    generates = forms.BooleanField(
        label=gettext_lazy("Patients get a pseudonym made from the key where none is given"), required=False
    )
    destinations = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Destinations"),
        queryset=Node.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        help_text=gettext_lazy("Where its jobs may send to. None ticked means anywhere."),
    )

    def __init__(self, data: Any = None, *, project: Project | None = None) -> None:
        self.project = project
        initial: dict[str, Any] = {"profile": DEFAULT}
        if project is not None:
            names = ("name", "purpose", "ethics_number", "description", "generates")
            initial = {name: getattr(project, name) for name in names}
            initial |= {"last_day": last_day(project.expires_at), "profile": KEEP}
            initial["destinations"] = list(project.destinations.all())
        super().__init__(data, initial=initial)
        kept = [(KEEP, _("as it is: %(name)s") % {"name": _named(project)})] if project else []
        choices = kept + [(name, f"{name}: {profile.summary}") for name, profile in PROFILES.items()]
        self.fields["profile"].choices = choices  # type: ignore[attr-defined]
        self.fields["destinations"].queryset = Node.objects.all()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("site_rules", "").strip() and not found.get("profile"):
            self.add_error("site_rules", _("Say which profile these rules come on top of."))
            return found
        try:
            self.chosen = self._profile(found)
        except BadSiteRules as bad:
            self.add_error("site_rules", [str(problem) for problem in bad.problems])
        return found

    def _profile(self, found: dict[str, Any]) -> Profile | None:
        if not found.get("profile"):
            return None if self.project else find_profile(DEFAULT)
        profile = find_profile(found["profile"])
        return with_site_rules(profile, found["site_rules"]) if found["site_rules"].strip() else profile

    def values(self) -> dict[str, Any]:
        """The fields of the project."""
        names = ("name", "purpose", "ethics_number", "description", "generates")
        return {name: self.cleaned_data[name] for name in names} | {"expires_at": self._expiry()}

    def _expiry(self) -> datetime | None:
        last = self.cleaned_data["last_day"]
        if self.project is not None and last == last_day(self.project.expires_at):
            # As it is: on the command line and before now it may have been given to the second.
            return self.project.expires_at
        return None if last is None else end_of(last)

    def take(self, error: ValidationError) -> None:
        """Show what the project said is wrong with it, each sentence at its field."""
        for name, messages in getattr(error, "message_dict", {"__all__": error.messages}).items():
            place = {"expires_at": "last_day"}.get(name, name)
            self.add_error(place if place in self.fields else None, messages)


class MemberForm(forms.Form):
    """One user who takes part, or is to."""

    user = forms.CharField(label=gettext_lazy("User name"), max_length=150)
    may_send = forms.BooleanField(label=gettext_lazy("May send"), required=False, initial=True)
    may_link = forms.BooleanField(label=gettext_lazy("May link"), required=False)

    def clean_user(self) -> User:
        name = self.cleaned_data["user"].strip()
        found = User.objects.filter(username=name, os_user="").first()
        if found is None:
            raise ValidationError(_("There is no user '%(name)s'.") % {"name": name})
        return found


class PassphraseForm(forms.Form):
    """A passphrase for the backup of a key, twice."""

    passphrase = forms.CharField(
        label=gettext_lazy("Passphrase"),
        min_length=LEAST,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Keep it apart from the file, and both apart from ADIT."),
    )
    again = forms.CharField(
        label=gettext_lazy("Passphrase again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("passphrase") and found.get("again") and found["passphrase"] != found["again"]:
            self.add_error("again", _("These are two different passphrases."))
        return found


class RestoreForm(forms.Form):
    """A backup of a key, and its passphrase."""

    backup = forms.FileField(label=gettext_lazy("File with the backup"), validators=[_at_most(64 * 1024)])
    restore_passphrase = forms.CharField(
        label=gettext_lazy("Its passphrase"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "off"})
    )


class DestroyForm(forms.Form):
    """The name of the project, typed to say that it is meant."""

    confirm = forms.CharField(label=gettext_lazy("Name of the project"), max_length=100)

    def __init__(self, data: Any = None, *, project: Project) -> None:
        super().__init__(data)
        self._project = project
        self.fields["confirm"].widget.attrs["autocomplete"] = "off"

    def clean_confirm(self) -> str:
        name = str(self.cleaned_data["confirm"]).strip()
        if name != self._project.name:
            raise ValidationError(_("This is not the name of the project; nothing was destroyed."))
        return name


class ImportForm(forms.Form):
    """A list of pseudonyms as a CSV table."""

    table = forms.FileField(
        label=gettext_lazy("CSV table"),
        help_text=gettext_lazy(
            "With the column Pseudonym, and PatientID where they are given to patients already. Lines without "
            "PatientID are free: patients get them in their order."
        ),
        validators=[_at_most(5 * 1024 * 1024)],
    )


def _named(project: Project | None) -> str:
    return f"{project.profile_name} {project.profile.get('version', '')}".strip() if project else ""
