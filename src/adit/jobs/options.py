"""How a job's destination gets what is transferred, frozen when it is submitted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Self

from adit.jobs.models import Job
from adit.transfer.plan import Plan

_SALT = 16


@dataclass(frozen=True, slots=True)
class Options:
    """The JSON in `Job.options`.

    Attributes:
        nifti: NIfTI volumes instead of DICOM files.
        archive_salt: With the job's password it makes the key of what is staged; empty for no archive.
    """

    nifti: bool = False
    archive_salt: bytes = b""

    @classmethod
    def of_plan(cls, plan: Plan) -> Self:
        return cls(plan.nifti, os.urandom(_SALT) if plan.archive_password else b"")

    @classmethod
    def of(cls, job: Job) -> Self:
        stored = job.options
        return cls(bool(stored.get("nifti")), bytes.fromhex(stored.get("archive_salt", "")))

    def to_json(self) -> dict[str, Any]:
        """What differs from the usual."""
        return {
            **({"nifti": True} if self.nifti else {}),
            **({"archive_salt": self.archive_salt.hex()} if self.archive_salt else {}),
        }
