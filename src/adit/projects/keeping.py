"""Backing the key of a project up, bringing it back, and destroying it for good."""

from __future__ import annotations

import base64
import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from django.db import transaction
from django.utils import timezone

from adit.accounts.models import User
from adit.audit.record import record
from adit.deid.keys import KEY_BYTES
from adit.nodes.secrets import Secret
from adit.projects.keys import UnreadableKey, fingerprint_of, key_of
from adit.projects.models import Project

VERSION = 1
"""Of the form of a backup."""

LEAST = 8
"""Characters of a passphrase."""

_SALT, _NONCE = 16, 12
_COST = {"n": 1 << 15, "r": 8, "p": 1}
"""Of scrypt: a tenth of a second and 32 MiB for each passphrase that somebody tries."""


class BadBackup(ValueError):
    """The text is no backup of a key, or the passphrase does not open it."""


class CannotKeep(ValueError):
    """This cannot be done to the key of this project now."""


@transaction.atomic
def backup(project: Project, passphrase: str, *, by: User) -> str:
    """The key of *project*, encrypted with *passphrase*, as text (JSON) for a file.

    Raises:
        CannotKeep: The passphrase is too short.
        NoKey, UnreadableKey: There is nothing to back up.
    """
    if len(passphrase) < LEAST:
        raise CannotKeep(f"A passphrase has at least {LEAST} characters.")
    key, salt, nonce = key_of(project), os.urandom(_SALT), os.urandom(_NONCE)
    head = {"adit": "key of a project", "version": VERSION, "project": project.name}
    sealed = AESGCM(_stretched(passphrase, salt)).encrypt(nonce, key, _bound(head))
    record("project.key_backed_up", by=by, details={"project": project.name})
    parts = {"salt": salt, "nonce": nonce, "key": sealed}
    return json.dumps(head | {name: base64.b64encode(part).decode() for name, part in parts.items()}, indent=2) + "\n"


@transaction.atomic
def restore(project: Project, text: str, passphrase: str, *, by: User) -> None:
    """Give *project* the key of a backup: when its own cannot be read any more, or before it was used.

    Raises:
        BadBackup: It is none, or the passphrase does not open it.
        CannotKeep: The project has another key, which is in use, or had its key destroyed.
    """
    key = _opened(text, passphrase)
    locked = Project.objects.select_for_update().get(pk=project.pk)
    secret = Secret.seal(key.hex())
    if locked.secret is None:
        raise CannotKeep(f"The key of project {locked.name} was destroyed on purpose; that cannot be taken back.")
    # Told by the key itself where it can be read, else by what was noted when the project was made.
    current = _readable_fingerprint(locked)
    known = current or locked.fingerprint
    used = locked.aliases.exclude(digest=None).exists()
    if known and known != fingerprint_of(secret) and (used or not current):
        raise CannotKeep(f"This is the backup of another key than that of project {locked.name}.")
    locked.secret, locked.fingerprint = secret, fingerprint_of(secret)
    locked.save(update_fields=["secret", "fingerprint"])
    record("project.key_restored", by=by, details={"project": locked.name})


@transaction.atomic
def destroy(project: Project, *, by: User) -> int:
    """Destroy the key of *project* and who is behind its pseudonyms, for good.

    `jobs.forgetting` does this together with what its jobs know.

    Returns:
        How many patients were forgotten.

    Raises:
        CannotKeep: It was destroyed before.
    """
    locked = Project.objects.select_for_update().get(pk=project.pk)
    if locked.secret is None:
        raise CannotKeep(f"The key of project {locked.name} was destroyed before.")
    forgotten = locked.aliases.exclude(digest=None).count()
    locked.aliases.all().delete()
    locked.secret, locked.key_destroyed_at = None, timezone.now()
    locked.save(update_fields=["secret", "key_destroyed_at"])
    record("project.key_destroyed", by=by, details={"project": locked.name, "patients": forgotten})
    return forgotten


def _opened(text: str, passphrase: str) -> bytes:
    try:
        stored = json.loads(text)
        head = {name: stored[name] for name in ("adit", "version", "project")}
        salt, nonce, sealed = (base64.b64decode(stored[name], validate=True) for name in ("salt", "nonce", "key"))
    except (ValueError, KeyError, TypeError) as error:
        raise BadBackup("This is no backup of a project's key.") from error
    if head["version"] != VERSION:
        raise BadBackup(f"The backup has version {head['version']}, this release reads {VERSION}.")
    try:
        key = AESGCM(_stretched(passphrase, salt)).decrypt(nonce, sealed, _bound(head))
    except (InvalidTag, ValueError) as error:
        raise BadBackup("The passphrase does not open this backup, or the backup is damaged.") from error
    if len(key) != KEY_BYTES:
        raise BadBackup("The backup holds no key of a project.")
    return key


def _readable_fingerprint(project: Project) -> str:
    assert project.secret is not None
    try:
        return fingerprint_of(project.secret)
    except UnreadableKey:
        return ""


def _stretched(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, **_COST).derive(passphrase.encode())


def _bound(head: dict[str, object]) -> bytes:
    """What is encrypted is bound to what stands beside it in plain."""
    return json.dumps(head, sort_keys=True).encode()
