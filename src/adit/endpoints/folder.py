"""A folder on disk as sink (behaviour section 4, destinations).

A file appears under its final name only when it is complete and durable: it is written under a
hidden name, a batch of them is synced at once, and then they are renamed.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from adit.dicom.errors import BadData, Canceled, DicomError, Full
from adit.dicom.instance import Instance
from adit.dicom.protocols import Cancellation, Capabilities, Outcome, Receipt
from adit.dicom.refs import UID, Ref
from adit.endpoints.files import UNFINISHED, identity_of, in_folder
from adit.endpoints.names import LONGEST, safe_name
from adit.endpoints.quota import Quota
from adit.endpoints.spoolfile import NO_ROOM
from adit.endpoints.syncing import sync_files, sync_folder
from adit.endpoints.writing import digest_of_file, digest_of_instance, write

SUFFIX = ".dcm"

BATCH_FILES = 512
BATCH_SECONDS = 2.0
"""A batch ends with its series, or with so many files, or so much time."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one study lies below the folder: three safe path parts."""

    job: str
    patient: str
    study: str


@dataclass(slots=True)
class _Series:
    """One series folder, and the names that are taken in it."""

    path: str
    names: set[str]


@dataclass(frozen=True, slots=True)
class _Written:
    """A file of this session: hidden until it is durable, then what to hold against it."""

    ref: Ref
    size: int
    hidden: str
    final: str
    digest: bytes


@dataclass(slots=True)
class _Batch:
    series: UID
    began: float
    files: dict[str, _Written] = field(default_factory=dict)
    """By their final names."""


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
        self._folders: dict[UID, _Series] = {}
        self._written: dict[str, _Written] = {}
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
                self._folders[owner] = _Series(str(path), set(os.listdir(path)))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object, /) -> None:
        batch, self._batch = self._batch, None
        for written in batch.files.values() if batch else ():
            _forget(written.hidden)
        if kind is not None:
            # Only what nothing was stored in goes.
            series = [Path(each.path) for each in self._folders.values()]
            for folder in (*series, self._study, self._study.parent, self._study.parent.parent):
                with suppress(OSError):
                    folder.rmdir()

    def store(self, instances: Iterable[Instance]) -> Generator[Receipt, None, None]:
        try:
            for instance in instances:
                with instance:
                    self._cancel.check()
                    if self._batch is not None and self._is_over(self._batch, instance):
                        yield from self._finish()
                    receipt = self._take(instance)
                if receipt is not None:
                    yield receipt
        except Canceled:
            raise
        except DicomError:
            # What came whole before the source broke off, or the disk was full, need not come again.
            yield from self._finish()
            raise
        yield from self._finish()

    def holds(self, study: UID) -> frozenset[UID]:
        """What really lies there: what was written in this session is read again and hashed."""
        held = set()
        for path in in_folder(self._study):
            written = self._written.get(str(path))
            if written is None:
                found = identity_of(path)
                ref = found and found.study == study and found.instance
            else:
                intact = written.ref.study == study and digest_of_file(written.final) == written.digest
                ref = intact and written.ref.instance
            if ref:
                held.add(ref)
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
            series = self._series_of(instance)
        except BadData as error:
            return Receipt(instance.ref, Outcome.REFUSED, 0, str(error))
        name = f"{instance.uid}{SUFFIX}"
        final = f"{series.path}/{name}"
        if name in series.names:
            return self._compare(instance, digest_of_file(final))
        if self._batch is not None and final in self._batch.files:
            return self._compare(instance, self._batch.files[final].digest)
        hidden = f"{series.path}/.{instance.uid}{UNFINISHED}"
        try:
            digest = write(instance, hidden, self._quota)
        except OSError as error:
            _forget(hidden)
            raise self._told(error) from error
        except BaseException:
            _forget(hidden)
            raise
        if self._batch is None:
            assert instance.ref.series is not None
            self._batch = _Batch(instance.ref.series, time.monotonic())
        size = instance.body.size
        assert size is not None
        self._batch.files[final] = _Written(instance.ref, size, hidden, final, digest)
        return None

    def _compare(self, instance: Instance, kept: bytes) -> Receipt:
        """The same instance again changes nothing; another one of the same UID does not replace the first."""
        digest = digest_of_instance(instance)
        size = instance.body.size or 0
        if digest == kept:
            return Receipt(instance.ref, Outcome.STORED, size)
        reason = f"{self._name} already holds other data under this SOP Instance UID; they were kept"
        return Receipt(instance.ref, Outcome.WARNED, size, reason)

    def _finish(self) -> Iterable[Receipt]:
        """Make the batch durable and visible."""
        if self._batch is None:
            return ()
        batch, self._batch = self._batch, None
        series = self._folders[batch.series]
        try:
            sync_files([written.hidden for written in batch.files.values()])
            for written in batch.files.values():
                os.rename(written.hidden, written.final)
            sync_folder(Path(series.path))
        except OSError as error:
            for written in batch.files.values():
                _forget(written.hidden)
            raise self._told(error) from error
        series.names.update(final.rpartition("/")[2] for final in batch.files)
        self._written.update(batch.files)
        return [Receipt(written.ref, Outcome.STORED, written.size) for written in batch.files.values()]

    def _series_of(self, instance: Instance) -> _Series:
        """The folder of the instance's series, which is the same for all of them and in every attempt."""
        uid = instance.ref.series
        assert uid is not None
        series = self._folders.get(uid)
        if series is None:
            name = series_name(instance)
            path = self._study / name
            if any(each.path == str(path) for each in self._folders.values()):
                path = self._study / f"{safe_name(name, most=LONGEST - 7)}~{uid[-6:]}"
            try:
                path.mkdir(exist_ok=True)
            except OSError as error:
                raise self._told(error) from error
            series = self._folders[uid] = _Series(str(path), set(os.listdir(path)))
        return series

    def _told(self, error: OSError) -> Exception:
        if error.errno == errno.EFBIG:
            return Full(f"files of this size are not allowed on the disk of {self._root}").on(self._name)
        if error.errno in NO_ROOM:
            return Full(f"no space is left on the disk of {self._root}").on(self._name)
        return Unwritable(f"{self._root} cannot be written: {error.strerror}").on(self._name)


class Unwritable(BadData):
    """The folder cannot be written."""

    mended_by = "whoever looks after the folder"


def series_name(instance: Instance) -> str:
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


def _forget(hidden: str) -> None:
    with suppress(OSError):
        os.unlink(hidden)
