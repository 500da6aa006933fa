"""Pages that no journey comes by, the ones that will be added too: that they can be used by everybody, and pictures."""

from __future__ import annotations

from django.test import Client
from playwright.sync_api import Page as BrowserPage

from adit.accounts.models import User
from tests.journeys.screens import look_at
from tests.web.doors import ADMIN, PUBLIC, Page, pages, somebody_else
from tests.web.people import client_of

ELSEWHERE = frozenset(
    {
        "home",
        "account_login",
        "account_signup",
        "administration",
        "administration-group",
        "administration-groups",
        "administration-kinds",
        "administration-mails",
        "administration-notices",
        "administration-user",
        "administration-users",
        "audit",
        "jobs",
        "jobs-one",
        "jobs-queue",
        "jobs-receipt",
        "jobs-report",
        "jobs-task",
        "nodes",
        "nodes-add",
        "nodes-edit",
        "nodes-one",
        "profile",
        "profile-access",
        "profile-sessions",
        "projects",
        "projects-key",
        "projects-one",
        "projects-profile",
        "projects-shipped-profile",
        "receipts-verify",
        "search",
        "whereabouts",
    }
)
"""Pages that a journey of their own looks at, with something on them. Not seen here: they would be seen twice."""


def is_a_page(client: Client, address: str) -> bool:
    """Whether a browser shows something there: no file, no fragment, no form that is only posted."""
    answer = client.get(address)
    return answer.status_code == 200 and not answer.streaming and b"<!doctype html" in answer.content[:200].lower()


def others(*, public: bool) -> list[Page]:
    """All but those, and but what asks a PACS: that comes as parts of pages."""
    left = [page for page in pages() if page.name not in ELSEWHERE and not page.shape.startswith(ADMIN)]
    return [page for page in left if (page.name in PUBLIC) is public and not page.asynchronous]


def looked_at(page: BrowserPage, client: Client, those: list[Page]) -> set[str]:
    """Look at all of *those*, and say of all at once what is wrong. The names of those that are pages."""
    somebody, seen, wrong = somebody_else(), set(), []
    for each in those:
        address = somebody.address(each.shape, each.name)
        if is_a_page(client, address):
            page.goto(address)
            seen.add(each.name)
            try:
                look_at(page, f"page {each.name}")
            except AssertionError as error:
                wrong.append(str(error))
    assert not wrong, "\n".join(wrong)
    return seen


class TestEveryOtherPage:
    def test_that_needs_no_log_in_can_be_used(self, visit):
        seen = looked_at(visit(path="/login/"), Client(), others(public=True))

        assert {"account_inactive", "account_reset_password", "account_reset_password_done"} <= seen

    def test_that_needs_one_can_be_used(self, visit):
        root = User.objects.create_user("root", "root@example.org", "a-password-7", is_staff=True, is_superuser=True)

        seen = looked_at(visit(root), client_of(root), others(public=False))

        assert {"account_change_password", "administration-user-access", "projects-add", "projects-edit"} <= seen
