"""What the tasks of a job hold: frozen values, stored as JSON of a version."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, ClassVar, Self

from adit.dicom.refs import UID
from adit.transfer.batchrows import QueryRow
from adit.transfer.criteria import Criteria

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


@dataclass(frozen=True, slots=True)
class TransferStudy:
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

    def to_json(self) -> dict[str, Any]:
        """The item as JSON, readable by `from_json` of this and later releases."""
        return {"version": TREATED if self.treated else VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            BadItem: It was written by a later release, or is damaged.
        """
        _readable(stored, VERSION, TREATED)
        known = {field.name for field in fields(cls)}
        try:
            values = {key: value for key, value in stored.items() if key in known}
            values["series"] = tuple(values.get("series", ()))
            values["lines"] = tuple(values.get("lines", ()))
            values["layout"] = Layout(**values["layout"]) if values.get("layout") else None
            item = cls(**values)
        except TypeError as error:
            raise BadItem(f"the item is damaged: {error}") from error
        if item.treated != (stored["version"] == TREATED):
            raise BadItem("the item is damaged: its version and its treatment contradict each other")
        return item


@dataclass(frozen=True, slots=True)
class SealArchive:
    """Seal what the other items of the job staged: the last item of a job that has an archive."""

    work: ClassVar[str] = "seal_archive"

    def to_json(self) -> dict[str, Any]:
        """The item as JSON, readable by `from_json` of this and later releases."""
        return {"version": VERSION}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            BadItem: It was written by a later release, or is damaged.
        """
        _readable(stored, VERSION)
        return cls()


@dataclass(frozen=True, slots=True)
class FindStudies:
    """Ask the source for what some rows of a file describe; all of them over one association."""

    work: ClassVar[str] = "find_studies"
    study: ClassVar[str] = ""
    patient_id: ClassVar[str] = ""

    rows: tuple[QueryRow, ...]

    @property
    def lines(self) -> tuple[int, ...]:
        """Of the file, identical ones included."""
        return tuple(sorted(line for row in self.rows for line in row.lines))

    @property
    def part(self) -> str:
        """No line is in two items of a job."""
        return f"line {self.lines[0]}"

    def to_json(self) -> dict[str, Any]:
        """The item as JSON, readable by `from_json` of this and later releases."""
        return {"version": VERSION, "rows": [row.to_json() for row in self.rows]}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            BadItem: It was written by a later release, or is damaged.
        """
        _readable(stored, VERSION)
        try:
            return cls(tuple(QueryRow.from_json(row) for row in stored["rows"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BadItem(f"the item is damaged: {error}") from error


@dataclass(frozen=True, slots=True)
class LookUpStudies:
    """Ask by queries only what would become of some studies of a file, if they were sent."""

    work: ClassVar[str] = "look_up_studies"
    study: ClassVar[str] = ""
    patient_id: ClassVar[str] = ""

    studies: tuple[TransferStudy, ...]

    @property
    def lines(self) -> tuple[int, ...]:
        """Of the file, identical ones included."""
        return tuple(sorted(line for item in self.studies for line in item.lines))

    @property
    def part(self) -> str:
        """No line is in two items of a job."""
        return f"line {self.lines[0]}"

    def to_json(self) -> dict[str, Any]:
        """The item as JSON, readable by `from_json` of this and later releases."""
        return {"version": VERSION, "studies": [item.to_json() for item in self.studies]}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            BadItem: It was written by a later release, or is damaged.
        """
        _readable(stored, VERSION)
        try:
            return cls(tuple(TransferStudy.from_json(item) for item in stored["studies"]))
        except (KeyError, TypeError) as error:
            raise BadItem(f"the item is damaged: {error}") from error


@dataclass(frozen=True, slots=True)
class SweepWindow:
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
        return f"{self.first:%Y%m%dT%H%M%S}-{self.last:%Y%m%dT%H%M%S}"

    def to_json(self) -> dict[str, Any]:
        """The item as JSON, readable by `from_json` of this and later releases."""
        return {
            "version": VERSION,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "criteria": self.criteria.to_json(),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            BadItem: It was written by a later release, or is damaged.
        """
        _readable(stored, VERSION)
        try:
            first, last = (datetime.fromisoformat(stored[name]) for name in ("first", "last"))
            return cls(first, last, Criteria.from_json(stored["criteria"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BadItem(f"the item is damaged: {error}") from error


Item = TransferStudy | FindStudies | LookUpStudies | SweepWindow
"""What a plan may hold."""


def _readable(stored: dict[str, Any], *versions: int) -> None:
    if stored.get("version") not in versions:
        known = " and ".join(map(str, versions))
        raise BadItem(f"the item has version {stored.get('version')}, this release reads {known}")
