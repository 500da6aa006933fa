"""The secret of a project from which all its pseudonyms derive: 32 random bytes."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from adit.nodes.secrets import Secret

if TYPE_CHECKING:
    from adit.projects.models import Project

LENGTH = 32


def new_key() -> Secret:
    """A fresh key, encrypted."""
    return Secret.seal(secrets.token_hex(LENGTH))


def key_of(project: Project) -> bytes:
    """The key itself, for deriving and for nothing else: it is never shown, logged or sent.

    Raises:
        WrongKey: None of ADIT_SECRET_KEYS decrypts it.
    """
    assert project.secret is not None
    return bytes.fromhex(project.secret.reveal())
