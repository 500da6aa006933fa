"""What came without being asked for: `spool/quarantine/<AE title>/`, one DICOM file (PS3.10) for each instance.

It may be the only trace of a misrouted study, and it is patient data: it stays until somebody has looked at it, or
for as long as is set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adit.endpoints.landing import COMPLETE, PART
from adit.endpoints.names import safe_name


@dataclass(frozen=True, slots=True)
class Held:
    """What lies in quarantine.

    Attributes:
        count: Instances.
        size: Bytes.
        oldest: When the first of them came; None where nothing lies there.
    """

    count: int
    size: int
    oldest: datetime | None


def quarantine(spool: Path) -> Path:
    return spool / "quarantine"


def folder_for(spool: Path, sender: str) -> Path:
    """Where what comes from the AE title *sender* goes; it is there when this returns."""
    folder = quarantine(spool) / safe_name(sender)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def held(spool: Path) -> Held:
    """What lies there now."""
    found = [status for _, status in _files(spool, COMPLETE)]
    oldest = min((status.st_mtime for status in found), default=None)
    size = sum(status.st_size for status in found)
    return Held(len(found), size, None if oldest is None else datetime.fromtimestamp(oldest, UTC))


def clear(spool: Path, *, older_than: timedelta, now: datetime) -> int:
    """Remove what came earlier than that. Returns how many instances there were."""
    until = (now - older_than).timestamp()
    return _remove(path for path, status in _files(spool, COMPLETE) if status.st_mtime < until)


def sweep_broken(spool: Path) -> int:
    """Remove what a receiver that died left in the middle; nobody may be receiving now. Returns how many there were."""
    return _remove(path for path, _ in _files(spool, PART))


def _files(spool: Path, suffix: str) -> Iterator[tuple[Path, os.stat_result]]:
    for path in quarantine(spool).glob(f"*/*{suffix}"):
        # Somebody may be removing them by hand.
        with suppress(FileNotFoundError):
            yield path, path.stat()


def _remove(paths: Iterator[Path]) -> int:
    removed = 0
    for path in paths:
        path.unlink(missing_ok=True)
        removed += 1
    return removed
