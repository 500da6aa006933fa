"""Text of others, as the database takes it."""

from __future__ import annotations


def storable(text: str) -> str:
    """*text* as PostgreSQL takes it: peers send all sorts of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
