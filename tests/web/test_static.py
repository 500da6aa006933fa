"""What pages are made of: the vendored files, the icons, templates without scripts, and how much a page weighs."""

from __future__ import annotations

import gzip
import hashlib
import json
import re

import brotli
import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from adit.accounts.models import User
from adit.site.env import PROJECT
from tests.web.people import client_of

WEB = PROJECT / "src/adit/web"
VENDOR = WEB / "static/vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
SOURCES = sorted(path for path in (PROJECT / "src/adit").rglob("*.py"))

HEAVIEST = 250_000
"""Bytes that one page transfers at most, with all that it loads."""


def files() -> dict[str, str]:
    """Vendored file → SHA-256."""
    found = {file["name"]: file["sha256"] for package in MANIFEST["packages"] for file in package["files"]}
    [icons] = [package["sha256"] for package in MANIFEST["packages"] if "icons" in package]
    return found | {"icons.svg": icons}


def named_icons() -> set[str]:
    """The names after `{% icon "…" %}`, `drawing="…"` and the like; what only a variable knows is not among them."""
    found: set[str] = set()
    for path in TEMPLATES:
        found.update(re.findall(r"""{%\s*icon\s+["']([a-z0-9-]+)["']""", path.read_text()))
        found.update(re.findall(r"""drawing=["']([a-z0-9-]+)["']""", path.read_text()))
    for path in SOURCES:
        found.update(re.findall(r"""\b(?:drawing|icon)\s*[:=]\s*["']([a-z0-9-]+)["']""", path.read_text()))
    return found


class TestVendoredFiles:
    @pytest.mark.parametrize("name", files())
    def test_are_what_the_manifest_says(self, name):
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == files()[name]

    @pytest.mark.parametrize("name", files())
    def test_have_compressed_copies_of_the_same(self, name):
        content = (VENDOR / name).read_bytes()

        assert gzip.decompress((VENDOR / f"{name}.gz").read_bytes()) == content
        assert brotli.decompress((VENDOR / f"{name}.br").read_bytes()) == content

    def test_are_all_in_the_manifest(self):
        there = {path.name.removesuffix(".gz").removesuffix(".br") for path in VENDOR.iterdir()}

        assert there - {"manifest.json"} == set(files())

    def test_have_a_version_and_a_licence(self):
        for package in MANIFEST["packages"]:
            assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
            assert package["licence"]


class TestIcons:
    def test_that_are_used_are_in_the_sprite(self):
        sprite = set(re.findall(r'<symbol id="([^"]+)"', (VENDOR / "icons.svg").read_text()))

        assert len(named_icons()) > 20
        assert named_icons() - sprite == set()


class TestTemplates:
    @pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(WEB / "templates")))
    def test_hold_no_script_and_no_style(self, path):
        text = path.read_text()

        assert not re.findall(r"<script(?![^>]*\bsrc=)", text)
        assert not re.findall(r"<style", text)
        assert not re.findall(r"""\sstyle=["']""", text)
        assert not re.findall(r"""\son[a-z]+=["']""", text)
        assert "javascript:" not in text

    @pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(WEB / "templates")))
    def test_name_only_static_files_that_there_are(self, path):
        for name in re.findall(r"""{%\s*static\s+["']([^"']+)["']""", path.read_text()):
            assert finders.find(name), name


@pytest.mark.django_db
class TestAPage:
    @pytest.fixture
    def client(self):
        return client_of(User.objects.create_user("root", is_staff=True, is_superuser=True))

    def transferred(self, client, path: str) -> int:
        """Bytes of the page, not compressed, and of what it loads, compressed with gzip as over plain HTTP."""
        response = client.get(path)
        assert response.status_code == 200
        content = response.content
        loaded = set(re.findall(rf'(?:src|href)="({re.escape(settings.STATIC_URL)}[^"#]+)', content.decode()))
        assert loaded
        return len(content) + sum(self.size(client, each) for each in loaded)

    def size(self, client, url: str) -> int:
        response = client.get(url, headers={"Accept-Encoding": "gzip"})
        assert response.status_code == 200, url
        return len(response.content)

    @pytest.mark.parametrize(
        "path",
        [
            *("/login/", "/", "/search/", "/jobs/", "/jobs/queue/", "/projects/", "/projects/add/", "/nodes/"),
            *("/nodes/add/server/", "/audit/", "/administration/", "/administration/users/", "/profile/access/"),
            *("/whereabouts/", "/receipts/verify/", "/projects/profiles/research/"),
        ],
    )
    def test_transfers_less_than_a_quarter_of_a_megabyte(self, client, path):
        if path == "/login/":
            client.logout()

        transferred = self.transferred(client, path)
        assert transferred < HEAVIEST

    def test_may_be_kept_for_ever_as_far_as_it_is_static(self, client):
        response = client.get(f"{settings.STATIC_URL}web/app.css")

        assert "immutable" in response["Cache-Control"]
        assert re.fullmatch(r"/static/[0-9a-f]{12}/", settings.STATIC_URL)

    def test_is_served_as_brotli_to_who_takes_it(self, client):
        response = client.get(f"{settings.STATIC_URL}vendor/tabler.min.css", headers={"Accept-Encoding": "gzip, br"})

        assert response["Content-Encoding"] == "br"


@pytest.mark.django_db
class TestAStaticFile:
    URL = f"{settings.STATIC_URL}web/app.js"

    def test_is_handed_over_whole(self, client):
        """Django would warn of a synchronous iterator under an asynchronous server, and collect it."""
        response = client.get(self.URL)

        assert not response.streaming
        assert response.content == (WEB / "static/web/app.js").read_bytes()
        assert response["Content-Type"].startswith("text/javascript")

    def test_is_not_sent_to_who_has_it(self, client):
        known = client.get(self.URL)["ETag"]

        response = client.get(self.URL, headers={"If-None-Match": known})

        assert (response.status_code, response.content) == (304, b"")

    def test_is_sent_in_parts(self, client):
        response = client.get(self.URL, headers={"Range": "bytes=2-5"})

        assert (response.status_code, response["Content-Length"]) == (206, "4")
        assert response.content == (WEB / "static/web/app.js").read_bytes()[2:6]

    def test_only_tells_of_itself_when_nothing_else_is_asked(self, client):
        response = client.head(self.URL)

        assert (response.status_code, response.content) == (200, b"")
        assert int(response["Content-Length"]) == (WEB / "static/web/app.js").stat().st_size

    def test_can_only_be_fetched(self, client):
        assert client.post(self.URL).status_code == 405
