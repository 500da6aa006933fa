"""Reading the files that options name."""

from __future__ import annotations

from pathlib import Path

from adit.site.cli.output import Misused


def first_line(file: Path, what: str) -> str:
    """The first line of *file*, without its end.

    Args:
        what: It is, for the sentence when it is empty.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            line = opened.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.") from error
    if not line:
        raise Misused(f"{file} holds no {what}: it has to be its first line.")
    return line


def content(file: Path) -> bytes:
    """All that is in *file*."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise Misused(f"{file} cannot be read: {error.strerror}.") from error
