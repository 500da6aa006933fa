"""The secret of a project from which all that pseudonymises derives: 32 random bytes."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from adit.deid.keys import KEY_BYTES, Key
from adit.dicom.errors import DicomError
from adit.nodes.secrets import Secret, WrongKey

if TYPE_CHECKING:
    from adit.projects.models import Project


class NoKey(DicomError):
    """The key of the project was destroyed."""

    mended_by = "nobody: it is gone for good"


class UnreadableKey(DicomError):
    """The key cannot be decrypted: none of ADIT_SECRET_KEYS is the one it was encrypted with."""


def new_key() -> Secret:
    """A fresh key, encrypted."""
    return Secret.seal(secrets.token_hex(KEY_BYTES))


def key_of(project: Project) -> bytes:
    """The key itself, for deriving and for nothing else: it is never shown, logged or sent.

    Raises:
        NoKey: It was destroyed.
        UnreadableKey: None of ADIT_SECRET_KEYS decrypts it.
    """
    if project.secret is None:
        raise NoKey(f"the key of project {project.name} was destroyed; nothing can be sent or linked for it")
    return revealed(project.secret)


def revealed(secret: Secret) -> bytes:
    """The bytes of an encrypted key.

    Raises:
        UnreadableKey: None of ADIT_SECRET_KEYS decrypts it.
    """
    try:
        return bytes.fromhex(secret.reveal())
    except WrongKey as error:
        raise UnreadableKey from error


def fingerprint_of(secret: Secret) -> str:
    """What tells one key from another, and nothing else about it."""
    return Key(revealed(secret)).derive("fingerprint").hex()[:32]
