"""Who may open which address: a table of all of them, held against the URL configuration by `test_every_door.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver

from adit.accounts.groups import add_group
from adit.deid.profile import PROFILES
from adit.jobs.models import BatchFile, Job
from adit.jobs.receipts import Form, issue
from adit.projects import changes as projects
from adit.projects.models import Project
from tests.jobs.bringing import bring_to
from tests.jobs.fakes import a_user, administrator, study_uid, submitted
from tests.nodes.making import server

PUBLIC = frozenset(
    {
        "health",
        "account_login",
        "account_logout",
        "account_signup",
        "account_inactive",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key",
        "account_reset_password_from_key_done",
        "demo_login",
        "receipts-verify",
    }
)
"""What somebody who is not logged in may reach. A new name here is a decision."""

OWN = frozenset(
    {
        "home",
        "home-throughput",
        "account_change_password",
        "account_set_password",
        "profile",
        "profile-access",
        "profile-sessions",
        "profile-sessions-end",
        "jobs",
        "nodes",
        "projects",
        "projects-shipped-profile",
        "whereabouts",
    }
)
"""What everybody who is logged in may open: it shows what is one's own, and nothing of others."""

CLOSED = frozenset(
    {
        "administration",
        "administration-group",
        "administration-group-remove",
        "administration-groups",
        "administration-kinds",
        "administration-mails",
        "administration-notices",
        "administration-open",
        "administration-user",
        "administration-user-access",
        "administration-user-act",
        "administration-user-groups",
        "administration-user-roles",
        "administration-users",
        "administration-words",
        "audit",
        "audit-export",
        "audit-patient",
        "batchquery",
        "batchquery-again",
        "batchquery-errors",
        "batchquery-export",
        "batchquery-file",
        "batchquery-order",
        "batchquery-results",
        "batchquery-template",
        "batchquery-use",
        "batchquery-worksheet",
        "batchtransfer",
        "batchtransfer-checked",
        "batchtransfer-errors",
        "batchtransfer-file",
        "batchtransfer-order",
        "batchtransfer-result",
        "batchtransfer-send",
        "batchtransfer-template",
        "batchtransfer-worksheet",
        "demo-break",
        "demo-panel",
        "demo-send",
        "jobs-act",
        "jobs-linking",
        "jobs-one",
        "jobs-queue",
        "jobs-receipt",
        "jobs-receipt-make",
        "jobs-release",
        "jobs-report",
        "jobs-report-file",
        "jobs-task",
        "jobs-task-act",
        "jobs-words",
        "mass",
        "mass-estimate",
        "mass-order",
        "mass-text",
        "nodes-access",
        "nodes-add",
        "nodes-edit",
        "nodes-entry",
        "nodes-one",
        "nodes-remove",
        "nodes-resume",
        "nodes-suspend",
        "profile-group",
        "profile-session-end",
        "projects-add",
        "projects-edit",
        "projects-import",
        "projects-key",
        "projects-key-backup",
        "projects-key-destroy",
        "projects-key-restore",
        "projects-linking",
        "projects-linking-file",
        "projects-linking-uids",
        "projects-member",
        "projects-member-out",
        "projects-newest",
        "projects-one",
        "projects-profile",
        "projects-words",
        "search",
        "search-chosen",
        "search-download",
        "search-file",
        "search-image",
        "search-panel",
        "search-preview",
        "search-send",
        "search-series",
    }
)
"""What takes a permission, a role, or a share in what it is about; for everybody else it does not exist."""

SOCKETS_OWN = frozenset({"live/", "live/jobs/"})
"""WebSockets of pages in OWN."""

SOCKETS_CLOSED = frozenset(
    {
        "ws/search/",
        "nodes/test/",
        "live/jobs/queue/",
        "live/jobs/<int:pk>/",
        "live/jobs/<int:pk>/tasks/<int:task>/",
        "live/batch/query/jobs/<int:pk>/",
        "live/batch/transfer/jobs/<int:pk>/",
    }
)
"""WebSockets that tell nothing to who may nothing."""

ADMIN = "/django-admin/"
"""What is below is for superusers."""

_WORDS = {"action": "approve", "uidb36": "1", "key": "worker", "kind": "server", "name": "research", "form": "csv"}
"""For parts of addresses that are not any number or word."""


@dataclass(frozen=True, slots=True)
class Somebody:
    """Whose things are tried to be opened.

    Attributes:
        numbers: What `pk` means in addresses whose name begins so, and what other parts mean.
        posted: What is sent along.
        secrets: Words that nobody else may see.
    """

    numbers: dict[str, int]
    posted: dict[str, str]
    secrets: tuple[str, ...]

    def address(self, shape: str, name: str = "") -> str:
        """*shape* with its parts filled in, so that it names something that exists.

        Args:
            name: Of the address: says what `pk` means.
        """

        def filled(found: re.Match[str]) -> str:
            part = found[1]
            if part == "pk":
                meant = [known for known in self.numbers if name.startswith(known)]
                return str(self.numbers.get(max(meant, key=len, default="jobs"), 7))
            return str(self.numbers.get(part) or _WORDS.get(part, "7"))

        return re.sub(r"<(?:\w+:)?(\w+)>", filled, shape)

    def is_seen_in(self, text: str) -> bool:
        return any(secret in text for secret in self.secrets)


NOBODY = Somebody({}, {"action": "delete"}, ())
"""For those who do not get as far as to what there is."""


def somebody_else() -> Somebody:
    """A new user who has one of everything, so that numbers in addresses mean something that exists."""
    by = administrator()
    group = add_group("The secret ward", by=by)
    source, _ = server("SECRET SOURCE", ae_title="A"), server("SECRET DESTINATION", ae_title="B")
    owner = a_user("secret.owner")
    project = projects.add(
        Project(name="The secret project"), by=by, profile=PROFILES["research"], destinations=[source]
    )
    there = {"by": owner, "source": "SECRET SOURCE", "destination": "SECRET DESTINATION"}
    with transaction.atomic():
        job = bring_to(submitted(**there), "success")
    asked, sent = (submitted([study_uid(number)], **there) for number in (8, 9))
    Job.objects.filter(pk=asked.pk).update(kind="batch_query")
    Job.objects.filter(pk=sent.pk).update(kind="batch_transfer")
    receipt = issue(job, Form.INTERNAL, by=owner)
    query, transfer = (
        BatchFile.objects.create(owner=owner, kind=kind, name="secret.csv", content=b"PatientID\nSECRET\n")
        for kind in ("batch_query", "batch_transfer")
    )
    task = job.tasks.get()
    return Somebody(
        numbers={
            "nodes": source.pk,
            "projects": project.pk,
            "batchquery": query.pk,
            "batchtransfer": transfer.pk,
            **dict.fromkeys((f"batchquery-{rest}" for rest in ("again", "export", "results", "use")), asked.pk),
            **dict.fromkeys((f"batchtransfer-{rest}" for rest in ("checked", "result", "send")), sent.pk),
            "jobs": job.pk,
            "jobs-task": task.pk,
            "jobs-receipt": receipt.number,
            "administration-user": owner.pk,
            "administration-group": group.pk,
            "user": owner.pk,
            "task": task.pk,
            "number": receipt.number,
        },
        posted={
            "source": str(source.pk),
            "study": task.study_uid,
            "series": f"{task.study_uid}.1",
            "action": "delete",
            "form": "internal",
            "group": str(group.pk),
        },
        secrets=("secret", "SECRET", task.study_uid),
    )


@dataclass(frozen=True, slots=True)
class Page:
    """One address of the URL configuration.

    Attributes:
        name: With its namespace; empty where it has none.
        shape: As it stands there.
        asynchronous: Its view asks the database on threads of its own.
    """

    name: str
    shape: str
    asynchronous: bool


def pages() -> Iterator[Page]:
    """Every address of the URL configuration."""
    return _pages(get_resolver(), "/", "")


def sockets() -> Iterator[str]:
    """The shape of every WebSocket's address."""
    from adit.site.urls import websocket_urlpatterns  # noqa: PLC0415  not before the settings are read

    return (str(each.pattern) for each in websocket_urlpatterns)


def _pages(resolver: Any, before: str, space: str) -> Iterator[Page]:
    for each in resolver.url_patterns:
        shape = before + _plain(str(each.pattern))
        if isinstance(each, URLResolver):
            yield from _pages(each, shape, f"{space}{each.namespace}:" if each.namespace else space)
        else:
            assert isinstance(each, URLPattern)
            name = f"{space}{each.name}" if each.name else ""
            yield Page(name, shape, iscoroutinefunction(each.callback))


def _plain(shape: str) -> str:
    """A regular expression as if it had been written with `path`."""
    return re.sub(r"\(\?P(<\w+>)(?:[^()]|\([^()]*\))*\)", r"\1", shape).removeprefix("^").removesuffix("$")
