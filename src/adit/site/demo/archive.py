"""What a demo PACS holds: computed studies and stored files, found by keys, read as encoded bytes."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from adit.dicom.refs import UID, Level
from adit.site.demo.description import DemoSeries, DemoStudy
from adit.site.demo.encoding import EXPLICIT_LITTLE
from adit.site.demo.heads import head
from adit.site.demo.matching import answer, matches, values_of
from adit.site.demo.objects import instance

_LEVELS = (Level.PATIENT, Level.STUDY, Level.SERIES, Level.INSTANCE)
_UNIQUE = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_PATIENT = ("SpecificCharacterSet", "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "IssuerOfPatientID")
_STUDY = (
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyDescription", "AccessionNumber", "StudyID",
    "ReferringPhysicianName", "PatientAge",
)  # fmt: skip
_SERIES = (
    "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription", "SeriesDate", "SeriesTime",
    "BodyPartExamined", "ProtocolName", "Manufacturer", "InstitutionName", "StationName",
)  # fmt: skip
_INSTANCE = ("SOPClassUID", "SOPInstanceUID", "InstanceNumber", "Rows", "Columns", "NumberOfFrames", "ContentDate")


@dataclass(frozen=True, slots=True)
class Record:
    """One instance that is held.

    Attributes:
        attributes: What can be asked about it; of a computed one, only what is its own.
        load: Gives the encoded data set.
    """

    uid: UID
    sop_class: UID
    transfer_syntax: UID
    attributes: Dataset
    load: Callable[[], bytes]


@dataclass(slots=True)
class _Series:
    attributes: Dataset
    records: dict[UID, Record] = field(default_factory=dict)


@dataclass(slots=True)
class _Study:
    patient: Dataset
    attributes: Dataset
    series: dict[UID, _Series] = field(default_factory=dict)

    def records(self) -> int:
        return sum(len(series.records) for series in self.series.values())


class Archive:
    """Studies, series and instances. Safe for several threads.

    Args:
        folder: Where stored instances are kept; those that are there already are held from the start.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._studies: dict[UID, _Study] = {}
        self._lock = Lock()
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob("*/*/*.dcm")):
            try:
                self._index(path)
            except (InvalidDicomError, AttributeError) as error:
                logging.getLogger(__name__).warning("%s is left out: %s", path.name, type(error).__name__)

    def describe(self, study: DemoStudy) -> None:
        """Hold a study whose instances are computed when they are retrieved."""
        for series in study.series:
            attributes = head(study, series)
            for number in range(1, series.count + 1):
                record = _computed(study, series, number)
                self._add(attributes, record)

    def store(self, study: UID, series: UID, uid: UID, part10: bytes) -> None:
        """Keep an instance as a file. One that is held already stays as it is."""
        path = self._folder / study / series / f"{uid}.dcm"
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{id(part10)}.part")
        unfinished.write_bytes(part10)
        unfinished.rename(path)
        self._index(path)

    def find(self, identifier: Dataset) -> Iterator[Dataset]:
        """Answers to a C-FIND identifier, hierarchical or relational.

        Raises:
            ValueError: Its Query/Retrieve Level is missing or none of the four.
        """
        level = Level(str(identifier.get("QueryRetrieveLevel", "")))
        for attributes in self._at(level, identifier):
            if matches(attributes, identifier):
                yield answer(attributes, identifier)

    def under(self, identifier: Dataset) -> list[Record]:
        """Every instance that a C-GET or C-MOVE identifier names.

        Raises:
            ValueError: It lacks its level, or the unique key of that level.
        """
        level = Level(str(identifier.get("QueryRetrieveLevel", "")))
        depth = _LEVELS.index(level)
        if not identifier.get(_UNIQUE[depth]):
            raise ValueError(f"no {_UNIQUE[depth]}")
        wanted = [set(values_of(identifier[key])) if identifier.get(key) else None for key in _UNIQUE[: depth + 1]]
        wanted += [None] * (4 - len(wanted))

        def named(place: int, value: str) -> bool:
            chosen = wanted[place]
            return chosen is None or value in chosen

        with self._lock:
            return [
                record
                for study_uid, study in self._studies.items()
                if named(1, study_uid) and named(0, str(study.patient.get("PatientID", "")))
                for series_uid, series in study.series.items()
                if named(2, series_uid)
                for record in series.records.values()
                if named(3, record.uid)
            ]

    def _index(self, path: Path) -> None:
        data = dcmread(path, stop_before_pixels=True)
        record = Record(
            UID(str(data.SOPInstanceUID)),
            UID(str(data.SOPClassUID)),
            UID(str(data.file_meta.TransferSyntaxUID)),
            _part(data, _INSTANCE),
            partial(_encoded_in, path),
        )
        self._add(data, record)

    def _add(self, data: Dataset, record: Record) -> None:
        study_uid, series_uid = UID(str(data.StudyInstanceUID)), UID(str(data.SeriesInstanceUID))
        with self._lock:
            study = self._studies.get(study_uid)
            if study is None:
                study = self._studies[study_uid] = _Study(_part(data, _PATIENT), _part(data, _STUDY))
            series = study.series.get(series_uid)
            if series is None:
                series = study.series[series_uid] = _Series(_part(data, _SERIES))
            series.records[record.uid] = record

    def _at(self, level: Level, identifier: Dataset) -> Iterator[Dataset]:
        """The attributes of everything at *level*, those of the levels above included."""
        with self._lock:
            studies = list(self._studies.values())
        if level is Level.PATIENT:
            patients = {str(study.patient.get("PatientID")): study.patient for study in studies}
            for patient_id, patient in patients.items():
                own = [study for study in studies if study.patient.get("PatientID") == patient_id]
                counted = _merged(patient)
                counted.NumberOfPatientRelatedStudies = len(own)
                counted.NumberOfPatientRelatedInstances = sum(study.records() for study in own)
                yield counted
            return
        one_study, one_series = identifier.get("StudyInstanceUID"), identifier.get("SeriesInstanceUID")
        for study in studies:
            # What these leave out is left out by matching too; only sooner.
            if isinstance(one_study, str) and one_study and one_study != study.attributes.StudyInstanceUID:
                continue
            of_study = _merged(study.patient, study.attributes)
            with self._lock:
                all_series = list(study.series.values())
            of_study.ModalitiesInStudy = sorted({str(series.attributes.Modality) for series in all_series})
            of_study.NumberOfStudyRelatedSeries = len(all_series)
            of_study.NumberOfStudyRelatedInstances = study.records()
            if level is Level.STUDY:
                yield of_study
                continue
            for series in all_series:
                if isinstance(one_series, str) and one_series and one_series != series.attributes.SeriesInstanceUID:
                    continue
                of_series = _merged(of_study, series.attributes)
                with self._lock:
                    records = list(series.records.values())
                of_series.NumberOfSeriesRelatedInstances = len(records)
                if level is Level.SERIES:
                    yield of_series
                    continue
                for record in records:
                    of_instance = _merged(of_series, record.attributes)
                    of_instance.AvailableTransferSyntaxUID = record.transfer_syntax
                    yield of_instance


def _computed(study: DemoStudy, series: DemoSeries, number: int) -> Record:
    attributes = Dataset()
    uid = series.instance(number)
    attributes.SOPClassUID, attributes.SOPInstanceUID = series.sop_class, uid
    attributes.InstanceNumber = number
    return Record(
        uid, series.sop_class, EXPLICIT_LITTLE, attributes, lambda: instance(study, series, number).encoded
    )  # fmt: skip


def _encoded_in(path: Path) -> bytes:
    with path.open("rb") as file:
        # The file meta information is a group of its own with its length in front (PS3.10 7.1).
        file.seek(140)
        length = int.from_bytes(file.read(4), "little")
        file.seek(144 + length)
        return file.read()


def _part(data: Dataset, keywords: tuple[str, ...]) -> Dataset:
    part = Dataset()
    for keyword in keywords:
        if keyword in data:
            part[keyword] = data[keyword]
    return part


def _merged(*parts: Dataset) -> Dataset:
    whole = Dataset()
    for part in parts:
        whole.update(part)
    return whole
