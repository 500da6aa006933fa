"""Where browsers find scripts, styles and icons: under an address that changes when one of them does."""

from __future__ import annotations

import hashlib
from pathlib import Path

import django

from adit.site.env import Config

FOLDER = Path(__file__).parents[1] / "web/static"


def static_url(config: Config) -> str:
    """The address of all static files. What was fetched from it may be kept for ever.

    All of a version lie under one address, so that what they say of one another stays right. Every web server of
    the same version has the same.
    """
    # Whoever changes a file wants to see it.
    return "/static/" if config.debug else f"/static/{_digest()}/"


def _digest() -> str:
    digest = hashlib.sha256(django.__version__.encode())
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and path.suffix not in (".gz", ".br"):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
