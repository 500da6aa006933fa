"""What a job is called at its destination."""

from __future__ import annotations

import re

from adit.jobs.models import Job


def job_folder(job: Job) -> str:
    """The first part of the path below a folder node: `adit_<kind>_<job>_<date>_<owner>`."""
    owner = re.sub(r"[^A-Za-z0-9.-]+", "-", job.owner.get_username())
    return f"adit_{job.kind}_{job.pk}_{job.created_at:%Y%m%d}_{owner}"
