"""What a job does to studies on their way: frozen when it is submitted, and turned into a treatment by the worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from adit.deid.keys import Patient
from adit.deid.profile import Dates, Profile, WithoutPatientID
from adit.dicom.errors import DicomError
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Trial
from adit.transfer.treating import Treats, pseudonymised


class Unreadable(DicomError):
    """What the job does to its studies cannot be read by this release, so nothing is sent."""


@dataclass(frozen=True, slots=True)
class Treating:
    """How a job pseudonymises.

    Attributes:
        profile: As JSON (`deid.profile.Profile`): a job keeps its version for life.
        dates: What the profile does to dates, to be searched for.
        domain: The id domain of the source.
        excluded_modalities: Stay behind.
        unchecked_pixels: What may show text in its pixels may go.
        brought: The user brought the pseudonyms, so the job may show them to him.
        released: Attributes in which an identifier may be left, by a person's decision.
        readable: This release understands it.
    """

    profile: dict[str, Any]
    dates: Dates
    domain: str = ""
    excluded_modalities: tuple[str, ...] = ()
    unchecked_pixels: bool = False
    brought: bool = False
    released: tuple[str, ...] = ()
    readable: bool = True

    def to_json(self) -> dict[str, Any]:
        """As JSON, readable by `from_json` of this and later releases."""
        return {
            "profile": self.profile,
            "dates": self.dates.value,
            "domain": self.domain,
            "excluded_modalities": list(self.excluded_modalities),
            "unchecked_pixels": self.unchecked_pixels,
            "brought": self.brought,
            "released": list(self.released),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        What says more than this release knows, or is damaged, gives a treating by which nothing can be sent: a
        job like that must not stand in the way of others.
        """
        try:
            return cls(
                **stored
                | {
                    "dates": Dates(stored["dates"]),
                    "excluded_modalities": tuple(stored["excluded_modalities"]),
                    "released": tuple(stored["released"]),
                }
            )
        except (TypeError, KeyError, ValueError):
            return cls({"name": "unreadable", "version": "?"}, Dates.KEEP, readable=False)

    def treats(self, item: TransferStudy, key: bytes, trial: Trial, *, converted: bool = False) -> Treats:
        """The treatment of *item*, for one attempt.

        Args:
            converted: See `transfer.treating.Pseudonymised`.

        Raises:
            Unreadable: The profile was made by another release, or the item names no patient.
        """
        if not self.readable:
            raise Unreadable
        try:
            profile = Profile.from_json(self.profile)
            patient = patient_of(item, self.domain, profile)
        except (ValueError, KeyError) as error:
            raise Unreadable(f"the profile of the job cannot be used: {error}") from error
        return pseudonymised(
            profile,
            key,
            patient,
            pseudonym=item.pseudonym,
            domain=self.domain,
            trial=trial,
            converted=converted,
            excluded_modalities=frozenset(self.excluded_modalities),
            unchecked_pixels=self.unchecked_pixels,
            released=frozenset(self.released),
        )


def patient_of(item: TransferStudy, domain: str, profile: Profile) -> Patient:
    """Whose study *item* is.

    Raises:
        ValueError: Nobody's: it has no PatientID, and the profile wants one.
    """
    if item.patient_id.strip("\0 "):
        return Patient(item.patient_id, item.issuer, domain)
    if profile.without_patient_id is WithoutPatientID.BY_STUDY:
        return Patient.of_study(item.study, domain)
    raise ValueError(f"study {item.study} has no PatientID, and the profile {profile.name} wants one")
