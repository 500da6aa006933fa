"""What a batch is made for: asked by all forms that make one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from adit.projects.models import Project

LONGEST = 2000
"""Characters of a description."""


class Purpose(forms.Form):
    """Description and ethics vote; a project may have brought the number already."""

    description = forms.CharField(
        label=_("What it is for"), max_length=LONGEST, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    ethics_number = forms.CharField(
        label=_("Ethics vote"), max_length=64, required=False, help_text=_("Empty: that of the project.")
    )

    def require_vote(self, values: dict[str, Any]) -> None:
        """Add an error where a vote is needed and neither form nor project names one."""
        if settings.ADIT_REQUIRE_ETHICS_NUMBER and "ethics_number" in values and not vote_of(values):
            self.add_error(
                "ethics_number", gettext("The number of the ethics vote is needed here, or a project that has one.")
            )


def vote_of(values: dict[str, Any]) -> str:
    """The number of the vote: the one that was typed, else the project's."""
    project: Project | None = values.get("project")
    typed: str = values["ethics_number"].strip()
    return typed or (project.ethics_number[:64] if project else "")
