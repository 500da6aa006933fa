"""Which tables superusers can look at in Django's admin: none that tells about a patient, and no secret."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import Group

from adit.accounts.models import Notice, User
from adit.jobs.models import Job, KindSetting, Worker
from adit.nodes.models import Access, Node
from adit.projects.models import Member, Project
from adit.web.browsing import ReadOnly


@admin.register(User)
class Users(ReadOnly):
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "active_group", "last_login")
    search_fields = ("username", "email", "first_name", "last_name")
    exclude = ("password",)


@admin.register(Group)
class Groups(ReadOnly):
    list_display = search_fields = ("name",)


@admin.register(Node)
class Nodes(ReadOnly):
    list_display = ("name", "kind", "ae_title", "host", "port", "enabled", "suspended_reason")
    search_fields = ("name", "ae_title", "host")
    exclude = ("authorization", "tls_certificate", "dicomweb_certificate")


@admin.register(Access)
class Accesses(ReadOnly):
    list_display = ("node", "group", "user", "source", "destination")
    list_select_related = ("node", "group", "user")


@admin.register(Project)
class Projects(ReadOnly):
    list_display = ("name", "profile_name", "expires_at", "key_destroyed_at")
    search_fields = ("name",)
    exclude = ("secret",)


@admin.register(Member)
class Members(ReadOnly):
    list_display = ("project", "user", "may_send", "may_link")
    list_select_related = ("project", "user")


@admin.register(Job)
class Jobs(ReadOnly):
    list_display = ("pk", "kind", "owner", "source_name", "destination_name", "status", "created_at")
    list_select_related = ("owner",)
    ordering = ("-pk",)
    fields = ("kind", "owner", "group", "source_name", "destination_name", "status", "message", "urgent", "project")
    show_full_result_count = False


@admin.register(Worker)
class Workers(ReadOnly):
    list_display = ("name", "host", "pid", "places", "started_at", "alive_until")


@admin.register(KindSetting)
class Kinds(ReadOnly):
    list_display = ("kind", "locked_reason", "suspended_reason", "starts_without_verification", "limit")


@admin.register(Notice)
class Notices(ReadOnly):
    list_display = ("announcement", "maintenance_reason", "maintenance_until")
