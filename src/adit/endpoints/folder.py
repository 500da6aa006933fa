"""A folder on disk as sink (behaviour section 4, destinations).

A file appears under its final name only when it is complete and durable: it is written under a
hidden name, a batch of them is synced at once, and then they are renamed.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from adit.dicom.errors import BadData, Full
from adit.dicom.instance import Instance
from adit.dicom.part10 import part10
from adit.dicom.protocols import Cancellation, Capabilities, Outcome, Receipt
from adit.dicom.refs import UID, Ref
from adit.endpoints.files import UNFINISHED, identity_of, in_folder
from adit.endpoints.names import safe_name
from adit.endpoints.quota import Quota
from adit.endpoints.spoolfile import NO_ROOM
from adit.endpoints.syncing import sync_file_system, sync_folder

SUFFIX = ".dcm"

BATCH_FILES = 512
BATCH_SECONDS = 2.0
"""A batch ends with its series, or with so many files, or so much time."""

_BUFFERS = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Where one study lies below the folder: three safe path parts."""

    job: str
    patient: str
    study: str


@dataclass(slots=True)
class _Written:
    """A file that waits to be synced and renamed."""

    ref: Ref
    size: int
    hidden: Path
    final: Path


@dataclass(slots=True)
class _Batch:
    series: UID
    began: float
    files: list[_Written] = field(default_factory=list)


class Folder:
    """A sink that writes one study below a folder."""

    capabilities = Capabilities()

    def __init__(
        self, root: Path, *, name: str, place: Place, quota: Quota | None = None, cancel: Cancellation
    ) -> None:
        """
        Args:
            name: The node's name, for messages.
        """
        self._name = name
        self._root = root
        self._study = root / place.job / place.patient / place.study
        self._quota = quota
        self._cancel = cancel
        self._folders: dict[UID, Path] = {}
        self._hashes: dict[Path, bytes] = {}
        self._batch: _Batch | None = None

    def __enter__(self) -> Self:
        try:
            self._study.mkdir(parents=True, exist_ok=True)
            for left in self._study.glob(f"*/*{UNFINISHED}"):
                # Of an attempt that was killed: a study has one task, so nobody else writes here.
                left.unlink(missing_ok=True)
        except OSError as error:
            raise self._told(error) from error
        for path in self._study.iterdir():
            if path.is_dir() and (owner := _owner(path)) is not None:
                self._folders[owner] = path
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object, /) -> None:
        batch, self._batch = self._batch, None
        for written in batch.files if batch else ():
            written.hidden.unlink(missing_ok=True)
        for folder in (*self._folders.values(), self._study, self._study.parent, self._study.parent.parent):
            if kind is not None:
                # Only what nothing was stored in.
                _remove_empty(folder)

    def store(self, instances: Iterable[Instance]) -> Generator[Receipt, None, None]:
        for instance in instances:
            with instance:
                self._cancel.check()
                if self._batch is not None and self._is_over(self._batch, instance):
                    yield from self._finish()
                try:
                    receipt = self._take(instance)
                except Full:
                    yield from self._finish()
                    raise
            if receipt is not None:
                yield receipt
        yield from self._finish()

    def holds(self, study: UID) -> frozenset[UID]:
        """What really lies there: what was written in this session is read again and hashed."""
        held = set()
        for path in in_folder(self._study):
            written = self._hashes.get(path)
            if written is not None and _hash_of(path) != written:
                continue
            if (found := identity_of(path)) is not None and found.study == study and found.instance is not None:
                held.add(found.instance)
        return frozenset(held)

    def _is_over(self, batch: _Batch, instance: Instance) -> bool:
        late = time.monotonic() - batch.began > BATCH_SECONDS
        return late or len(batch.files) >= BATCH_FILES or batch.series != instance.ref.series

    def _take(self, instance: Instance) -> Receipt | None:
        """Write *instance* under a hidden name; or say at once what is with it.

        Raises:
            Full: It does not fit.
        """
        try:
            folder = self._folder_of(instance)
        except BadData as error:
            return Receipt(instance.ref, Outcome.REFUSED, 0, str(error))
        final = folder / f"{instance.uid}{SUFFIX}"
        if final.exists():
            return self._compare(instance, final)
        hidden = folder / f".{instance.uid}{UNFINISHED}"
        try:
            size = self._write(instance, hidden, final)
        except OSError as error:
            hidden.unlink(missing_ok=True)
            raise self._told(error) from error
        except BaseException:
            hidden.unlink(missing_ok=True)
            raise
        if self._batch is None:
            assert instance.ref.series is not None
            self._batch = _Batch(instance.ref.series, time.monotonic())
        self._batch.files.append(_Written(instance.ref, size, hidden, final))
        return None

    def _write(self, instance: Instance, hidden: Path, final: Path) -> int:
        digest = hashlib.sha256()
        buffers: list[bytes | memoryview] = []
        written = 0
        with hidden.open("wb", buffering=0) as file:
            for chunk in part10(instance):
                digest.update(chunk)
                buffers.append(chunk)
                written += len(chunk)
                if self._quota is not None:
                    self._quota.take(len(chunk))
                # A chunk of a large body is valid until the next one only.
                if len(buffers) == _BUFFERS or instance.body.size is None:
                    _write_all(file.fileno(), buffers)
                    buffers = []
            _write_all(file.fileno(), buffers)
        self._hashes[final] = digest.digest()
        assert instance.body.size is not None
        return instance.body.size

    def _compare(self, instance: Instance, final: Path) -> Receipt:
        """The same instance again changes nothing; another one of the same UID does not replace the first."""
        digest = hashlib.sha256()
        for chunk in part10(instance):
            digest.update(chunk)
        size = instance.body.size or 0
        if digest.digest() == _hash_of(final):
            return Receipt(instance.ref, Outcome.STORED, size)
        reason = f"{self._name} already holds other data under this SOP Instance UID; they were kept"
        return Receipt(instance.ref, Outcome.WARNED, size, reason)

    def _finish(self) -> Iterable[Receipt]:
        """Make the batch durable and visible."""
        if self._batch is None:
            return ()
        batch = self._batch
        try:
            sync_file_system(self._study)
            for written in batch.files:
                written.hidden.rename(written.final)
            sync_folder(batch.files[0].final.parent)
        except OSError as error:
            raise self._told(error) from error
        self._batch = None
        return [Receipt(written.ref, Outcome.STORED, written.size) for written in batch.files]

    def _folder_of(self, instance: Instance) -> Path:
        """The folder of the instance's series, which is the same for all of them and in every attempt."""
        series = instance.ref.series
        assert series is not None
        folder = self._folders.get(series)
        if folder is None:
            name = _series_name(instance)
            folder = self._study / name
            if folder.exists() and folder in self._folders.values():
                folder = self._study / f"{safe_name(name, most=90)}~{series[-6:]}"
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                raise self._told(error) from error
            self._folders[series] = folder
        return folder

    def _told(self, error: OSError) -> Exception:
        if error.errno in NO_ROOM:
            return Full(f"no space is left on the disk of {self._root}").on(self._name)
        return Unwritable(f"{self._root} cannot be written: {error.strerror}").on(self._name)


class Unwritable(BadData):
    """The folder cannot be written."""

    mended_by = "whoever looks after the folder"


def _series_name(instance: Instance) -> str:
    """`<series number>-<series description>` of the data as they are; without a number the series UID."""
    head = instance.head()
    number, description = (str(head.get(keyword) or "").strip() for keyword in ("SeriesNumber", "SeriesDescription"))
    assert instance.ref.series is not None
    return safe_name(f"{number}-{description}".strip("-") if number else instance.ref.series)


def _owner(folder: Path) -> UID | None:
    """The series whose instances lie in *folder*."""
    for path in in_folder(folder):
        if (found := identity_of(path)) is not None:
            return found.series
    return None


def _hash_of(path: Path) -> bytes:
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").digest()


def _write_all(descriptor: int, buffers: list[bytes | memoryview]) -> None:
    rest = [memoryview(each) for each in buffers]
    while rest:
        written = os.writev(descriptor, rest)
        while rest and written >= len(rest[0]):
            written -= len(rest.pop(0))
        if written:
            rest[0] = rest[0][written:]


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        # It is not empty, or was never made.
        return
