"""The encrypted staging folder of an archive as sink: what was stored in it is sealed later, all at once."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from adit.dicom.errors import BadData, Canceled, DicomError
from adit.dicom.instance import Instance
from adit.dicom.part10 import part10
from adit.dicom.protocols import Cancellation, Capabilities, Outcome, Receipt
from adit.dicom.refs import UID, Ref
from adit.endpoints.archive import Archive, finished, told
from adit.endpoints.files import UNFINISHED
from adit.endpoints.folder import SUFFIX, Place, series_name
from adit.endpoints.locked import Locked, WrongKey, write_locked
from adit.endpoints.quota import Quota
from adit.endpoints.syncing import sync_files, sync_folder

BATCH_FILES = 512
BATCH_SECONDS = 2.0
"""A batch ends with so many files, or so much time."""


@dataclass(frozen=True, slots=True)
class _Written:
    ref: Ref
    size: int
    hidden: Path
    final: Path


class Staging:
    """A sink that stages one study."""

    capabilities = Capabilities()

    def __init__(
        self, archive: Archive, *, name: str, place: Place, quota: Quota | None = None, cancel: Cancellation
    ) -> None:
        """
        Args:
            name: The node's name, for messages.
            place: Where the study will lie in the archive.
        """
        self._archive = archive
        self._name = name
        self._place = place
        self._quota = quota
        self._cancel = cancel
        self._folders: dict[UID, Path] = {}
        self._batch: dict[Path, _Written] = {}
        self._began = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object, /) -> None:
        batch, self._batch = self._batch, {}
        for written in batch.values():
            written.hidden.unlink(missing_ok=True)
        if kind is not None:
            for folder in (*self._folders.values(), self._archive.staging):
                with suppress(OSError):
                    folder.rmdir()

    def store(self, instances: Iterable[Instance]) -> Generator[Receipt, None, None]:
        try:
            for instance in instances:
                with instance:
                    self._cancel.check()
                    receipt = self._take(instance)
                if receipt is not None:
                    yield receipt
                if len(self._batch) >= BATCH_FILES or time.monotonic() - self._began > BATCH_SECONDS:
                    yield from self._finish()
        except Canceled:
            raise
        except DicomError:
            # What came whole before the source broke off, or the disk was full, need not come again.
            yield from self._finish()
            raise
        yield from self._finish()

    def holds(self, study: UID) -> frozenset[UID]:
        """What is staged whole: every file is read again, and is what was written."""
        held: set[UID] = set()
        for path in finished(self._archive.staging / self._archive.hidden_name(study)):
            with suppress(WrongKey, OSError), Locked(path, self._archive.key) as file:
                for _ in file.chunks():
                    self._cancel.check()
                held.update(map(UID, file.about["made_of"]))
        return frozenset(held)

    def _take(self, instance: Instance) -> Receipt | None:
        """Raises Full when it does not fit."""
        try:
            series = series_name(instance)
        except BadData as error:
            return Receipt(instance.ref, Outcome.REFUSED, 0, str(error))
        folder = self._folder_of(instance.ref.study)
        final = folder / self._archive.hidden_name(instance.uid)
        if final in self._batch or final.exists():
            return self._compare(instance, final)
        hidden = final.with_name(final.name + UNFINISHED)
        about = {
            "patient": self._place.patient,
            "folder": self._place.study,
            "name": series,
            "study": instance.ref.study,
            "series": instance.ref.series,
            "file": f"{instance.uid}{SUFFIX}",
            "made_of": [instance.uid],
        }
        try:
            with hidden.open("wb") as file:
                write_locked(file, self._archive.key, about, self._counted(part10(instance)))
        except OSError as error:
            hidden.unlink(missing_ok=True)
            raise told(error, self._name) from error
        except BaseException:
            hidden.unlink(missing_ok=True)
            raise
        if not self._batch:
            self._began = time.monotonic()
        self._batch[final] = _Written(instance.ref, instance.body.size or 0, hidden, final)
        return None

    def _folder_of(self, study: UID) -> Path:
        folder = self._folders.get(study)
        if folder is None:
            folder = self._archive.staging / self._archive.hidden_name(study)
            try:
                self._archive.staging.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.mkdir(mode=0o700, exist_ok=True)
                for left in folder.glob(f".*{UNFINISHED}"):
                    # Of an attempt that was killed: a study has one task, so nobody else writes here.
                    left.unlink(missing_ok=True)
            except OSError as error:
                raise told(error, self._name) from error
            self._folders[study] = folder
        return folder

    def _counted(self, chunks: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        for chunk in chunks:
            if self._quota is not None:
                self._quota.take(len(chunk))
            yield chunk

    def _compare(self, instance: Instance, final: Path) -> Receipt | None:
        """The same instance again changes nothing; another one of the same UID does not replace the first."""
        written = self._batch.get(final)
        with Locked(written.hidden if written else final, self._archive.key) as kept:
            same = all(kept.read(len(chunk)) == chunk for chunk in part10(instance)) and not kept.read(1)
        size = instance.body.size or 0
        if same:
            return Receipt(instance.ref, Outcome.STORED, size)
        reason = f"{self._name} already holds other data under this SOP Instance UID; they were kept"
        return Receipt(instance.ref, Outcome.WARNED, size, reason)

    def _finish(self) -> Iterable[Receipt]:
        """Make the batch durable."""
        batch, self._batch = self._batch, {}
        if not batch:
            return ()
        try:
            sync_files([str(written.hidden) for written in batch.values()])
            for written in batch.values():
                written.hidden.rename(written.final)
            for folder in {written.final.parent for written in batch.values()}:
                sync_folder(folder)
        except OSError as error:
            for written in batch.values():
                written.hidden.unlink(missing_ok=True)
            raise told(error, self._name) from error
        return [Receipt(written.ref, Outcome.STORED, written.size) for written in batch.values()]
