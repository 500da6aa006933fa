"""The weekly windows of a node as a small table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.forms import BaseFormSet, formset_factory
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from adit.nodes.windows import DAYS

DAY_NAMES = dict(zip(DAYS, (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")), strict=True))

_MOST = 20

_TIME = forms.TimeInput(format="%H:%M", attrs={"type": "time", "class": "form-control"})


class WindowRow(forms.Form):
    """One line: on these days, from then until then. A line without days counts for nothing."""

    days = forms.MultipleChoiceField(
        label=_("Days"),
        choices=list(DAY_NAMES.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
    )
    opens = forms.TimeField(label=_("From"), required=False, widget=_TIME, input_formats=["%H:%M", "%H:%M:%S"])
    closes = forms.TimeField(label=_("Until"), required=False, widget=_TIME, input_formats=["%H:%M", "%H:%M:%S"])

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        times = [found.get(name) for name in ("opens", "closes")]
        if found.get("days") and None in times and not self.errors:
            raise forms.ValidationError(_("Say from when until when it is open on these days."))
        return found

    def value(self) -> dict[str, Any] | None:
        """The line as `windows.Windows` stores it; None for one without days."""
        found = self.cleaned_data
        if not found.get("days"):
            return None
        return {
            "days": found["days"],
            "from": f"{found['opens']:%H:%M}",
            "until": f"{found['closes']:%H:%M}",
        }


_Rows: type[BaseFormSet[WindowRow]] = formset_factory(WindowRow, extra=2, max_num=_MOST, absolute_max=_MOST)


class WindowsForm(forms.Form):
    """All lines, and the zone in which they are meant. No line with days: always open."""

    prefix = "windows"

    zone = forms.CharField(
        label=_("Time zone"), max_length=64, widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"})
    )

    def __init__(self, data: Any = None, *, stored: Mapping[str, Any] | None) -> None:
        lines = stored["open"] if stored else []
        zone = str(stored["zone"]) if stored else settings.TIME_ZONE
        super().__init__(data, initial={"zone": zone})
        lines = [{"days": line["days"], "opens": line["from"], "closes": line["until"]} for line in lines]
        self.rows = _Rows(data, prefix="window", initial=lines)

    def clean_zone(self) -> str:
        zone = str(self.cleaned_data["zone"])
        if zone not in available_timezones():
            raise forms.ValidationError(_("'%(zone)s' is no time zone, such as Europe/Berlin."), params={"zone": zone})
        return zone

    def zones(self) -> SafeString:
        """What can be typed as zone, for a datalist: rendered once, because there are six hundred."""
        return _options()

    def is_valid(self) -> bool:
        return all([super().is_valid(), self.rows.is_valid()])

    def value(self) -> dict[str, Any] | None:
        """As the node stores it."""
        lines = [line for row in self.rows if (line := row.value()) is not None]
        return {"zone": self.cleaned_data["zone"], "open": lines} if lines else None


@lru_cache(maxsize=1)
def _options() -> SafeString:
    return format_html_join("", '<option value="{}"></option>', ((zone,) for zone in sorted(available_timezones())))
