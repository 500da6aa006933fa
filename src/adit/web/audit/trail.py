"""The audit trail as people search and read it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from adit.accounts.models import User
from adit.audit.models import Event, Outcome
from adit.audit.searching import Wanted, known_actions
from adit.web.sealed import seal

IDENTIFYING = ("patient", "study")
"""Fields of the search that not everybody has, and that no address shows."""

_WITHOUT_PATIENTS = frozenset(
    ("account", "announcement", "audit", "demo", "group", "kind", "mail", "maintenance", "node", "page")
)
"""Nouns of actions whose details never name a patient."""

PHRASES: dict[str, str | Promise] = {
    "account.log_in_failed": _("Could not log in"),
    "account.logged_in": _("Logged in"),
    "account.logged_out": _("Logged out"),
    "audit.exported": _("Exported from the audit trail"),
    "audit.patient_viewed": _("Read the audit trail of a patient"),
    "audit.pruned": _("Removed old events from the audit trail"),
    "audit.searched": _("Searched the audit trail"),
    "download.ended": _("Downloaded a study"),
    "download.started": _("Began to download a study"),
    "file.kept": _("Brought a file"),
    "header.viewed": _("Looked at a header, before and after"),
    "image.viewed": _("Looked at an image"),
    "job.attribute_released": _("Let an attribute pass"),
    "job.ended": _("The job ended"),
    "job.linked": _("Looked up old and new identity in a job"),
    "job.reported": _("Took the report of a job"),
    "job.results_given": _("Took the results of a job"),
    "job.submitted": _("Ordered a job"),
    "job.viewed": _("Looked at a job"),
    "job.words_viewed": _("Looked at the words that a job cut"),
    "mass.estimated": _("Asked how much a mass transfer would move"),
    "page.opened": _("Tried to open a page"),
    "project.linked": _("Looked up old and new identity in a project"),
    "project.pseudonym_given": _("Was given a pseudonym in a project"),
    "project.words_viewed": _("Looked at the words that were cut in a project"),
    "receipt.issued": _("Had a receipt made out"),
    "receipt.verified": _("Had a receipt verified"),
    "receipt.viewed": _("Looked at a receipt"),
    "search": _("Searched"),
    "study.transferred": _("Sent a study"),
    "task.viewed": _("Looked at a task"),
    "word.approved": _("Approved words of descriptions"),
    "word.withdrawn": _("Withdrew words of descriptions"),
    "whereabouts.asked": _("Asked where something went"),
}
"""Where an action's own name does not read well."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event as a page shows it.

    Attributes:
        phrase: What was done.
        patient, study: Empty for who may not read them.
        details: What else is known, as text; empty for who may not read it.
        token: Opens the page of the patient; empty where there is none.
    """

    event: Event
    phrase: str
    patient: str
    study: str
    details: tuple[tuple[str, str], ...]
    token: str


def phrase_of(action: str) -> str:
    """*action* as it is told to people."""
    known = PHRASES.get(action)
    return str(known) if known else action.replace(".", " ").replace("_", " ").capitalize()


def details_of(event: Event, *, patients: bool) -> dict[str, Any]:
    """What is known beside the columns; empty where it may name somebody and the reader may not know that."""
    return event.details if patients or event.action.partition(".")[0] in _WITHOUT_PATIENTS else {}


def lines(events: Iterable[Event], *, to: User, patients: bool) -> list[Line]:
    """*events* as they are shown *to* somebody.

    Args:
        patients: Who may read which patients they were about.
    """
    tokens: dict[str, str] = {"": ""}
    found = []
    for event in events:
        patient = event.patient_id if patients else ""
        if patient not in tokens:
            tokens[patient] = seal({"patient": patient}, to=to)
        told = tuple(
            (name.replace("_", " "), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
            for name, value in details_of(event, patients=patients).items()
        )
        study = event.study_uid if patients else ""
        found.append(Line(event, phrase_of(event.action), patient, study, told, tokens[patient]))
    return found


class TrailSearch(forms.Form):
    """What is wanted of the trail; valid when `wanted` can be searched."""

    since = forms.DateField(label=_("From"), required=False)
    until = forms.DateField(label=_("Until"), required=False)
    actor = forms.CharField(label=_("Who"), max_length=150, required=False)
    action = forms.ChoiceField(label=_("What"), required=False)
    outcome = forms.ChoiceField(label=_("Outcome"), required=False)
    node = forms.CharField(label=_("Server or folder"), max_length=100, required=False)
    job = forms.IntegerField(label=_("Job"), min_value=1, max_value=2**62, required=False)
    patient = forms.CharField(label=_("Patient ID"), max_length=256, required=False)
    study = forms.CharField(label=_("Study UID"), max_length=64, required=False)

    def __init__(self, data: Mapping[str, Any], *, patients: bool) -> None:
        super().__init__(data, auto_id="trail-%s", label_suffix="")
        if not patients:
            for name in IDENTIFYING:
                del self.fields[name]
        for name in ("since", "until"):
            self.fields[name].widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        actions = known_actions()
        nouns = sorted({action.partition(".")[0] for action in actions if "." in action})
        choices(self.fields["action"], [
            ("", _("anything")),
            *((noun, _("anything with: %s") % noun) for noun in nouns),
            *sorted(((action, phrase_of(action)) for action in actions), key=lambda choice: choice[1]),
        ])  # fmt: skip
        choices(self.fields["outcome"], [("", _("any")), *((value, OUTCOMES[value]) for value in Outcome.values)])
        for field in self.fields.values():
            field.widget.attrs["autocomplete"] = "off"

    def wanted(self) -> Wanted:
        """The search. Days are those of the reader's time zone, the last one included."""
        values = self.cleaned_data
        since, until = values["since"], values["until"]
        return Wanted(
            since=_midnight(since) if since else None,
            until=_midnight(until + timedelta(days=1)) if until and until < date.max else None,
            actor=values["actor"],
            action=values["action"],
            outcome=values["outcome"],
            node=values["node"],
            job=values["job"],
            patient=values.get("patient", ""),
            study=values.get("study", ""),
        )

    def told(self) -> dict[str, str]:
        """What is searched for, without what identifies somebody."""
        return {name: str(value) for name, value in self.cleaned_data.items() if value and name not in IDENTIFYING}

    def identifying(self) -> dict[str, str]:
        return {name: value for name in IDENTIFYING if (value := self.cleaned_data.get(name))}


OUTCOMES: dict[str, str | Promise] = {
    Outcome.DONE.value: _("done"),
    Outcome.REFUSED.value: _("refused"),
    Outcome.FAILED.value: _("failed"),
}


def choices(field: forms.Field, values: list[tuple[Any, Any]]) -> None:
    """What a field of choices offers."""
    assert isinstance(field, forms.ChoiceField)
    field.choices = values


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
