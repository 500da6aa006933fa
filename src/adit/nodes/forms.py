"""What an administrator types about a node. Whether it fits, the node itself says: see `nodes.fitting`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from adit.nodes.models import Ability, Accepts, Kind, Node
from adit.nodes.windowforms import WindowsForm
from adit.nodes.words import ABILITY_WORDS

PEM = forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"})

_ACCEPTS = {
    Accepts.ANYTHING: _("anything"),
    Accepts.PSEUDONYMISED: _("only pseudonymised studies"),
    Accepts.MODIFIED_DATES: _("only pseudonymised studies with modified dates"),
    Accepts.IDENTIFIED: _("only studies that carry their patient's identity"),
}


def _trusted_certificates() -> forms.CharField:
    return forms.CharField(
        label=_("Trusted certificates"),
        required=False,
        widget=PEM,
        help_text=_("PEM; instead of those that the system trusts."),
    )


def _own_certificate() -> forms.CharField:
    return forms.CharField(
        label=_("Our certificate with its private key"), required=False, widget=PEM, help_text=_("PEM.")
    )


class NodeForm(forms.Form):
    """What servers and folders have in common, with their weekly windows.

    Attributes:
        secrets: Names of fields that are written and never read: what is typed replaces them.
    """

    kind: Kind
    secrets: tuple[str, ...] = ()

    name = forms.CharField(label=_("Name"), max_length=64, help_text=_("What people call it."))
    accepts = forms.ChoiceField(label=_("Takes"), choices=list(_ACCEPTS.items()), initial=Accepts.ANYTHING)
    id_domain = forms.CharField(
        label=_("Domain of PatientIDs"),
        max_length=64,
        required=False,
        help_text=_("Servers of one domain name the same patients by the same PatientIDs. Empty is a domain too."),
    )
    enabled = forms.BooleanField(label=_("May be used"), required=False, initial=True)
    windows_hold_all = forms.BooleanField(
        label=_("The windows hold selective transfers too, not only batch and mass"), required=False
    )

    def __init__(self, data: Any = None, *, node: Node | None = None) -> None:
        self.node = node
        super().__init__(data, initial=self._stored(node))
        for name in self.secrets:
            self.fields[name].required = False
            if node is not None and getattr(node, name) is not None:
                self.fields[f"remove_{name}"] = forms.BooleanField(label=_("Take it away"), required=False)
        self.windows = WindowsForm(data, stored=node.windows if node else None)

    def _stored(self, node: Node | None) -> dict[str, Any]:
        if node is None:
            return {}
        stored = {name: getattr(node, name) for name in self.base_fields if name not in self.secrets}
        # As people write numbers: 120, not 120.0.
        return {name: f"{value:g}" if isinstance(value, float) else value for name, value in stored.items()}

    def is_set(self, secret: str) -> bool:
        """Whether something is stored for *secret*."""
        return f"remove_{secret}" in self.fields

    def is_valid(self) -> bool:
        # Both, so that all errors are shown at once.
        return all([super().is_valid(), self.windows.is_valid()])

    def values(self) -> dict[str, Any]:
        """What `nodes.changes` stores: the fields of the node, secrets only where they change."""
        values = {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in self.secrets and not name.startswith("remove_")
        }
        for name in self.secrets:
            if self.cleaned_data.get(f"remove_{name}"):
                values[name] = None
            elif text := self.cleaned_data[name].strip():
                values[name] = text
        return values | {"windows": self.windows.value()}

    def as_node(self) -> Node:
        """The node as it would be stored; nothing is."""
        node = Node.objects.get(pk=self.node.pk) if self.node else Node(kind=self.kind)
        for name, value in self.values().items():
            setattr(node, name, value)
        return node

    def complaints(self) -> list[str]:
        """Everything that is wrong, as sentences that name the field."""
        found = [
            f"{self.fields[name].label if name in self.fields else ''}: {error}".removeprefix(": ")
            for name, errors in self.errors.items()
            for error in errors
        ]
        rows = [self.windows, *self.windows.rows]
        return found + [str(error) for row in rows for errors in row.errors.values() for error in errors]

    def take(self, error: ValidationError) -> None:
        """Show what the node said is wrong with it, each sentence at its field."""
        for name, messages in getattr(error, "message_dict", {"__all__": error.messages}).items():
            if name == "windows":
                self.windows.add_error(None, messages)
            else:
                self.add_error(name if name in self.fields else None, messages)


class ServerForm(NodeForm):
    """A server: DIMSE, DICOMweb, or both."""

    kind = Kind.SERVER
    secrets = ("authorization", "dicomweb_certificate", "tls_certificate")

    ae_title = forms.CharField(label=_("AE title"), max_length=16, required=False, strip=False)
    host = forms.CharField(label=_("Host"), max_length=255, required=False, help_text=_("Name or address."))
    port = forms.IntegerField(label=_("Port"), min_value=1, max_value=65535, required=False)
    calling_ae_title = forms.CharField(
        label=_("Our AE title there"),
        max_length=16,
        required=False,
        strip=False,
        help_text=_("Only where this server knows ADIT under another one."),
    )
    abilities = forms.MultipleChoiceField(
        label=_("What it can do"),
        choices=[(ability.value, word) for ability, word in ABILITY_WORDS.items()],
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
    )
    tls = forms.BooleanField(label=_("Speak TLS"), required=False)
    tls_check_name = forms.BooleanField(label=_("Its certificate has to name its host"), required=False, initial=True)
    tls_ca = _trusted_certificates()
    tls_certificate = _own_certificate()
    dicomweb_url = forms.CharField(
        label=_("DICOMweb URL"),
        max_length=500,
        required=False,
        widget=forms.URLInput(attrs={"spellcheck": "false"}),
        help_text=_("Up to where /studies begins."),
    )
    qido_prefix = forms.CharField(label=_("QIDO path"), max_length=100, required=False)
    wado_prefix = forms.CharField(label=_("WADO path"), max_length=100, required=False)
    stow_prefix = forms.CharField(label=_("STOW path"), max_length=100, required=False)
    authorization = forms.CharField(
        label=_("Authorization header"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Such as Bearer abc."),
    )
    dicomweb_ca = _trusted_certificates()
    dicomweb_certificate = _own_certificate()
    max_associations = forms.IntegerField(
        label=_("Associations at the same time"),
        min_value=1,
        initial=4,
        help_text=_(
            "Over all of ADIT; where there are two or more, one stays free for searches and selective transfers."
        ),
    )
    connect_timeout = forms.FloatField(label=_("Seconds to connect"), initial=10)
    idle_timeout = forms.FloatField(label=_("Seconds of silence"), initial=120, help_text=_("Then it is given up."))
    result_limit = forms.IntegerField(
        label=_("Most results of one query"), min_value=1, required=False, help_text=_("Where the server has a limit.")
    )
    counts_unreliable = forms.BooleanField(label=_("Its counts of instances prove nothing"), required=False)
    decompress = forms.BooleanField(
        label=_("Decompress for it, without loss, what it takes in no other form"), required=False, initial=True
    )

    def _stored(self, node: Node | None) -> dict[str, Any]:
        stored = super()._stored(node)
        if node is not None:
            stored["abilities"] = [ability.value for ability in node.abilities]
        return stored

    def values(self) -> dict[str, Any]:
        values = super().values()
        values["abilities"] = frozenset(map(Ability, values["abilities"]))
        if not values["host"]:
            # A disabled or forgotten tick says nothing where there is no DIMSE at all.
            values["tls_check_name"] = True
        return values


class FolderForm(NodeForm):
    """A folder on a disk of the workers."""

    kind = Kind.FOLDER

    path = forms.CharField(label=_("Path"), max_length=1000)
    quota_gb = forms.FloatField(
        label=_("Quota in GB"),
        required=False,
        help_text=_("What would pass it waits. Empty for no limit."),
    )
    warning_gb = forms.FloatField(
        label=_("Warning in GB"), required=False, help_text=_("Administrators get a mail from then on.")
    )

    def __init__(self, data: Any = None, *, node: Node | None = None) -> None:
        super().__init__(data, node=node)
        roots = ", ".join(str(root) for root in settings.ADIT_FOLDER_ROOTS)
        self.fields["path"].help_text = gettext("Below %(roots)s, as the workers see it.") % {"roots": roots}


def form_for(kind: Kind) -> type[ServerForm] | type[FolderForm]:
    """The form for nodes of this kind."""
    return ServerForm if kind is Kind.SERVER else FolderForm
