"""Why an instance does not leave the house in another's name."""

from __future__ import annotations

from adit.dicom.errors import DicomError


class Excluded(DicomError):
    """A rule that can be named leaves the instance behind."""

    mended_by = "nobody, it was meant"


class Stopped(DicomError):
    """The instance could not be treated as the profile demands, and so does not leave."""

    mended_by = "whoever looks after the profile"
