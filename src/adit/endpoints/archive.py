"""A password-protected archive as destination: tasks store into a staging folder, one writer seals.

Nothing of the content, and no name of it, is on the disk unencrypted: staged files are locked with a key that is
derived from the password, and have keyed hashes for names. The archive is a 7z file whose list of names is
encrypted with the rest, which 7-Zip, PeaZip, Keka and others open.
"""

from __future__ import annotations

import hmac
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from adit.dicom.errors import DicomError, Full
from adit.endpoints.files import UNFINISHED
from adit.endpoints.folder import Unwritable
from adit.endpoints.locked import derived
from adit.endpoints.spoolfile import NO_ROOM


@dataclass(frozen=True, slots=True)
class Archive:
    """The archive of one job.

    Attributes:
        root: The folder node's path.
        job: Name of the job's folder; the archive is called after it.
        key: Locks the staged files.
    """

    root: Path
    job: str
    key: bytes = field(repr=False)

    @property
    def path(self) -> Path:
        """The sealed archive."""
        return self.root / f"{self.job}.7z"

    @property
    def staging(self) -> Path:
        """The folder in which is staged what the archive will hold."""
        return self.root / f".{self.job}.staging"

    def hidden_name(self, text: str) -> str:
        """A name on the disk for *text*, from which it cannot be told."""
        return f".{hmac.new(derived(self.key, b'names'), text.encode(), sha256).hexdigest()[:32]}"


def unstage(archive: Archive) -> None:
    """Remove what was staged. Safe to call twice."""
    shutil.rmtree(archive.staging, ignore_errors=True)


def finished(folder: Path) -> Sequence[Path]:
    """The files of a staging folder that were written to their end."""
    return sorted(path for path in folder.glob(".*") if not path.name.endswith(UNFINISHED))


def told(error: OSError, name: str) -> DicomError:
    """*error* of the folder node *name*, in the words of the floors above."""
    if error.errno in NO_ROOM:
        return Full("no space is left on its disk").on(name)
    return Unwritable(f"it cannot be written: {os.strerror(error.errno) if error.errno else error}").on(name)
