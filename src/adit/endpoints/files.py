"""A tree of DICOM files as source, whatever its folders are called."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

from pydicom import Dataset
from pydicom.datadict import dictionary_VR

from adit.dicom.errors import BadData, NotFound
from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.matching import matches
from adit.dicom.part10 import Part10, read_part10
from adit.dicom.protocols import Cancellation, Capabilities
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.dicom.scan import Identity, identify

UNFINISHED = ".part"
"""How the names of files end that are still being written."""

_HEAD = 1 << 16
_CHUNK = 1 << 18


def in_folder(folder: Path) -> Iterator[Path]:
    """Every finished file below *folder*, in the order of its path. Hidden ones are left out."""
    if not folder.is_dir():
        return
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith(UNFINISHED):
            yield path


def identity_of(path: Path) -> Identity | None:
    """The UIDs of a DICOM file; None where it is none."""
    try:
        with path.open("rb") as file:
            found = read_part10(file)
            start = file.read(_HEAD)
            try:
                return identify(start, found.transfer_syntax, complete=len(start) < _HEAD)
            except BadData:
                return identify(start + file.read(), found.transfer_syntax, complete=True)
    except (BadData, OSError):
        return None


class FileBody:
    """The data set of a file, read when it is asked for."""

    def __init__(self, path: Path, offset: int) -> None:
        self._exits = ExitStack()
        file = self._exits.enter_context(path.open("rb"))
        self._map = self._exits.enter_context(mmap(file.fileno(), 0, access=ACCESS_READ))
        self._offset = offset

    @property
    def size(self) -> int:
        return len(self._map) - self._offset

    def chunks(self, start: int = 0) -> Iterator[memoryview]:
        for at in range(self._offset + start, len(self._map), _CHUNK):
            yield memoryview(self._map[at : at + _CHUNK])

    def close(self) -> None:
        self._exits.close()


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    part10: Part10
    ref: Ref


class Files:
    """The source. Looks at all files once, when it is first asked."""

    capabilities = Capabilities()

    def __init__(self, root: Path, *, name: str, cancel: Cancellation) -> None:
        """
        Args:
            name: The node's name, for messages.
        """
        self._root = root
        self._name = name
        self._cancel = cancel
        self._known: list[_File] | None = None

    def find(self, query: Query) -> Iterator[Match]:
        groups: dict[object, list[_File]] = {}
        for file in self._files():
            groups.setdefault(self._group(file, query.level), []).append(file)
        given = 0
        for files in groups.values():
            self._cancel.check()
            match = Match(query.level, self._answer(query, files))
            if matches(match, query):
                yield match
                given += 1
                if given == query.limit:
                    return

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]:
        found = False
        for file in self._files():
            if any(file.ref in ref for ref in refs):
                self._cancel.check()
                found = True
                assert file.ref.instance is not None
                body = FileBody(file.path, file.part10.offset)
                yield Instance(file.ref, file.part10.sop_class, file.part10.transfer_syntax, body)
        if not found:
            raise NotFound("nothing is stored under what was asked for").on(self._name)

    def _files(self) -> list[_File]:
        if self._known is None:
            self._known = list(self._look())
        return self._known

    def _look(self) -> Iterator[_File]:
        seen: set[UID] = set()
        for path in in_folder(self._root):
            self._cancel.check()
            found = identity_of(path)
            if found is None or found.study is None or found.series is None or found.instance is None:
                continue
            if found.instance not in seen:
                seen.add(found.instance)
                yield _File(path, read_part10(path), Ref(found.study, found.series, found.instance))

    def _group(self, file: _File, level: Level) -> object:
        match level:
            case Level.PATIENT:
                return str(self._head(file).get("PatientID", ""))
            case Level.STUDY:
                return file.ref.study
            case Level.SERIES:
                return file.ref.series
        return file.ref.instance

    def _answer(self, query: Query, files: list[_File]) -> Dataset:
        """What a PACS would answer about *files*, which belong together at the level of *query*."""
        heads = [self._head(file) for file in files]
        answer = Dataset()
        for keyword in dict.fromkeys((*_RETURNED[query.level], *(key for key, _ in query.keys), *query.wanted)):
            for head in heads:
                if keyword in head:
                    answer[keyword] = head[keyword]
                    break
        if "SpecificCharacterSet" in heads[0]:
            answer["SpecificCharacterSet"] = heads[0]["SpecificCharacterSet"]
        counts = {Level.PATIENT: "Patient", Level.STUDY: "Study", Level.SERIES: "Series"}
        if query.level in counts:
            _put(answer, f"NumberOf{counts[query.level]}RelatedInstances", str(len(files)))
        if query.level is Level.STUDY:
            _put(answer, "NumberOfStudyRelatedSeries", str(len({file.ref.series for file in files})))
            _put(answer, "ModalitiesInStudy", sorted({str(head.get("Modality", "")) for head in heads} - {""}))
            _put(answer, "SOPClassesInStudy", sorted({file.part10.sop_class for file in files}))
        return answer

    @staticmethod
    def _head(file: _File) -> Dataset:
        body = FileBody(file.path, file.part10.offset)
        with Instance(file.ref, file.part10.sop_class, file.part10.transfer_syntax, body) as instance:
            return instance.head()


_PATIENT = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
_STUDY = (*_PATIENT, "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription", "AccessionNumber")
_SERIES = ("StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription")
_RETURNED = {
    Level.PATIENT: _PATIENT,
    Level.STUDY: _STUDY,
    Level.SERIES: _SERIES,
    Level.INSTANCE: ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "InstanceNumber"),
}


def _put(answer: Dataset, keyword: str, value: object) -> None:
    answer.add_new(keyword, dictionary_VR(keyword), value)
