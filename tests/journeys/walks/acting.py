"""What several people do on their way."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from adit.site.demo.patients import studies

BRAIN = next(study for study in studies() if study.patient.name.startswith("O'Neill"))
"""An MR of 64 instances in two series."""

CHEST = next(study for study in studies() if study.patient.name.startswith("Lefèvre"))
"""Two radiographs, of somebody whose name is not ASCII."""


def search(page: Page, source: str, **fields: str) -> None:
    """Go to the search page and search *source*; *fields* by their labels, with _ for spaces."""
    page.get_by_role("link", name="Search and send").first.click()
    page.get_by_label("Source").select_option(label=source)
    for label, text in fields.items():
        page.locator("#search").get_by_label(label.replace("_", " ")).fill(text)
    page.get_by_role("button", name="Search", exact=True).click()


def follow_to(page: Page, status: str) -> None:
    """Stay on the page of a job, which moves by itself, until it says *status*."""
    page.wait_for_url("**/jobs/*/")
    expect(page.locator("#job-head .standing")).to_contain_text(status, timeout=60_000)


def verify(page: Page) -> None:
    """From the receipt on *page* to the page that tells, without a log-in, whether it is genuine."""
    code, number = page.locator(".receipt-code").inner_text(), page.url.rstrip("/").split("/")[-1]
    page.goto("/receipts/verify/")
    page.get_by_label("Number").fill(number)
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Verify").click()
    page.get_by_text("is genuine").wait_for()
