"""Files that were made of a series, staged for an archive: what `shelf` does below a folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from adit.dicom.refs import UID
from adit.endpoints.archive import Archive, finished
from adit.endpoints.files import UNFINISHED
from adit.endpoints.folder import Place
from adit.endpoints.locked import CHUNK, Locked, WrongKey, write_locked
from adit.endpoints.quota import Quota
from adit.endpoints.shelf import Made
from adit.endpoints.syncing import sync_files, sync_folder


class StagedShelf:
    """The files of one study's series, in the staging folder. For one thread.

    Each file says which others there are, so that a series whose files are not all of one time is seen.
    """

    def __init__(self, archive: Archive, *, place: Place, quota: Quota | None = None) -> None:
        self._archive = archive
        self._place = place
        self._quota = quota

    def prepare(self) -> None:
        """Raises OSError when it cannot be written."""
        self._archive.staging.mkdir(mode=0o700, parents=True, exist_ok=True)

    def tidy(self) -> None:
        """Remove the folders in which nothing lies."""
        for folder in (*self._archive.staging.glob(".*"), self._archive.staging):
            with suppress(OSError):
                folder.rmdir()

    def put(self, made: Made, name: str, files: Mapping[str, Path]) -> None:
        """Let *files* be what is staged of the series, instead of what was.

        Raises:
            Full: They do not fit under the quota.
            OSError: They cannot be written.
        """
        folder = self._archive.staging / self._archive.hidden_name(made.study)
        folder.mkdir(mode=0o700, exist_ok=True)
        finals = {folder / self._archive.hidden_name(f"{made.series}{suffix}"): suffix for suffix in files}
        hidden = {final: final.with_name(final.name + UNFINISHED) for final in finals}
        try:
            for final, suffix in finals.items():
                about = {
                    "patient": self._place.patient,
                    "folder": self._place.study,
                    "name": name,
                    "study": made.study,
                    "series": made.series,
                    "file": f"{name}{suffix}",
                    "files": sorted(f"{name}{each}" for each in files),
                    "made_of": sorted(made.instances),
                }
                with hidden[final].open("wb") as file:
                    write_locked(file, self._archive.key, about, self._read(files[suffix]))
            sync_files([str(path) for path in hidden.values()])
            for final, unfinished in hidden.items():
                unfinished.rename(final)
            for path, earlier in self._staged(made.study):
                if earlier["series"] == made.series and path not in finals:
                    path.unlink()
            sync_folder(folder)
        finally:
            for unfinished in hidden.values():
                unfinished.unlink(missing_ok=True)

    def made(self, study: UID) -> Iterator[Made]:
        """What is staged of *study* whole: every file is read again, and is what was written."""
        series: defaultdict[str, list[dict[str, object]]] = defaultdict(list)
        for _, about in self._staged(study):
            series[str(about["series"])].append(about)
        for uid, files in series.items():
            [first, *others] = files
            names = sorted(str(each["file"]) for each in files)
            alike = all((each["made_of"], each["files"]) == (first["made_of"], first["files"]) for each in others)
            instances = first["made_of"]
            if alike and names == first["files"] and isinstance(instances, list):
                yield Made(study, UID(uid), frozenset(map(UID, instances)))

    def _staged(self, study: UID) -> Iterator[tuple[Path, dict[str, object]]]:
        for path in finished(self._archive.staging / self._archive.hidden_name(study)):
            with suppress(WrongKey), Locked(path, self._archive.key) as file:
                for _ in file.chunks():
                    pass
                yield path, file.about

    def _read(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as file:
            while block := file.read(CHUNK):
                if self._quota is not None:
                    self._quota.take(len(block))
                yield block
