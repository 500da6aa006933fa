"""A browser in front of the web application, and real PACS behind it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.journeys.between import TwoPacs, two_pacs
from tests.journeys.server import served
from tests.survival.stage import Stage
from tests.survival.workers import Workers, several_workers

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Playwright's loop runs in this thread, and Django takes that for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def site(transactional_db: None) -> Iterator[str]:
    """The address of the web application, on an empty database."""
    with served() as address:
        yield address


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Callable[..., Page]]:
    """Open the site in a browser of its own, logged in as a user where one is given."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def visiting(user: object = None, path: str = "/") -> Page:
        context = browser.new_context(base_url=site, viewport={"width": 1440, "height": 900}, locale="en-GB")
        contexts.append(context)
        context.set_default_timeout(10_000)
        if user is not None:
            context.add_cookies([{"name": "sessionid", "value": session_of(user), "url": site}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(path)
        return page

    yield visiting
    for context in contexts:
        context.close()
    # A policy that the browser enforces, a script that fails: nobody else would see it. What a
    # test provokes (404, say) it takes out of the list by itself.
    assert [each for each in complaints if "the server responded with a status of" not in each] == []


@pytest.fixture
def stage(transactional_db: None, tmp_path: Path, settings) -> Iterator[Stage]:
    """Empty tables. When the journey is over nothing may be left of what it did."""
    with Stage(tmp_path) as stage:
        settings.ADIT_SPOOL = stage.spool
        yield stage


@pytest.fixture
def pacs(stage: Stage) -> Iterator[TwoPacs]:
    """Two real PACS, as the servers A and B."""
    with two_pacs() as both:
        stage.server("A", both.front, max_associations=1)
        stage.server("B", both.target)
        yield both


@pytest.fixture
def workers(stage: Stage) -> Iterator[Workers]:
    """Starts worker processes as ADIT does."""
    with several_workers(stage) as start:
        yield start


def session_of(user: object) -> str:
    """A session in which *user* is logged in."""
    from django.test import Client  # noqa: PLC0415  not before the settings are read

    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")  # type: ignore[arg-type]
    return client.cookies["sessionid"].value
