"""What the tasks of a job hold: frozen values, stored as JSON of a version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime, time
from typing import Any, ClassVar, Self

from adit.dicom.refs import UID
from adit.transfer.batches.rows import QueryRow
from adit.transfer.mass.criteria import Criteria

VERSION = 1
"""Of the JSON form of the items. Raise it when a field changes its meaning."""

TREATED = 2
"""Of items that are treated on their way: a release that does not know of treatment does not read them."""


class BadItem(ValueError):
    """A stored item cannot be read by this release."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a study lies below a folder node, as safe relative path parts.

    Fixed when the study is first looked at and stored, so that a retry writes to the same place.

    Attributes:
        job: `adit_<kind>_<job>_<date>_<owner>`.
        patient: Pseudonym or PatientID.
        study: `<date>-<time>-<modalities>`.
    """

    job: str
    patient: str
    study: str


class _Stored:
    """The JSON form of an item: a version, and what the kind of item makes of itself.

    Attributes:
        readable: The versions that this release reads.
    """

    __slots__ = ()

    readable: ClassVar[tuple[int, ...]] = (VERSION,)

    def to_json(self) -> dict[str, Any]:
        """The item as JSON, readable by `from_json` of this and later releases."""
        return {"version": self._version(), **self._content()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            BadItem: It was written by a later release, or is damaged.
        """
        version = stored.get("version")
        if version not in cls.readable:
            known = " and ".join(map(str, cls.readable))
            raise BadItem(f"the item has version {version}, this release reads {known}")
        try:
            return cls._read(stored)
        except BadItem:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise BadItem(f"the item is damaged: {error}") from error

    def _version(self) -> int:
        return VERSION

    def _content(self) -> dict[str, Any]:
        return {}

    @classmethod
    def _read(cls, stored: dict[str, Any]) -> Self:  # noqa: ARG003 (a kind without content has nothing to read)
        """The item of a readable version; any KeyError, TypeError or ValueError says that it is damaged."""
        return cls()


class _OfLines(_Stored):
    """An item of some lines of a file: of no one study and no one patient."""

    __slots__ = ()

    study: ClassVar[str] = ""
    patient_id: ClassVar[str] = ""

    @property
    def lines(self) -> tuple[int, ...]:
        """Of the file, identical ones included."""
        return tuple(sorted(line for described in self._described() for line in described.lines))

    @property
    def part(self) -> str:
        """No line is in two items of a job."""
        return f"line {self.lines[0]}"

    def _described(self) -> Iterable[QueryRow | TransferStudy]:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class TransferStudy(_Stored):
    """Move one study, or some series of it.

    Attributes:
        series: The series to move; none means all that the study has.
        patient_id: As the user or the source gave it; empty when unknown.
        layout: None until the study was looked at, and for destinations that are no folder.
        issuer: Issuer of the PatientID, where the source names it.
        pseudonym: What replaces PatientID and PatientName; empty for none.
        treated: The treatment of the job applies: without it the study must not go.
        lines: Of the file that named it, counted from 1; none where no file did.
        patient_name, birth_date: As that file gave them, the date as YYYYMMDD; empty for not given. A study of
            another PatientID goes only when they match.
    """

    work: ClassVar[str] = "transfer_study"
    readable: ClassVar[tuple[int, ...]] = (VERSION, TREATED)

    study: UID
    series: tuple[UID, ...] = ()
    patient_id: str = ""
    layout: Layout | None = None
    issuer: str = ""
    pseudonym: str = ""
    treated: bool = False
    lines: tuple[int, ...] = ()
    patient_name: str = ""
    birth_date: str = ""

    @property
    def part(self) -> str:
        """Nothing: the study tells which part of the job it is."""
        return ""

    def _version(self) -> int:
        return TREATED if self.treated else VERSION

    def _content(self) -> dict[str, Any]:
        # `asdict` copies deeply, which takes the most time of a file of thousands.
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        return content | {"layout": asdict(self.layout) if self.layout else None}

    @classmethod
    def _read(cls, stored: dict[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        values = {key: value for key, value in stored.items() if key in known}
        values["series"] = tuple(values.get("series", ()))
        values["lines"] = tuple(values.get("lines", ()))
        values["layout"] = Layout(**values["layout"]) if values.get("layout") else None
        item = cls(**values)
        if item.treated != (stored["version"] == TREATED):
            raise BadItem("the item is damaged: its version and its treatment contradict each other")
        return item


@dataclass(frozen=True, slots=True)
class SealArchive(_Stored):
    """Seal what the other items of the job staged: the last item of a job that has an archive."""

    work: ClassVar[str] = "seal_archive"


@dataclass(frozen=True, slots=True)
class FindStudies(_OfLines):
    """Ask the source for what some rows of a file describe; all of them over one association."""

    work: ClassVar[str] = "find_studies"

    rows: tuple[QueryRow, ...]

    def _described(self) -> Iterable[QueryRow]:
        return self.rows

    def _content(self) -> dict[str, Any]:
        return {"rows": [row.to_json() for row in self.rows]}

    @classmethod
    def _read(cls, stored: dict[str, Any]) -> Self:
        return cls(tuple(QueryRow.from_json(row) for row in stored["rows"]))


@dataclass(frozen=True, slots=True)
class LookUpStudies(_OfLines):
    """Ask by queries only what would become of some studies of a file, if they were sent."""

    work: ClassVar[str] = "look_up_studies"

    studies: tuple[TransferStudy, ...]

    def _described(self) -> Iterable[TransferStudy]:
        return self.studies

    def _content(self) -> dict[str, Any]:
        return {"studies": [item.to_json() for item in self.studies]}

    @classmethod
    def _read(cls, stored: dict[str, Any]) -> Self:
        return cls(tuple(TransferStudy.from_json(item) for item in stored["studies"]))


@dataclass(frozen=True, slots=True)
class SweepWindow(_Stored):
    """Find all studies of a span of time that meet criteria: they become items of the same job.

    Attributes:
        first, last: Both included, in the time of the source.
    """

    work: ClassVar[str] = "sweep_window"
    study: ClassVar[str] = ""
    patient_id: ClassVar[str] = ""
    lines: ClassVar[tuple[int, ...]] = ()

    first: datetime
    last: datetime
    criteria: Criteria

    @property
    def part(self) -> str:
        """No two items of a job have the same window."""
        whole = self.first.time() == time.min and self.last.time() >= time(23, 59, 59)
        first, last = (f"{end:%Y-%m-%d}" if whole else f"{end:%Y-%m-%d %H:%M:%S}" for end in (self.first, self.last))
        return first if first == last else f"{first} to {last}"

    def _content(self) -> dict[str, Any]:
        return {
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "criteria": self.criteria.to_json(),
        }

    @classmethod
    def _read(cls, stored: dict[str, Any]) -> Self:
        first, last = (datetime.fromisoformat(stored[name]) for name in ("first", "last"))
        return cls(first, last, Criteria.from_json(stored["criteria"]))


Item = TransferStudy | FindStudies | LookUpStudies | SweepWindow
"""What a plan may hold."""
