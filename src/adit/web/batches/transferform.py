"""The form that makes a batch transfer, or a check of one, of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from adit.accounts.models import User
from adit.jobs.batch_transfers import Choices, check_file, plan_of, submit_check
from adit.jobs.kinds.check import BATCH_CHECK
from adit.jobs.models import Job
from adit.jobs.once import require_new
from adit.jobs.submit import submit
from adit.nodes.models import Node
from adit.transfer.batches.studies import transfers_of
from adit.transfer.plan import Plan
from adit.web.batches.purpose import Purpose, vote_of
from adit.web.batches.reading import Reading
from adit.web.search.queries import sources_of
from adit.web.search.sendfields import IDENTIFIED, SendFields, remember, remembered


class TransferOrder(Purpose, SendFields):
    """What `SendFields` asks, and from where."""

    field_order = ("source", "destination", "identity", "project", "profile")

    source = forms.ModelChoiceField(Node.objects.none(), label=_("Source"), empty_label=None)

    def __init__(self, reading: Reading, data: Mapping[str, Any] | None = None, *, user: User) -> None:
        sources = sources_of(user)
        preferred = user.preferences.get("source")
        initial = {"source": preferred if isinstance(preferred, int) else sources.first()}
        super().__init__(data, user=user, initial=initial | remembered(user))
        self.reading = reading
        self.choices: Choices | None = None
        self.fields["source"].queryset = sources  # type: ignore[attr-defined]
        for field in self.fields.values():
            field.widget.attrs.setdefault("autocomplete", "off")

    @property
    def has_sources(self) -> bool:
        return bool(self.fields["source"].queryset.exists())  # type: ignore[attr-defined]

    @property
    def studies(self) -> int:
        """How many would be sent."""
        return len({row.study for row in self.reading.checked.good})

    @property
    def notices(self) -> tuple[str, ...]:
        """What happens to lines of one study that somebody may not expect."""
        return transfers_of(self.reading.checked.good).notices

    @property
    def without_pseudonym(self) -> int:
        """Rows that bring none."""
        return sum(not row.pseudonym for row in self.reading.checked.good)

    def clean(self) -> dict[str, Any]:
        given: Node | None = self.cleaned_data.get("source")
        if given is not None:
            self.origin = given
        values = super().clean()
        self.require_vote(values)
        self._check_identity(values)
        if self.plan is not None and not self.errors:
            self.choices = replace(self._choices(values), pseudonymising=self.plan.pseudonymising)
        return values

    def _check_identity(self, values: dict[str, Any]) -> None:
        if values.get("identity") == IDENTIFIED and any(row.pseudonym for row in self.reading.checked.good):
            self.add_error(
                "identity",
                gettext("The file has pseudonyms: take the column out of it, or send the patients pseudonymised."),
            )
        elif values.get("identity") != IDENTIFIED and not values.get("project") and self.without_pseudonym:
            self.add_error(
                "project",
                gettext("%(count)d lines have no pseudonym: choose a project, which makes them, or fill in the column.")
                % {"count": self.without_pseudonym},
            )

    def planned(self, values: dict[str, Any]) -> Plan:
        choices = self._choices(values)
        # Whether pseudonyms do is asked by `submitted`, which says of which lines they do not.
        rows = [replace(row, pseudonym="") for row in self.reading.checked.good]
        return plan_of(rows, choices, file=self.reading.file).plan

    def _choices(self, values: dict[str, Any]) -> Choices:
        pseudonymising = self.pseudonymising(values)
        destination, project = values.get("destination"), values["project"]
        return Choices(
            self.origin.name,
            destination.name if destination else "",
            pseudonymising,
            self.trial(values),
            project=project.name if project and pseudonymising is None else "",
            nifti=values["nifti"],
            archive_password=values["archive_password"],
            urgent=values["urgent"],
            mail=values["mail"],
            description=values["description"].strip(),
            ethics_number=vote_of(values),
        )

    def told(self) -> Reading:
        """The file held against the rules of what was chosen, too: which lines the project refuses, and why.

        Raises:
            BadPlan, NoKey, UnreadableKey: What was chosen does not go together, whatever the file says.
        """
        assert self.choices is not None
        return replace(self.reading, checked=check_file(self.reading.file, self.choices, by=self.user))

    def submitted(self, *, check: bool, known: int) -> Job:
        """The job that sends the good rows, or asks only what would become of them.

        Args:
            known: As `require_new` takes it.

        Raises:
            SentAlready: It was made before.
            What `submit` raises.
        """
        assert self.choices is not None
        plan = plan_of(self.reading.checked.good, self.choices, file=self.reading.file).plan
        require_new(replace(plan, kind=BATCH_CHECK.key) if check else plan, known=known)
        job = submit_check(plan, by=self.user) if check else submit(plan, by=self.user)
        remember(self.user, self.cleaned_data)
        return job
