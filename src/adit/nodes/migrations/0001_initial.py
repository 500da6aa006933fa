import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import adit.nodes.secrets


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Node",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=64)),
                ("kind", models.CharField(choices=[("server", "Server"), ("folder", "Folder")], max_length=16)),
                ("ae_title", models.CharField(blank=True, default="", max_length=16)),
                ("host", models.CharField(blank=True, default="", max_length=255)),
                ("port", models.PositiveIntegerField(blank=True, null=True)),
                ("find_study", models.BooleanField(default=False)),
                ("find_patient", models.BooleanField(default=False)),
                ("get_study", models.BooleanField(default=False)),
                ("get_patient", models.BooleanField(default=False)),
                ("move_study", models.BooleanField(default=False)),
                ("move_patient", models.BooleanField(default=False)),
                ("store", models.BooleanField(default=False)),
                ("dicomweb_url", models.URLField(blank=True, default="", max_length=500)),
                ("qido", models.BooleanField(default=False)),
                ("wado", models.BooleanField(default=False)),
                ("stow", models.BooleanField(default=False)),
                ("authorization", adit.nodes.secrets.EncryptedTextField(blank=True, editable=False, null=True)),
                ("calling_ae_title", models.CharField(blank=True, default="", max_length=16)),
                ("max_associations", models.PositiveSmallIntegerField(default=4)),
                ("connect_timeout", models.FloatField(default=10)),
                ("idle_timeout", models.FloatField(default=120)),
                ("result_limit", models.PositiveIntegerField(blank=True, null=True)),
                ("counts_unreliable", models.BooleanField(default=False)),
                ("path", models.CharField(blank=True, default="", max_length=1000)),
                ("quota_gb", models.FloatField(blank=True, null=True)),
                ("warning_gb", models.FloatField(blank=True, null=True)),
                (
                    "accepts",
                    models.CharField(
                        choices=[
                            ("anything", "anything"),
                            ("pseudonymised", "only pseudonymised"),
                            ("modified dates", "only with modified dates"),
                            ("identified", "only identified"),
                        ],
                        default="anything",
                        max_length=16,
                    ),
                ),
                ("windows", models.JSONField(blank=True, null=True)),
                ("windows_hold_all", models.BooleanField(default=False)),
                ("enabled", models.BooleanField(default=True)),
                ("suspended_at", models.DateTimeField(blank=True, null=True)),
                ("suspended_reason", models.TextField(blank=True, default="")),
            ],
            options={
                "ordering": [django.db.models.functions.text.Lower("name")],
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("name"),
                        name="node_name_is_unique",
                        violation_error_message="There is a node of this name already, perhaps with other capitals.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("ae_title", ""), _negated=True),
                        fields=("ae_title",),
                        name="node_ae_title_is_unique",
                        violation_error_message="There is a node with this AE title already.",
                    ),
                    models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="node_has_a_name"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("kind", "server"),
                                ("path", ""),
                                ("quota_gb__isnull", True),
                                ("warning_gb__isnull", True),
                            ),
                            models.Q(
                                ("ae_title", ""),
                                ("dicomweb_url", ""),
                                ("host", ""),
                                ("kind", "folder"),
                                ("port__isnull", True),
                                models.Q(("path", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="node_is_server_or_folder",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind", "folder"),
                            models.Q(
                                models.Q(("ae_title", ""), _negated=True),
                                models.Q(("host", ""), _negated=True),
                                ("port__isnull", False),
                            ),
                            models.Q(
                                ("ae_title", ""),
                                ("host", ""),
                                ("port__isnull", True),
                                models.Q(("dicomweb_url", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="server_has_an_address",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("host", ""), _negated=True),
                            models.Q(
                                ("find_patient", False),
                                ("find_study", False),
                                ("get_patient", False),
                                ("get_study", False),
                                ("move_patient", False),
                                ("move_study", False),
                                ("store", False),
                            ),
                            _connector="OR",
                        ),
                        name="dimse_abilities_need_a_host",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("dicomweb_url", ""), _negated=True),
                            models.Q(("qido", False), ("stow", False), ("wado", False)),
                            _connector="OR",
                        ),
                        name="dicomweb_abilities_need_a_url",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("dicomweb_url", ""), _negated=True),
                            ("authorization__isnull", True),
                            _connector="OR",
                        ),
                        name="authorization_needs_a_url",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("port__isnull", True), models.Q(("port__gte", 1), ("port__lte", 65535)), _connector="OR"
                        ),
                        name="port_is_a_port",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("connect_timeout__gt", 0),
                            ("idle_timeout__gt", 0),
                            ("max_associations__gte", 1),
                            ("max_associations__lte", 256),
                        ),
                        name="node_limits_are_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("result_limit__isnull", True), ("result_limit__gte", 1), _connector="OR"),
                        name="result_limit_is_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("quota_gb__isnull", True), ("quota_gb__gt", 0), _connector="OR"),
                            models.Q(("warning_gb__isnull", True), ("warning_gb__gt", 0), _connector="OR"),
                            models.Q(
                                ("quota_gb__isnull", True),
                                ("warning_gb__isnull", True),
                                ("warning_gb__lte", models.F("quota_gb")),
                                _connector="OR",
                            ),
                        ),
                        name="quota_is_positive_and_warns_below",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("suspended_at__isnull", True), ("suspended_reason", "")),
                            models.Q(
                                ("suspended_at__isnull", False), models.Q(("suspended_reason", ""), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="suspended_with_a_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("accepts__in", ["anything", "pseudonymised", "modified dates", "identified"])
                        ),
                        name="node_accepts_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Access",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.BooleanField(default=False)),
                ("destination", models.BooleanField(default=False)),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="node_access",
                        to="auth.group",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="node_access",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "node",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="access", to="nodes.node"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "access",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("group__isnull", False), ("user__isnull", True)),
                            models.Q(("group__isnull", True), ("user__isnull", False)),
                            _connector="OR",
                        ),
                        name="access_of_a_group_or_a_user",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("source", True), ("destination", True), _connector="OR"),
                        name="access_grants_something",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("group__isnull", False)),
                        fields=("node", "group"),
                        name="one_access_row_per_group",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("user__isnull", False)),
                        fields=("node", "user"),
                        name="one_access_row_per_user",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Slot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("holder", models.CharField(blank=True, default="", max_length=100)),
                ("task", models.CharField(blank=True, default="", max_length=100)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                (
                    "node",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="slots", to="nodes.node"
                    ),
                ),
            ],
            options={
                "ordering": ["node", "number"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("holder", ""), _negated=True), fields=["holder"], name="slot_holder"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("node", "number"), name="slot_number_is_unique"),
                    models.CheckConstraint(condition=models.Q(("number__gte", 1)), name="slots_count_from_one"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("holder", ""), ("lease_until__isnull", True), ("task", "")),
                            models.Q(models.Q(("holder", ""), _negated=True), ("lease_until__isnull", False)),
                            _connector="OR",
                        ),
                        name="slot_is_free_or_held",
                    ),
                ],
            },
        ),
    ]
