"""What a job will do, as frozen values: built by forms, sheets, API and command line alike.

A plan knows nodes by name; who may use them is asked when it is submitted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Self

from adit.dicom.refs import UID

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
    """

    work: ClassVar[str] = "transfer_study"

    study: UID
    series: tuple[UID, ...] = ()
    patient_id: str = ""
    layout: Layout | None = None
    issuer: str = ""
    pseudonym: str = ""
    treated: bool = False

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


def _readable(stored: dict[str, Any], *versions: int) -> None:
    if stored.get("version") not in versions:
        known = " and ".join(map(str, versions))
        raise BadItem(f"the item has version {stored.get('version')}, this release reads {known}")


@dataclass(frozen=True, slots=True)
class Pseudonymising:
    """That a job pseudonymises, and how. Pseudonyms that the user brings are in the items.

    Attributes:
        project: Its name: its key, its profile and its pseudonyms count. Empty: the job gets a key of its own.
        profile: Name of a profile; empty for that of the project, else the default.
        generate: Make a pseudonym for every patient that has none.
        unchecked_pixels: Let pass what may show text in its pixels, as ultrasound does.
    """

    project: str = ""
    profile: str = ""
    generate: bool = False
    unchecked_pixels: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """The clinical trial that is written into what is sent (PS3.3 C.7.1.3). Empty texts for none."""

    protocol_id: str = ""
    protocol_name: str = ""

    def __bool__(self) -> bool:
        return bool(self.protocol_id or self.protocol_name)


NO_TRIAL = Trial()


@dataclass(frozen=True, slots=True)
class Plan:
    """One job to be: everything `submit()` needs except who asks.

    Attributes:
        kind: Key of the job kind, e.g. "selective".
        source: Name of the source node.
        destination: Name of the destination node.
        urgent: Asks for the kind's urgent priority.
        nifti: The folder gets NIfTI volumes instead of DICOM files.
        archive_password: The folder gets one archive that opens with it; empty for no archive.
        pseudonymising: None sends the studies as they are.
        trial: Written into what is sent, pseudonymised or not.
        mail: Its owner gets a mail when it has ended; None for as the owner usually wants it.
    """

    kind: str
    source: str
    destination: str
    items: tuple[TransferStudy, ...]
    urgent: bool = False
    nifti: bool = False
    archive_password: str = field(default="", repr=False)
    pseudonymising: Pseudonymising | None = None
    trial: Trial = NO_TRIAL
    mail: bool | None = None
