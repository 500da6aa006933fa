"""How a job's destination gets what is transferred, frozen when it is submitted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Self

from adit.jobs.models import Job
from adit.jobs.treating import Treating
from adit.transfer.plan import NO_TRIAL, Plan, Trial

_SALT = 16


@dataclass(frozen=True, slots=True)
class Options:
    """The JSON in `Job.options`.

    Attributes:
        nifti: NIfTI volumes instead of DICOM files.
        archive_salt: With the job's password it makes the key of what is staged; empty for no archive.
        treating: How the studies are pseudonymised; None where they keep their identity.
        trial: Written into what is sent.
        mail: The owner gets a mail when it has ended.
        generate: Patients without a pseudonym get one, whatever the project does; a check keeps it for what follows.
    """

    nifti: bool = False
    archive_salt: bytes = b""
    treating: Treating | None = None
    trial: Trial = NO_TRIAL
    mail: bool = False
    generate: bool = False

    @classmethod
    def of_plan(cls, plan: Plan, treating: Treating | None = None, *, mail: bool = False) -> Self:
        salt = os.urandom(_SALT) if plan.archive_password else b""
        generate = plan.pseudonymising is not None and plan.pseudonymising.generate
        return cls(plan.nifti, salt, treating, plan.trial, mail, generate)

    @classmethod
    def of(cls, job: Job) -> Self:
        stored = job.options
        treating = Treating.from_json(stored["treating"]) if stored.get("treating") else None
        trial = Trial(*stored.get("trial", ()))
        salt = bytes.fromhex(stored.get("archive_salt", ""))
        flags = bool(stored.get("mail")), bool(stored.get("generate"))
        return cls(bool(stored.get("nifti")), salt, treating, trial, *flags)

    def to_json(self) -> dict[str, Any]:
        """What differs from the usual."""
        return {
            **({"nifti": True} if self.nifti else {}),
            **({"archive_salt": self.archive_salt.hex()} if self.archive_salt else {}),
            **({"treating": self.treating.to_json()} if self.treating else {}),
            **({"trial": [self.trial.protocol_id, self.trial.protocol_name]} if self.trial else {}),
            **({"mail": True} if self.mail else {}),
            **({"generate": True} if self.generate else {}),
        }
