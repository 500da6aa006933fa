"""The form below a choice, with a pseudonym for each of its patients."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django import forms
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext

from adit.accounts.models import User
from adit.deid.keys import KEY_BYTES, Key, Patient
from adit.jobs.pseudonymising import BadPlan, with_pseudonyms
from adit.jobs.treating import Treating
from adit.nodes.models import Node
from adit.projects.keys import NoKey, new_key
from adit.projects.models import Project
from adit.transfer.plan import Plan
from adit.transfer.pseudonyms import UnfitPseudonym, checked, unfit
from adit.web.search.chosen import Chosen, Person
from adit.web.search.sendfields import SendFields


class SendForm(SendFields):
    """With a field `pseudonym-<key>` for each patient."""

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
        super().__init__(data, user=user, initial=initial)
        self.chosen, self.origin, self.download = chosen, source, download
        self.fields["destination"].required = not download
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

    def planned(self, values: dict[str, Any]) -> Plan:
        pseudonymising = self.pseudonymising(values)
        items = []
        for person in self.chosen.people:
            pseudonym = values[f"pseudonym-{person.key}"].strip() if pseudonymising else ""
            items += [study.item(pseudonym) for study in person.studies]
        destination: Node | None = values.get("destination")
        return Plan(
            "download" if self.download else "selective",
            self.origin.name,
            destination.name if destination and not self.download else "",
            tuple(items),
            urgent=values["urgent"],
            nifti=values["nifti"],
            archive_password=values["archive_password"],
            pseudonymising=pseudonymising,
            trial=self.trial(values),
            mail=values["mail"],
        )

    def check_pseudonyms(self, plan: Plan, treating: Treating, project: Project | None) -> None:
        # Without a project every patient has a pseudonym in the form already.
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
