"""Places that studies come from or go to, who may use them, and how many associations at once."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from adit.accounts.models import User
from adit.nodes.abilities import (
    BY_DICOMWEB,
    BY_DIMSE,
    FINDS,
    MOVES,
    RETRIEVES,
    STORES,
    Ability,
    Accepts,
    Kind,
)
from adit.nodes.fitting import MOST_ASSOCIATIONS, misfits
from adit.nodes.secrets import EncryptedTextField
from adit.nodes.windows import Windows


class NodeQuerySet(models.QuerySet["Node"]):
    """Nodes, in the words of the rules about them."""

    def enabled(self) -> NodeQuerySet:
        return self.filter(enabled=True)

    def servers(self) -> NodeQuerySet:
        return self.filter(kind=Kind.SERVER)

    def folders(self) -> NodeQuerySet:
        return self.filter(kind=Kind.FOLDER)

    def usable_as_source(self, user: User, group: Group | None) -> NodeQuerySet:
        """Enabled nodes that *user*, acting in *group*, may search and retrieve from."""
        return self.usable(user, group, as_source=True)

    def usable_as_destination(self, user: User, group: Group | None) -> NodeQuerySet:
        """Enabled nodes that *user*, acting in *group*, may store in."""
        return self.usable(user, group, as_destination=True)

    def usable(
        self, user: User, group: Group | None, *, as_source: bool = False, as_destination: bool = False
    ) -> NodeQuerySet:
        """Enabled nodes for which one access row grants all that is asked for.

        The local administrator may use every enabled node. Whether *user* still belongs to *group* is
        asked here too: a group that was left opens nothing.
        """
        nodes = self.enabled()
        if not user.is_active:
            return nodes.none()
        if user.is_local_administrator:
            return nodes
        rows = Access.objects.of(user, group).granting(as_source=as_source, as_destination=as_destination)
        # A subquery, not a join: joined filters could take the one flag from one row and the other from another.
        return nodes.filter(models.Exists(rows.filter(node=models.OuterRef("pk"))))


class Node(models.Model):
    """A configured endpoint: a server (PACS) or a folder.

    Attributes:
        calling_ae_title: Ours, where this server wants another one than ADIT_AE_TITLE; else empty.
        commit: The server takes requests for storage commitment.
        tls: DIMSE goes over TLS.
        tls_ca: PEM certificates that are trusted for that instead of the system's.
        tls_certificate: PEM certificate and private key that we show for that.
        tls_check_name: The certificate of the server has to name its host.
        decompress: What the server takes in no other form may be decompressed for it, without loss.
        qido_prefix, wado_prefix, stow_prefix: What stands between the DICOMweb URL and `/studies` there.
        authorization: Value of the HTTP Authorization header for DICOMweb.
        dicomweb_ca: PEM certificates that are trusted for DICOMweb instead of the system's.
        dicomweb_certificate: PEM certificate and private key that we show for DICOMweb.
        max_associations: At the same time, over all processes.
        connect_timeout: Seconds.
        idle_timeout: Seconds of silence, pending responses count as life.
        result_limit: Most results the server gives to one query, or null.
        windows: Weekly transfer windows, see `windows.Windows`; null means always.
        windows_hold_all: The windows hold selective work too, not only batch and mass.
        suspended_at: Its tasks wait since then, they do not fail.
        suspended_now: Its running tasks are stopped too, and wait with the others.
        answered_at: When it last answered ADIT, see `contact`.
        silent_since: It could not be reached since then; null once it answers again.
        silent_because: What happened then, for a person.
        needs_receiver_until: It refused all ways to retrieve but C-MOVE, see `moving`; remembered until then.
        counts_unreliable: The server miscounts its instances: the counts it gives prove nothing.
        id_domain: Within it a PatientID means one person. Nodes of one domain name the same patients by the same
            PatientIDs; empty is a domain too.
        quota_gb, warning_gb: Of a folder, in units of 10^9 bytes.
    """

    name = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind)

    ae_title = models.CharField(max_length=16, blank=True, default="")
    host = models.CharField(max_length=255, blank=True, default="")
    port = models.PositiveIntegerField(null=True, blank=True)
    find_study = models.BooleanField(default=False)
    find_patient = models.BooleanField(default=False)
    get_study = models.BooleanField(default=False)
    get_patient = models.BooleanField(default=False)
    move_study = models.BooleanField(default=False)
    move_patient = models.BooleanField(default=False)
    store = models.BooleanField(default=False)
    commit = models.BooleanField(default=False)
    tls = models.BooleanField(default=False)
    tls_ca = models.TextField(blank=True, default="")
    tls_certificate = EncryptedTextField()
    tls_check_name = models.BooleanField(default=True)
    decompress = models.BooleanField(default=True)
    dicomweb_url = models.CharField(max_length=500, blank=True, default="")
    qido = models.BooleanField(default=False)
    wado = models.BooleanField(default=False)
    stow = models.BooleanField(default=False)
    qido_prefix = models.CharField(max_length=100, blank=True, default="")
    wado_prefix = models.CharField(max_length=100, blank=True, default="")
    stow_prefix = models.CharField(max_length=100, blank=True, default="")
    authorization = EncryptedTextField()
    dicomweb_ca = models.TextField(blank=True, default="")
    dicomweb_certificate = EncryptedTextField()
    calling_ae_title = models.CharField(max_length=16, blank=True, default="")
    max_associations = models.PositiveSmallIntegerField(default=4)
    connect_timeout = models.FloatField(default=10)
    idle_timeout = models.FloatField(default=120)
    result_limit = models.PositiveIntegerField(null=True, blank=True)
    counts_unreliable = models.BooleanField(default=False)

    path = models.CharField(max_length=1000, blank=True, default="")
    quota_gb = models.FloatField(null=True, blank=True)
    warning_gb = models.FloatField(null=True, blank=True)

    accepts = models.CharField(max_length=16, choices=Accepts, default=Accepts.ANYTHING)
    id_domain = models.CharField(max_length=64, blank=True, default="")
    windows = models.JSONField(null=True, blank=True)
    windows_hold_all = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_reason = models.TextField(blank=True, default="")
    suspended_now = models.BooleanField(default=False)
    answered_at = models.DateTimeField(null=True, blank=True, editable=False)
    silent_since = models.DateTimeField(null=True, blank=True, editable=False)
    silent_because = models.TextField(blank=True, default="", editable=False)
    needs_receiver_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = NodeQuerySet.as_manager()

    class Meta:
        ordering = [Lower("name")]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="node_name_is_unique",
                violation_error_message="There is a node of this name already, perhaps with other capitals.",
            ),
            models.UniqueConstraint(
                fields=["ae_title"],
                condition=~Q(ae_title=""),
                name="node_ae_title_is_unique",
                violation_error_message="There is a node with this AE title already.",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="node_has_a_name"),
            models.CheckConstraint(
                condition=Q(kind=Kind.SERVER, path="", quota_gb__isnull=True, warning_gb__isnull=True)
                | (Q(kind=Kind.FOLDER, ae_title="", host="", port__isnull=True, dicomweb_url="") & ~Q(path="")),
                name="node_is_server_or_folder",
            ),
            models.CheckConstraint(
                condition=Q(kind=Kind.FOLDER)
                | (~Q(ae_title="") & ~Q(host="") & Q(port__isnull=False))
                | (Q(ae_title="", host="", port__isnull=True) & ~Q(dicomweb_url="")),
                name="server_has_an_address",
            ),
            models.CheckConstraint(
                condition=~Q(host="") | Q(**{ability.value: False for ability in sorted(BY_DIMSE)}),
                name="dimse_abilities_need_a_host",
            ),
            models.CheckConstraint(
                condition=~Q(host="") | Q(tls=False, tls_ca="", tls_certificate__isnull=True, tls_check_name=True),
                name="tls_needs_a_host",
            ),
            models.CheckConstraint(
                condition=~Q(dicomweb_url="") | Q(qido=False, wado=False, stow=False),
                name="dicomweb_abilities_need_a_url",
            ),
            models.CheckConstraint(
                condition=~Q(dicomweb_url="")
                | Q(
                    qido_prefix="",
                    wado_prefix="",
                    stow_prefix="",
                    authorization__isnull=True,
                    dicomweb_ca="",
                    dicomweb_certificate__isnull=True,
                ),
                name="dicomweb_settings_need_a_url",
            ),
            models.CheckConstraint(
                condition=Q(port__isnull=True) | Q(port__gte=1, port__lte=65535), name="port_is_a_port"
            ),
            models.CheckConstraint(
                condition=Q(
                    max_associations__gte=1,
                    max_associations__lte=MOST_ASSOCIATIONS,
                    connect_timeout__gt=0,
                    idle_timeout__gt=0,
                ),
                name="node_limits_are_positive",
            ),
            models.CheckConstraint(
                condition=Q(result_limit__isnull=True) | Q(result_limit__gte=1), name="result_limit_is_positive"
            ),
            models.CheckConstraint(
                condition=(Q(quota_gb__isnull=True) | Q(quota_gb__gt=0))
                & (Q(warning_gb__isnull=True) | Q(warning_gb__gt=0))
                & (Q(quota_gb__isnull=True) | Q(warning_gb__isnull=True) | Q(warning_gb__lte=F("quota_gb"))),
                name="quota_is_positive_and_warns_below",
            ),
            models.CheckConstraint(
                condition=Q(suspended_at__isnull=True, suspended_reason="")
                | (Q(suspended_at__isnull=False) & ~Q(suspended_reason="")),
                name="suspended_with_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(suspended_now=False) | Q(suspended_at__isnull=False), name="suspended_now_is_suspended"
            ),
            models.CheckConstraint(condition=Q(accepts__in=Accepts.values), name="node_accepts_is_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_server(self) -> bool:
        return self.kind == Kind.SERVER

    @property
    def is_folder(self) -> bool:
        return self.kind == Kind.FOLDER

    @property
    def our_ae_title(self) -> str:
        """How we call ourselves to this server."""
        return self.calling_ae_title or settings.ADIT_AE_TITLE

    @property
    def abilities(self) -> frozenset[Ability]:
        """What the server is said to be able to do; nothing for a folder."""
        return frozenset(ability for ability in Ability if getattr(self, ability.value))

    @abilities.setter
    def abilities(self, abilities: frozenset[Ability]) -> None:
        for ability in Ability:
            setattr(self, ability.value, ability in abilities)

    @property
    def uses_dimse(self) -> bool:
        """Whether an ability needs AE title, host and port."""
        return bool(self.abilities & BY_DIMSE)

    @property
    def uses_dicomweb(self) -> bool:
        """Whether an ability needs a DICOMweb URL."""
        return bool(self.abilities & BY_DICOMWEB)

    @property
    def weekly_windows(self) -> Windows | None:
        """The windows as a value; None for always open."""
        return Windows.from_json(self.windows)

    def clean(self) -> None:
        """Check what belongs together, with a sentence for each field that is wrong."""
        self.name = " ".join(self.name.split())
        self.host = self.host.strip()
        if wrong := misfits(self):
            raise ValidationError(wrong)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the node, with as many slots as it has associations."""
        super().save(*args, **kwargs)
        if self.is_server:
            Slot.objects.complete(self)


# At the end: what these tables refer to stands above.
from adit.nodes.accessmodels import Access  # noqa: E402
from adit.nodes.slotmodels import Slot, SlotQuerySet  # noqa: E402

__all__ = [
    "BY_DICOMWEB",
    "BY_DIMSE",
    "FINDS",
    "MOVES",
    "RETRIEVES",
    "STORES",
    "Ability",
    "Accepts",
    "Access",
    "Kind",
    "Node",
    "NodeQuerySet",
    "Slot",
    "SlotQuerySet",
]
