"""The form that orders a mass transfer: which days, what of them, and how it is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from adit.accounts.models import User
from adit.jobs.mass import Order, plan_of
from adit.nodes.models import Node
from adit.transfer.mass.criteria import BadCriteria
from adit.transfer.mass.partitions import BadRange, Partition, Sweep
from adit.transfer.plan import Plan
from adit.web.batches.purpose import Purpose, vote_of
from adit.web.mass.filterrows import FilterRow, criteria_of, one_more, rows_in, rows_of
from adit.web.search.queries import sources_of
from adit.web.search.sendfields import PSEUDONYMISED, SendFields, remembered

_DAY = {"type": "date"}
_TITLES = {Partition.WEEKLY: _("weekly"), Partition.DAILY: _("daily")}


class MassForm(Purpose, SendFields):
    """What `SendFields` asks; and from where, which days, and what of them.

    Attributes:
        rows: Its filters.
        sweep: What is asked for; None as long as something is wrong with it.
    """

    source = forms.ModelChoiceField(Node.objects.none(), label=_("Source"), empty_label=None)
    first = forms.DateField(label=_("Study date from"), widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d"))
    last = forms.DateField(label=_("Study date until"), widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d"))
    partition = forms.ChoiceField(
        label=_("Partitions"),
        choices=[(each.value, title) for each, title in _TITLES.items()],
        help_text=_("Each is searched, and tried again, by itself."),
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        user: User,
        initial: Mapping[str, Any] | None = None,
        rows: list[FilterRow] | None = None,
    ) -> None:
        """
        Args:
            rows: The filters, where they are not those of *data*.
        """
        sources = sources_of(user)
        preferred = user.preferences.get("source")
        begins = {
            "source": preferred if isinstance(preferred, int) else sources.first(),
            "partition": Partition.WEEKLY.value,
        }
        super().__init__(data, user=user, initial=begins | remembered(user) | dict(initial or {}))
        self.fields["source"].queryset = sources  # type: ignore[attr-defined]
        for name in ("nifti", "archive_password", "urgent"):
            del self.fields[name]
        needed = gettext("Choose a project: pseudonyms of so many patients are made by it.")
        self.fields["project"].required = not self.verdicts["identity"]
        self.fields["project"].error_messages["required"] = needed
        self.fields["project"].empty_label = gettext("choose one")  # type: ignore[attr-defined]
        for field in self.fields.values():
            field.widget.attrs.setdefault("autocomplete", "off")
        if rows is None:
            rows = rows_in(data) if data is not None else one_more([])
        self.rows = rows
        self.sweep: Sweep | None = None

    @property
    def has_sources(self) -> bool:
        return bool(self.fields["source"].queryset.exists())  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        source: Node | None = values.get("source")
        if source is not None:
            self.origin = source
        criteria = criteria_of(self.rows)
        first, last = values.get("first"), values.get("last")
        if criteria is None:
            self.add_error(None, gettext("A filter cannot be used as it stands: it says why below."))
        elif first and last and values.get("partition"):
            try:
                self.sweep = Sweep(first, last, Partition(values["partition"]), criteria)
            except BadRange as error:
                self.add_error("last", str(error))
        if values.get("identity") == PSEUDONYMISED and not values.get("project") and "project" not in self.errors:
            self.add_error("project", self.fields["project"].error_messages["required"])
        # What a mass transfer has not is not asked for; the fields that all forms share know it.
        values |= {"nifti": False, "archive_password": "", "urgent": False}
        values = super().clean()
        self.require_vote(values)
        if self.errors:
            self.plan = None
        return values

    def planned(self, values: dict[str, Any]) -> Plan:
        assert self.sweep is not None
        pseudonymising = self.pseudonymising(values)
        destination = values.get("destination")
        return plan_of(
            Order(
                self.origin.name,
                destination.name if destination else "",
                self.sweep,
                pseudonymising.project if pseudonymising else "",
                pseudonymising.profile if pseudonymising else "",
                values["unchecked_pixels"],
                self.trial(values),
                values["description"].strip(),
                vote_of(values),
                values["mail"],
            )
        )

    def to_text(self) -> str:
        """The days and filters as JSON, for repetition; empty while something is wrong with them."""
        if not self.is_bound or self.sweep is None:
            return ""
        return json.dumps(self.sweep.to_json(), indent=2, ensure_ascii=False)


def typed(posted: QueryDict) -> dict[str, Any]:
    """What was typed, to begin a form with that finds nothing wrong yet."""
    # A box that is not ticked is not posted.
    return {"mail": False, "unchecked_pixels": False, **{name: posted[name] for name in posted}}


def filled(posted: QueryDict, text: str, *, user: User) -> tuple[MassForm, tuple[str, ...]]:
    """The form filled in from JSON, the rest of it as it was *posted*; and what is wrong with the JSON."""
    rest = typed(posted)
    try:
        sweep = Sweep.from_json(json.loads(text))
    except ValueError as error:
        wrong = error.reasons if isinstance(error, BadCriteria) else (_wrong(error),)
        return MassForm(user=user, initial=rest, rows=rows_in(posted)), wrong
    days = {"first": sweep.first, "last": sweep.last, "partition": sweep.partition.value}
    return MassForm(user=user, initial=rest | days, rows=rows_of(sweep.criteria) or one_more([])), ()


def _wrong(error: ValueError) -> str:
    return str(error) if isinstance(error, BadRange) else gettext("This is no JSON.")
