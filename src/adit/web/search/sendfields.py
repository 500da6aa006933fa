"""What every form that sends asks for: where to, how, and in whose name. Valid when its plan can be submitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from adit.accounts.models import User
from adit.accounts.permitting import has_permission
from adit.accounts.verdict import Denied, Verdict
from adit.deid.profile import PROFILES, Profile
from adit.jobs.permissions import may_be_packed, may_jump_the_queue, may_send
from adit.jobs.pseudonymising import BadPlan, project_of, treating_of
from adit.jobs.treating import Treating
from adit.nodes.models import Node
from adit.nodes.permissions import can_receive
from adit.projects.finding import UnknownProject
from adit.projects.models import Project
from adit.transfer.plan import Plan, Pseudonymising, Trial
from adit.web.search.preferring import prefer

PSEUDONYMISED, IDENTIFIED = "pseudonymised", "identified"

REMEMBERED = ("destination", "project", "nifti", "mail")
"""What a form begins with next time. Not that patients keep their identity: that is decided anew each time."""

_PLAIN = RegexValidator(r"^[ -\[\]-~]*$", _("Plain letters, digits and signs only, and no backslash."))


class SendFields(forms.Form):
    """Fields, and after `is_valid` the plan.

    Attributes:
        origin: The node that it comes from; of a form that asks for it only after the field was understood.
        download: It all goes to the user's own disk: there is no destination.
        plan: None as long as something is wrong.
    """

    origin: Node
    download = False

    destination = forms.ModelChoiceField(Node.objects.none(), label=_("Destination"), empty_label=_("choose one"))
    identity = forms.ChoiceField(
        label=_("Patients"),
        choices=[(PSEUDONYMISED, _("pseudonymised")), (IDENTIFIED, _("with their identity"))],
    )
    project = forms.ModelChoiceField(
        Project.objects.none(), label=_("Project"), required=False, empty_label=_("none: a key of its own")
    )
    profile = forms.ChoiceField(label=_("Profile"), required=False)
    unchecked_pixels = forms.BooleanField(
        label=_("Send what may show names in its pixels, as ultrasound does"), required=False
    )
    trial_protocol_id = forms.CharField(
        label=_("Trial protocol ID"), max_length=64, required=False, validators=[_PLAIN]
    )
    trial_protocol_name = forms.CharField(
        label=_("Trial protocol name"), max_length=64, required=False, validators=[_PLAIN]
    )
    nifti = forms.BooleanField(label=_("As NIfTI volumes"), required=False)
    archive_password = forms.CharField(
        label=_("Archive password"),
        max_length=128,
        required=False,
        strip=False,
        widget=forms.PasswordInput(render_value=True, attrs={"autocomplete": "new-password"}),
        help_text=_("Into one encrypted archive; only for folders."),
    )
    urgent = forms.BooleanField(label=_("Urgent: before what is not"), required=False)
    mail = forms.BooleanField(label=_("Mail me when it has ended"), required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        user: User,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}), auto_id="send-%s", label_suffix="")
        self.user = user
        self.plan: Plan | None = None
        group = user.active_group
        self.fields["destination"].queryset = Node.objects.usable_as_destination(user, group)  # type: ignore[attr-defined]
        self.fields["project"].queryset = Project.objects.sendable_by(user, timezone.now())  # type: ignore[attr-defined]
        self.fields["profile"].choices = [  # type: ignore[attr-defined]
            ("", gettext("that of the project, else research")),
            *((name, f"{name}: {profile.summary}") for name, profile in PROFILES.items()),
        ]
        self.verdicts = {
            "identity": may_send(None, user=user, group=group, project=None, destination=None),
            "urgent": may_jump_the_queue(user, group),
            "unchecked_pixels": _may_leave_unchecked(user),
        }
        for name in ("urgent", "unchecked_pixels"):
            self.fields[name].disabled = not self.verdicts[name]
            self.fields[name].help_text = self.verdicts[name].reason
        if not self.verdicts["identity"]:
            self.fields["identity"].choices = [(PSEUDONYMISED, gettext("pseudonymised"))]  # type: ignore[attr-defined]

    def planned(self, values: dict[str, Any]) -> Plan:
        """The plan of a form whose fields are understood; the destination may be missing."""
        raise NotImplementedError

    def check_pseudonyms(self, plan: Plan, treating: Treating, project: Project | None) -> None:
        """Add an error for every pseudonym that does not do. Whatever is written meanwhile is taken back."""

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors.keys() - {"destination"}:
            # A destination that is missing keeps nothing else from being said.
            plan = self.planned(values)
            self._check_places(values, plan)
            plan = self._checked_treatment(plan)
            self.plan = None if self.errors else plan
        return values

    def pseudonymising(self, values: dict[str, Any]) -> Pseudonymising | None:
        """What the fields say of it; None for studies that keep their identity."""
        if values["identity"] != PSEUDONYMISED:
            return None
        project: Project | None = values["project"]
        name = project.name if project else ""
        return Pseudonymising(name, values["profile"], unchecked_pixels=values["unchecked_pixels"])

    def trial(self, values: dict[str, Any]) -> Trial:
        return Trial(values["trial_protocol_id"].strip(), values["trial_protocol_name"].strip())

    def _check_places(self, values: dict[str, Any], plan: Plan) -> None:
        destination: Node | None = values.get("destination")
        if self.download:
            for name in ("nifti", "archive_password"):
                if values[name]:
                    self.add_error(name, gettext("A download is a ZIP file of DICOM files."))
            return
        if destination is None:
            return
        self.require("destination", can_receive(destination))
        packed = may_be_packed(destination, nifti=plan.nifti, archive=bool(plan.archive_password))
        self.require("nifti" if plan.nifti else "archive_password", packed)
        if plan.urgent:
            self.require("urgent", self.verdicts["urgent"])

    def _checked_treatment(self, plan: Plan) -> Plan:
        """Ask everything that `submit` asks, in a transaction that leaves nothing."""
        with transaction.atomic():
            try:
                project = project_of(plan, by=self.user)
                treating = treating_of(plan, project, self.origin)
            except UnknownProject as error:
                self.add_error("project", str(error))
            except BadPlan as error:
                self.add_error("profile", str(error))
            else:
                if plan.pseudonymising and treating and project:
                    made = not Profile.from_json(treating.profile).pseudonyms_from_list
                    plan = replace(plan, pseudonymising=replace(plan.pseudonymising, generate=made))
                self._check_permission(treating, project)
                if treating is not None:
                    self.check_pseudonyms(plan, treating, project)
            transaction.set_rollback(True)
        return plan

    def _check_permission(self, treating: Treating | None, project: Project | None) -> None:
        asked = {"user": self.user, "group": self.user.active_group}
        if not (own := may_send(treating, **asked, project=None, destination=None)):  # type: ignore[arg-type]
            self.require("identity" if treating is None else "unchecked_pixels", own)
            return
        if project and not (its := may_send(treating, **asked, project=project, destination=None)):  # type: ignore[arg-type]
            self.require("project", its)
            return
        if not self.download and (destination := self.cleaned_data.get("destination")):
            self.require(
                "destination",
                may_send(treating, **asked, project=project, destination=destination),  # type: ignore[arg-type]
            )

    def require(self, name: str, verdict: Verdict) -> None:
        """Add the reason of a no to the field *name*."""
        try:
            verdict.require()
        except Denied as denied:
            self.add_error(name, str(denied))


def remembered(user: User) -> dict[str, Any]:
    """What a form of *user* begins with."""
    usual = {"mail": user.mail_when_finished, "identity": PSEUDONYMISED}
    return usual | {name: value for name, value in user.preferences.items() if name in REMEMBERED}


def remember(user: User, values: Mapping[str, Any]) -> None:
    """Keep for next time what *user* chose."""
    prefer(user, **{name: _plain(values[name]) for name in REMEMBERED})


def _plain(value: object) -> object:
    return value.pk if isinstance(value, Node | Project) else value


def _may_leave_unchecked(user: User) -> Verdict:
    if has_permission(user, user.active_group, "jobs.can_send_unchecked_pixels"):
        return Verdict(True)
    return Verdict.no(gettext("Only with a permission that an administrator can give."))
