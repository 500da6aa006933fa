"""What a job will do, as frozen values: built by forms, sheets, API and command line alike.

A plan knows nodes by name; who may use them is asked when it is submitted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from adit.transfer.items import Item, TransferStudy


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
        destination: Name of the destination node; empty for what sends nothing.
        urgent: Asks for the kind's urgent priority.
        nifti: The folder gets NIfTI volumes instead of DICOM files.
        archive_password: The folder gets one archive that opens with it; empty for no archive.
        pseudonymising: None sends the studies as they are.
        trial: Written into what is sent, pseudonymised or not.
        mail: Its owner gets a mail when it has ended; None for as the owner usually wants it.
        project: It is made for, where it does not pseudonymise; `pseudonymising` names its own.
        description, ethics_number: What it is made for, in the user's words.
        file: Id of the file whose lines it was made from.
        check: Number of the check whose findings it sends.
        once: A value that no other plan has: of all that carry it one becomes a job; empty for no such promise.
    """

    kind: str
    source: str
    destination: str
    items: tuple[Item, ...]
    urgent: bool = False
    nifti: bool = False
    archive_password: str = field(default="", repr=False)
    pseudonymising: Pseudonymising | None = None
    trial: Trial = NO_TRIAL
    mail: bool | None = None
    project: str = ""
    description: str = ""
    ethics_number: str = ""
    file: int | None = None
    check: int | None = None
    once: str = ""

    @property
    def transfers(self) -> tuple[TransferStudy, ...]:
        """The studies that it names itself."""
        return tuple(item for item in self.items if isinstance(item, TransferStudy))

    @property
    def size(self) -> int:
        """How much it is, as limits count it: lines of the file, or items where no lines are named."""
        return sum(max(1, len(item.lines)) for item in self.items)
