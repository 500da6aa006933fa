"""A key in a file of its own: 64 hexadecimal digits that only its owner may read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from adit.deid.keys import KEY_BYTES
from adit.site.cli.output import Failed


def read_key(path: Path) -> bytes:
    """The key in the file at *path*.

    Raises:
        Failed: It cannot be read, others may read it too, or it holds no key.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            written = file.read(1024)
    except FileNotFoundError:
        raise Failed(f"there is no key file {path}; without --key-file one is made beside the output") from None
    except OSError as error:
        raise Failed(f"the key file {path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise Failed(f"others may read the key file {path}: whoever has it links pseudonyms to patients; chmod 600 it")
    try:
        key = bytes.fromhex(written.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise Failed(f"{path} is no key file: it holds {KEY_BYTES * 2} hexadecimal digits")
    return key


def make_key(path: Path) -> bytes:
    """Write a fresh key into *path*, which must not be there yet.

    Raises:
        Failed: It cannot be written.
    """
    key = secrets.token_bytes(KEY_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Failed(f"the key file {path} cannot be written: {error.strerror}") from error
    return key
