"""What an administrator decides about a kind of job."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from adit.jobs.kind_settings import setting_of
from adit.jobs.kinds import Kind


class KindForm(forms.Form):
    """`kind_settings.change` takes the cleaned data."""

    starts_without_verification = forms.BooleanField(
        label=_("Jobs start without verification"),
        required=False,
        help_text=_("Else an administrator looks at the plan of each one first."),
    )
    limit = forms.IntegerField(label=_("Verified above"), required=False, min_value=0)
    locked_reason = forms.CharField(
        label=_("Locked, because"),
        max_length=200,
        required=False,
        help_text=_("Nobody but administrators makes new ones. Empty: not locked."),
    )
    suspended_reason = forms.CharField(
        label=_("Suspended, because"),
        max_length=200,
        required=False,
        help_text=_("What runs goes on to its end, everything else waits. Empty: not suspended."),
    )

    def __init__(self, data: Any = None, *, kind: Kind) -> None:
        stored = setting_of(kind)
        super().__init__(data, initial={name: getattr(stored, name) for name in self.base_fields}, prefix=kind.key)
        self.kind = kind
        most = kind.most if kind.most is not None else _("any number")
        self.fields["limit"].help_text = _("Items of one job. Empty: %(most)s.") % {"most": most}
