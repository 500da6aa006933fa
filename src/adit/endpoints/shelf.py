"""Files that were made of a series, below a folder: all files of a series appear at once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

from adit.dicom.refs import UID
from adit.endpoints.files import UNFINISHED
from adit.endpoints.names import LONGEST, safe_name
from adit.endpoints.quota import Quota
from adit.endpoints.syncing import sync_files, sync_folder

RECORD = ".made-of.json"
"""Hidden beside the files: which instances they were made of, and the files' hashes."""

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Made:
    """What lies in the folder of one series, and which instances it was made of."""

    study: UID
    series: UID
    instances: frozenset[UID]


class Shelf:
    """The folders of one study's series. For one thread."""

    def __init__(self, study: Path, *, quota: Quota | None = None) -> None:
        self._study = study
        self._quota = quota

    def prepare(self) -> None:
        """Make the folder, and clear away what an attempt that was killed left.

        Raises:
            OSError: It cannot be written.
        """
        self._study.mkdir(parents=True, exist_ok=True)
        for left in self._study.glob(f".*{UNFINISHED}"):
            shutil.rmtree(left)

    def tidy(self) -> None:
        """Remove the folders in which nothing lies."""
        for folder in (self._study, self._study.parent, self._study.parent.parent):
            with suppress(OSError):
                folder.rmdir()

    def put(self, made: Made, name: str, files: Mapping[str, Path]) -> None:
        """Let *files* be what lies there of the series, instead of what lay there before.

        Args:
            name: Of the series' folder, and how the names of its files begin.
            files: By what stands behind that beginning.

        Raises:
            Full: They do not fit under the quota.
            OSError: They cannot be written.
        """
        folder = self._folder_of(made.series, name)
        hidden = self._study / f".{made.series}{UNFINISHED}"
        old = self._study / f".{made.series}.old{UNFINISHED}"
        try:
            hidden.mkdir()
            hashes = {f"{name}{suffix}": self._copy(path, hidden / f"{name}{suffix}") for suffix, path in files.items()}
            record = {
                "study": made.study,
                "series": made.series,
                "instances": sorted(made.instances),
                "files": hashes,
            }
            (hidden / RECORD).write_text(json.dumps(record), encoding="ascii")
            sync_files([str(path) for path in hidden.iterdir()])
            if folder.exists():
                folder.rename(old)
            hidden.rename(folder)
            sync_folder(self._study)
        finally:
            for left in (hidden, old):
                shutil.rmtree(left, ignore_errors=True)

    def made(self, study: UID) -> Iterator[Made]:
        """What really lies there of *study*: the files are read again and hashed."""
        for folder in self._folders():
            record = _record_of(folder)
            if (
                record
                and record["study"] == study
                and all(_hash_of(folder / name) == digest for name, digest in record["files"].items())
            ):
                yield Made(UID(record["study"]), UID(record["series"]), frozenset(map(UID, record["instances"])))

    def _folders(self) -> Iterable[Path]:
        return sorted(path for path in self._study.glob("*") if path.is_dir() and not path.name.startswith("."))

    def _folder_of(self, series: UID, name: str) -> Path:
        """The same in every attempt."""
        taken = {}
        for folder in self._folders():
            record = _record_of(folder)
            if record and record["series"] == series:
                return folder
            taken[folder.name] = folder
        return self._study / (f"{safe_name(name, most=LONGEST - 7)}~{series[-6:]}" if name in taken else name)

    def _copy(self, path: Path, into: Path) -> str:
        digest = xxhash.xxh3_128()
        with path.open("rb", buffering=0) as source, into.open("xb", buffering=0) as target:
            while block := source.read(_BLOCK):
                digest.update(block)
                if self._quota is not None:
                    self._quota.take(len(block))
                view = memoryview(block)
                while view:
                    view = view[os.write(target.fileno(), view) :]
        return digest.hexdigest()


def _record_of(folder: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return record


def _hash_of(path: Path) -> str:
    digest = xxhash.xxh3_128()
    try:
        with path.open("rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()
