"""The form that makes a batch query of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from adit.accounts.models import User
from adit.jobs.batch_queries import plan_of
from adit.jobs.models import Job
from adit.jobs.once import require_new
from adit.jobs.permissions import may_jump_the_queue
from adit.jobs.submit import submit
from adit.nodes.models import Node
from adit.projects.models import Project
from adit.web.batches.purpose import Purpose, vote_of
from adit.web.batches.reading import Reading
from adit.web.search.preferring import prefer
from adit.web.search.queries import sources_of


class QueryOrder(Purpose):
    """Which server is asked, and what for."""

    field_order = ("source", "project")

    source = forms.ModelChoiceField(Node.objects.none(), label=_("Source"), empty_label=None)
    project = forms.ModelChoiceField(Project.objects.none(), label=_("Project"), required=False, empty_label=_("none"))
    urgent = forms.BooleanField(label=_("Urgent: before what is not"), required=False)
    mail = forms.BooleanField(label=_("Mail me when it has ended"), required=False)

    def __init__(self, reading: Reading, data: Mapping[str, Any] | None = None, *, user: User) -> None:
        sources = sources_of(user)
        preferred = user.preferences.get("source")
        source = preferred if isinstance(preferred, int) else sources.first()
        mail = user.preferences.get("mail", user.mail_when_finished)
        super().__init__(data, auto_id="send-%s", label_suffix="", initial={"source": source, "mail": mail})
        self.reading, self.user = reading, user
        self.fields["source"].queryset = sources  # type: ignore[attr-defined]
        known = Project.objects.visible_to(user).current(timezone.now())
        self.fields["project"].queryset = known  # type: ignore[attr-defined]
        verdict = may_jump_the_queue(user, user.active_group)
        self.fields["urgent"].disabled, self.fields["urgent"].help_text = not verdict, verdict.reason
        for field in self.fields.values():
            field.widget.attrs.setdefault("autocomplete", "off")

    @property
    def has_sources(self) -> bool:
        return bool(self.fields["source"].queryset.exists())  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        self.require_vote(values)
        return values

    def told(self) -> Reading:
        """The file: nothing of what was chosen says more about it."""
        return self.reading

    def submitted(self, *, check: bool, known: int) -> Job:  # noqa: ARG002  a query is its own check
        """The job that asks for the good rows.

        Args:
            known: As `require_new` takes it.

        Raises:
            SentAlready: It was made before.
            What `submit` raises.
        """
        values = self.cleaned_data
        plan = plan_of(
            self.reading.checked.good,
            source=values["source"].name,
            file=self.reading.file,
            urgent=values["urgent"],
            mail=values["mail"],
            project=values["project"].name if values["project"] else "",
            description=values["description"].strip(),
            ethics_number=vote_of(values),
        )
        require_new(plan, known=known)
        job = submit(plan, by=self.user)
        prefer(self.user, source=values["source"].pk, mail=values["mail"])
        return job
