"""Pictures of pages, light and dark, wide and narrow, and what axe-core finds wrong with them."""

from __future__ import annotations

import re
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from adit.site.env import PROJECT

FOLDER = PROJECT / ".screens"
"""Ignored by git; a person looks at them."""

WIDE, NARROW = (1440, 900), (360, 780)


def look_at(page: Page, name: str) -> None:
    """Write the four pictures of what *page* shows, and make sure that it can be used by everybody.

    Fails for what axe-core calls serious or critical, for a page that is wider than its window, and
    for anything that the browser complained of.
    """
    FOLDER.mkdir(exist_ok=True)
    for width, height in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": height})
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{name} is {overflow} pixels wider than a window of {width}"
        for theme in ("light", "dark"):
            page.evaluate("theme => document.documentElement.dataset.bsTheme = theme", theme)
            page.screenshot(path=_path(name, theme, width), full_page=True, animations="disabled")
            if width == WIDE[0]:
                assert not (wrong := _wrong(page)), f"{name} in {theme}: {wrong}"
    page.evaluate("document.documentElement.dataset.bsTheme = 'light'")
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def _path(name: str, theme: str, width: int) -> Path:
    return FOLDER / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}-{theme}-{width}.png"


def _wrong(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['help']} at {each['nodes'][0]['target']}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
