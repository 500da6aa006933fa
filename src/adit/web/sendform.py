"""The form below a choice: where to, how, and in whose name. Valid when its plan can be submitted."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from adit.accounts.models import User
from adit.accounts.permitting import has_permission
from adit.accounts.verdict import Denied, Verdict
from adit.deid.keys import KEY_BYTES, Key, Patient
from adit.deid.profile import PROFILES, Profile
from adit.jobs.permissions import may_be_packed, may_jump_the_queue, may_send
from adit.jobs.pseudonymising import BadPlan, project_of, treating_of, with_pseudonyms
from adit.jobs.treating import Treating
from adit.nodes.models import Node
from adit.nodes.permissions import can_receive
from adit.projects.finding import UnknownProject
from adit.projects.keys import NoKey, new_key
from adit.projects.models import Project
from adit.transfer.plan import Plan, Pseudonymising, Trial
from adit.transfer.pseudonyms import UnfitPseudonym, checked, unfit
from adit.web.chosen import Chosen, Person

PSEUDONYMISED, IDENTIFIED = "pseudonymised", "identified"

_PLAIN = RegexValidator(r"^[ -\[\]-~]*$", _("Plain letters, digits and signs only, and no backslash."))

REMEMBERED = ("destination", "project", "nifti", "mail")
"""What the form begins with next time. Not that patients keep their identity: that is decided anew each time."""


class SendForm(forms.Form):
    """Fields, and after `is_valid` the plan. A field `pseudonym-<key>` for each patient."""

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
        chosen: Chosen,
        source: Node,
        data: Mapping[str, Any] | None = None,
        *,
        user: User,
        proposed: Mapping[str, str],
        initial: Mapping[str, Any] | None = None,
        download: bool = False,
    ) -> None:
        """
        Args:
            proposed: Pseudonyms by the key of the patient, to begin with.
            download: The one study goes to the user's own disk: there is no destination.
        """
        super().__init__(data, initial=dict(initial or {}), auto_id="send-%s", label_suffix="")
        self.chosen, self.source, self.user, self.download = chosen, source, user, download
        self.plan: Plan | None = None
        group = user.active_group
        self.fields["destination"].queryset = Node.objects.usable_as_destination(user, group)  # type: ignore[attr-defined]
        self.fields["destination"].required = not download
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
        for person in chosen.people:
            self.fields[f"pseudonym-{person.key}"] = forms.CharField(
                label=gettext("Pseudonym"), max_length=64, required=False, initial=proposed.get(person.key, "")
            )
        for name in ("project", "identity", "unchecked_pixels"):
            # What follows from them, such as pseudonyms and what stays behind, is shown at once.
            again = {"hx-post": reverse("search-panel"), "hx-include": "#send-form", "hx-target": "#send"}
            self.fields[name].widget.attrs |= again
        for field in self.fields.values():
            field.widget.attrs.setdefault("autocomplete", "off")

    def lines(self) -> list[dict[str, Any]]:
        """The patients, each with the field for the pseudonym."""
        lines = []
        for person in self.chosen.people:
            field = self[f"pseudonym-{person.key}"]
            who = person.match.patient_name or person.match.patient_id
            label = gettext("Pseudonym of %(who)s") % {"who": who}
            attributes: dict[str, str | bool] = {"class": "form-control", "aria-label": label}
            if field.errors:
                attributes |= {"class": "form-control is-invalid", "aria-describedby": f"{field.auto_id}-error"}
            lines.append({"person": person, "field": field, "input": field.as_widget(attrs=attributes)})
        return lines

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors.keys() - {"destination"}:
            # A destination that is missing keeps nothing else from being said.
            plan = self._plan(values)
            self._check_places(values, plan)
            plan = self._checked_treatment(plan)
            self.plan = None if self.errors else plan
        return values

    def _plan(self, values: dict[str, Any]) -> Plan:
        project: Project | None = values["project"]
        pseudonymising = None
        if values["identity"] == PSEUDONYMISED:
            name = project.name if project else ""
            pseudonymising = Pseudonymising(name, values["profile"], unchecked_pixels=values["unchecked_pixels"])
        items = []
        for person in self.chosen.people:
            pseudonym = values[f"pseudonym-{person.key}"].strip() if pseudonymising else ""
            items += [study.item(pseudonym) for study in person.studies]
        destination: Node | None = values.get("destination")
        return Plan(
            "download" if self.download else "selective",
            self.source.name,
            destination.name if destination and not self.download else "",
            tuple(items),
            urgent=values["urgent"],
            nifti=values["nifti"],
            archive_password=values["archive_password"],
            pseudonymising=pseudonymising,
            trial=Trial(values["trial_protocol_id"].strip(), values["trial_protocol_name"].strip()),
            mail=values["mail"],
        )

    def _check_places(self, values: dict[str, Any], plan: Plan) -> None:
        destination: Node | None = values.get("destination")
        if self.download:
            for name in ("nifti", "archive_password"):
                if values[name]:
                    self.add_error(name, gettext("A download is a ZIP file of DICOM files."))
            return
        if destination is None:
            return
        self._require("destination", can_receive(destination))
        packed = may_be_packed(destination, nifti=plan.nifti, archive=bool(plan.archive_password))
        self._require("nifti" if plan.nifti else "archive_password", packed)
        if plan.urgent:
            self._require("urgent", self.verdicts["urgent"])

    def _checked_treatment(self, plan: Plan) -> Plan:
        """Ask everything that `submit` asks, in a transaction that leaves nothing."""
        with transaction.atomic():
            try:
                project = project_of(plan, by=self.user)
                treating = treating_of(plan, project, self.source)
            except UnknownProject as error:
                self.add_error("project", str(error))
            except BadPlan as error:
                self.add_error("profile", str(error))
            else:
                if plan.pseudonymising and treating and project:
                    # Without a project every patient has a pseudonym in the form already.
                    made = not Profile.from_json(treating.profile).pseudonyms_from_list
                    plan = replace(plan, pseudonymising=replace(plan.pseudonymising, generate=made))
                self._check_permission(treating, project)
                if treating is not None:
                    self._check_pseudonyms(plan, treating, project)
            transaction.set_rollback(True)
        return plan

    def _check_permission(self, treating: Treating | None, project: Project | None) -> None:
        asked = {"user": self.user, "group": self.user.active_group}
        if not (own := may_send(treating, **asked, project=None, destination=None)):  # type: ignore[arg-type]
            self._require("identity" if treating is None else "unchecked_pixels", own)
            return
        if project and not (its := may_send(treating, **asked, project=project, destination=None)):  # type: ignore[arg-type]
            self._require("project", its)
            return
        if not self.download and (destination := self.cleaned_data.get("destination")):
            self._require(
                "destination",
                may_send(treating, **asked, project=project, destination=destination),  # type: ignore[arg-type]
            )

    def _check_pseudonyms(self, plan: Plan, treating: Treating, project: Project | None) -> None:
        secret = new_key() if project is None else None
        for person in self.chosen.people:
            name = f"pseudonym-{person.key}"
            pseudonym = self.cleaned_data[name].strip()
            own = {study.said["StudyInstanceUID"] for study in person.studies}
            part = Plan(
                plan.kind,
                plan.source,
                plan.destination,
                tuple(item for item in plan.items if item.study in own),
                pseudonymising=plan.pseudonymising,
            )
            try:
                if pseudonym:
                    unfit(checked(pseudonym), patient_id=person.match.patient_id, name=person.match.text("PatientName"))
                with transaction.atomic():
                    with_pseudonyms(part, treating, project=project, secret=secret, by=self.user)
            except (BadPlan, UnfitPseudonym, NoKey) as error:
                self.add_error(name, str(error))
        if any(name.startswith("pseudonym-") for name in self.errors):
            return
        try:
            with_pseudonyms(plan, treating, project=project, secret=secret, by=self.user)
        except (BadPlan, UnfitPseudonym) as error:
            self.add_error(None, str(error))

    def _require(self, name: str, verdict: Verdict) -> None:
        try:
            verdict.require()
        except Denied as denied:
            self.add_error(name, str(denied))


def _may_leave_unchecked(user: User) -> Verdict:
    if has_permission(user, user.active_group, "jobs.can_send_unchecked_pixels"):
        return Verdict(True)
    return Verdict.no(gettext("Only with a permission that an administrator can give."))


def made_up(person: Person) -> str:
    """A pseudonym for whoever is sent without a project, new each time."""
    while True:
        made = Key(secrets.token_bytes(KEY_BYTES)).pseudonym_of(Patient(person.key))
        try:
            unfit(made, patient_id=person.match.patient_id, name=person.match.text("PatientName"))
        except UnfitPseudonym:
            # By chance it holds three letters of the name.
            continue
        return made
