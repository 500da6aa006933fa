"""Where the demo keeps what it needs, and the marks that make it misbehave. No Django: settings are made of it."""

from __future__ import annotations

from pathlib import Path

LIES = "lies"
"""Name of the file in the folder of a demo PACS that makes it lie, see `pacs.Pacs`."""

FOLDER = "Demo Folder"
"""Name of the node that is a folder."""

QUOTA = 1_000_000_000
"""Bytes that it may hold."""

FILLER = "filler"
"""Name of the file that fills it; of this size, but holding nothing."""


def folder_of(home: Path) -> Path:
    """Where it lies."""
    return home / "demo" / "folder"
