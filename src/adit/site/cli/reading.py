"""Reading what options name: UIDs, and files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adit.dicom.refs import UID, BadUID, uid
from adit.site.cli.output import Misused


def uid_of(option: str, written: str) -> UID:
    """The UID that was given with *option*.

    Raises:
        Misused: It is none.
    """
    try:
        return uid(written)
    except BadUID as error:
        raise Misused(f"{option}: {error}.") from error


def first_line(file: Path, what: str) -> str:
    """The first line of *file*, without its end.

    Args:
        what: It is, for the sentence when it is empty.
    """
    with _readable(file), file.open(encoding="utf-8-sig", newline="") as opened:
        line = opened.readline().rstrip("\r\n")
    if not line:
        raise Misused(f"{file} holds no {what}: it has to be its first line.")
    return line


def text(file: Path) -> str:
    """All that is in *file*, which is UTF-8."""
    with _readable(file):
        return file.read_text(encoding="utf-8-sig")


def content(file: Path) -> bytes:
    """All that is in *file*."""
    with _readable(file):
        return file.read_bytes()


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.") from error
