"""Who may use a node, and for what, as a table."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from adit.accounts.models import User
from adit.nodes.changes import give_access
from adit.nodes.models import Access, Node


class AccessRow(forms.Form):
    """What one group, or one user, may use the node for."""

    source = forms.BooleanField(label=gettext_lazy("Source"), required=False)
    destination = forms.BooleanField(label=gettext_lazy("Destination"), required=False)

    def __init__(self, data: Any, *, whom: Group | User, given: dict[str, bool]) -> None:
        super().__init__(data, prefix=f"{'group' if isinstance(whom, Group) else 'user'}-{whom.pk}", initial=given)
        self.whom = whom
        self.is_group = isinstance(whom, Group)
        for name, box in self.fields.items():
            label = _("%(who)s as %(role)s") % {"who": whom, "role": name}
            box.widget.attrs |= {"class": "form-check-input", "aria-label": label}


class Newcomer(forms.Form):
    """One more user in the table."""

    prefix = "newcomer"

    user = forms.CharField(label=gettext_lazy("User name"), required=False, max_length=150)
    source = forms.BooleanField(label=gettext_lazy("Source"), required=False)
    destination = forms.BooleanField(label=gettext_lazy("Destination"), required=False)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        for name in ("source", "destination"):
            label = _("the new user as %(role)s") % {"role": name}
            self.fields[name].widget.attrs |= {"class": "form-check-input", "aria-label": label}
        self.fields["user"].widget.attrs |= {
            "class": "form-control",
            "aria-label": _("Name of one more user"),
            "placeholder": _("one more user"),
            "autocomplete": "off",
        }

    def clean_user(self) -> User | None:
        name = self.cleaned_data["user"].strip()
        if not name:
            return None
        found = User.objects.filter(username=name, os_user="").first()
        if found is None:
            raise forms.ValidationError(_("There is no user '%(name)s'.") % {"name": name})
        return found

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("user") and not (found["source"] or found["destination"]):
            self.add_error("user", _("Say as what: source, destination or both."))
        return found


class AccessTable:
    """All groups, the users that have access of their own, and room for one more user."""

    def __init__(self, node: Node, data: Any = None) -> None:
        self.node = node
        given = list(node.access.select_related("user"))
        of_groups = {row.group_id: row for row in given if row.group_id}
        flags: list[tuple[Group | User, Access | None]]
        flags = [(group, of_groups.get(group.pk)) for group in Group.objects.order_by("name")]
        flags += [(row.user, row) for row in given if row.user]
        self.rows = [
            AccessRow(
                data,
                whom=whom,
                given={"source": bool(row and row.source), "destination": bool(row and row.destination)},
            )
            for whom, row in flags
        ]
        self.newcomer = Newcomer(data)

    def is_valid(self) -> bool:
        return all([*(row.is_valid() for row in self.rows), self.newcomer.is_valid()])

    @transaction.atomic
    def save(self, *, by: User) -> int:
        """Store what was changed. Returns how many rows that were."""
        changed = [(row.whom, row.cleaned_data) for row in self.rows if row.has_changed()]
        if self.newcomer.cleaned_data["user"]:
            changed.append((self.newcomer.cleaned_data["user"], self.newcomer.cleaned_data))
        for whom, flags in changed:
            named = {"group": whom} if isinstance(whom, Group) else {"user": whom}
            give_access(self.node, by=by, source=flags["source"], destination=flags["destination"], **named)
        return len(changed)
