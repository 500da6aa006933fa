"""Writing the password-protected archive of what was staged: by one writer, all at once, and proved."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from glob import escape
from pathlib import Path
from secrets import token_hex
from sys import intern
from typing import Any, NamedTuple

import py7zr
from py7zr.io import Py7zIO

from adit.dicom.errors import BadData
from adit.dicom.protocols import Cancellation
from adit.endpoints.archive import Archive, finished, told
from adit.endpoints.files import UNFINISHED
from adit.endpoints.locked import Locked
from adit.endpoints.names import LONGEST, safe_name
from adit.endpoints.quota import Quota
from adit.endpoints.syncing import sync_files, sync_folder

MANIFEST = "MANIFEST.json"

_FILTERS = [{"id": py7zr.FILTER_COPY}, {"id": py7zr.FILTER_CRYPTO_AES256_SHA256}]
"""Not compressed: in Python that takes ten times as long as the rest together."""


class Lost(BadData):
    """What was staged is not there any more."""

    mended_by = "whoever looks after the folder; then restart the job"


class _Staged(NamedTuple):
    """A staged file, and where it will lie in the archive."""

    path: Path
    folder: tuple[str, str, str]
    series: str
    name: str


def seal(
    archive: Archive,
    *,
    password: str,
    manifest: dict[str, Any],
    least: int,
    name: str,
    quota: Quota | None = None,
    cancel: Cancellation,
) -> int:
    """Write what is staged into the archive, read it again, and put it in the place of an earlier one.

    What is staged stays, so that it can be sealed again when more has come; see `unstage`.

    Args:
        manifest: Becomes an entry of its own, as JSON.
        least: So many instances are staged, or some were lost.
        name: The node's name, for messages.
        cancel: Asked again and again, which is a sign of life too.

    Returns:
        The number of instances.

    Raises:
        WrongKey: A staged file was changed.
        BadData: Too few are staged, or what was written cannot be read again.
        Full: It does not fit.
        Canceled: The token was set; the earlier archive, if there was one, is untouched.
    """
    hidden = archive.root / f".{archive.job}.7z.{token_hex(4)}{UNFINISHED}"
    try:
        for left in archive.root.glob(f".{escape(archive.job)}.7z.*{UNFINISHED}"):
            # Of an attempt that was killed; or that is frozen, and then cannot put it into its place any more.
            left.unlink(missing_ok=True)
        instances: set[str] = set()
        staged = list(_staged(archive, instances, cancel))
        if len(instances) < least:
            raise Lost(f"only {len(instances)} of {least} instances that were staged are still there").on(name)
        with py7zr.SevenZipFile(hidden, "w", password=password, header_encryption=True, filters=_FILTERS) as file:
            for path, one in zip(_paths(staged), staged, strict=True):
                cancel.check()
                with Locked(one.path, archive.key) as content:
                    if quota is not None:
                        quota.take(content.size)
                    file.writef(content, path)
            file.writestr(json.dumps(manifest, indent=2, ensure_ascii=False), MANIFEST)
        _prove(hidden, password, len(staged) + 1, cancel)
        sync_files([str(hidden)])
        hidden.replace(archive.path)
        sync_folder(archive.root)
    except OSError as error:
        raise told(error, name) from error
    finally:
        with suppress(OSError):
            hidden.unlink(missing_ok=True)
    return len(instances)


def _staged(archive: Archive, instances: set[str], cancel: Cancellation) -> Iterator[_Staged]:
    """What is staged; *instances* gets what it was made of."""
    for folder in sorted(archive.staging.glob(".*")):
        for path in finished(folder):
            cancel.check()
            with Locked(path, archive.key) as file:
                about = file.about
            instances.update(about["made_of"])
            # A job may have millions of them, and they share most of their words.
            place = (intern(about["patient"]), intern(about["folder"]), intern(about["name"]))
            yield _Staged(path, place, intern(about["series"]), about["file"])


def _paths(staged: Sequence[_Staged]) -> Iterator[str]:
    """Where each lies in the archive: as in a folder, the same whenever it is sealed."""
    owners: dict[tuple[str, str, str], set[str]] = {}
    for one in staged:
        owners.setdefault(one.folder, set()).add(one.series)
    for one in staged:
        patient, study, series = one.folder
        if one.series != min(owners[one.folder]):
            series = f"{safe_name(series, most=LONGEST - 7)}~{one.series[-6:]}"
        yield f"{patient}/{study}/{series}/{one.name}"


def _prove(path: Path, password: str, entries: int, cancel: Cancellation) -> None:
    """Read it as whoever gets it will.

    Raises:
        BadData: It is not what was written.
    """
    try:
        with py7zr.SevenZipFile(path, "r", password=password) as file:
            whole = len(file.getnames()) == entries
            file.extractall(factory=_Nowhere(cancel))
    except (py7zr.exceptions.ArchiveError, EOFError) as error:
        raise BadData("the archive cannot be read again as it was written") from error
    if not whole:
        raise BadData("the archive does not hold what was written")


class _Nowhere(py7zr.WriterFactory):
    """Takes what is read from an archive, so that its checksums are proved, and keeps nothing."""

    def __init__(self, cancel: Cancellation) -> None:
        self._cancel = cancel

    def create(self, filename: str) -> Py7zIO:  # noqa: ARG002 - the signature is py7zr's
        return _Swallowed(self._cancel)


class _Swallowed(Py7zIO):
    def __init__(self, cancel: Cancellation) -> None:
        self._cancel = cancel
        self._size = 0

    def write(self, s: bytes | bytearray) -> int:
        self._cancel.check()
        self._size += len(s)
        return len(s)

    def read(self, size: int | None = None) -> bytes:  # noqa: ARG002
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002
        return self._size

    def flush(self) -> None:
        """Nothing is kept back."""

    def size(self) -> int:
        return self._size
