"""The fields of the search page, and the query that they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from adit.accounts.models import User
from adit.dicom.query import BadQuery, Query, date_range, narrows, parse_key
from adit.dicom.refs import Level
from adit.nodes.models import Node, NodeQuerySet

MOST = 100
"""Studies that are shown of one search."""

STUDY_COLUMNS = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ModalitiesInStudy",
    "StudyDescription",
    "AccessionNumber",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
)

_KEYWORDS = {
    "patient_id": "PatientID",
    "patient_name": "PatientName",
    "birth_date": "PatientBirthDate",
    "accession_number": "AccessionNumber",
    "study_description": "StudyDescription",
}


def sources_of(user: User) -> NodeQuerySet:
    """The nodes that *user* may search now."""
    return Node.objects.usable_as_source(user, user.active_group)


class SearchFields(forms.Form):
    """What is searched for, and where. Valid when `query` can be asked."""

    source = forms.ModelChoiceField(Node.objects.none(), label=_("Source"), empty_label=None)
    patient_id = forms.CharField(label=_("Patient ID"), max_length=64, required=False)
    patient_name = forms.CharField(
        label=_("Patient name"), max_length=128, required=False, help_text=_("Doe, John or Doe*")
    )
    birth_date = forms.DateField(
        label=_("Birth date"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    from_date = forms.DateField(
        label=_("Study date from"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until_date = forms.DateField(
        label=_("Study date until"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    modality = forms.CharField(label=_("Modality"), max_length=64, required=False, help_text=_("CT or CT, MR"))
    accession_number = forms.CharField(label=_("Accession number"), max_length=64, required=False)
    study_description = forms.CharField(
        label=_("Study description"), max_length=64, required=False, help_text=_("*head*")
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, user: User) -> None:
        super().__init__(data, auto_id="search-%s", label_suffix="")
        self.query: Query | None = None
        sources = sources_of(user)
        self.fields["source"].queryset = sources  # type: ignore[attr-defined]
        preferred = user.preferences.get("source")
        self.initial.setdefault("source", preferred if isinstance(preferred, int) else sources.first())
        for field in self.fields.values():
            field.widget.attrs.setdefault("autocomplete", "off")

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        keys = []
        for name, keyword in _KEYWORDS.items():
            if value := values.get(name):
                written = value if isinstance(value, str) else f"{value:%Y-%m-%d}"
                keys.append(self._key(name, keyword, written))
        if modality := values.get("modality"):
            several = "\\".join(part.strip() for part in modality.split(",") if part.strip())
            keys.append(self._key("modality", "ModalitiesInStudy", several))
        if values.get("from_date") or values.get("until_date"):
            try:
                keys.append(("StudyDate", date_range(values.get("from_date"), values.get("until_date"))))
            except BadQuery as error:
                self.add_error("until_date", _sentence(error))
        # What fits everybody is as good as an empty field.
        known = tuple(key for key in keys if key and narrows(*key))
        if not self.errors and not known:
            raise forms.ValidationError(_("Fill in at least one field, or the whole archive would be listed."))
        if not self.errors:
            # One more than is shown tells that there are more.
            self.query = Query(Level.STUDY, known, wanted=STUDY_COLUMNS, limit=MOST + 1)
        return values

    def _key(self, name: str, keyword: str, value: str) -> tuple[str, str] | None:
        try:
            return parse_key(keyword, value)
        except BadQuery as error:
            self.add_error(name, _sentence(error))
            return None


def _sentence(error: BadQuery) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
