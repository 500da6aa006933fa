"""Files that people bring: kept as they came, until their jobs are gone, or a week where no job was made of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction

from adit.accounts.models import User
from adit.audit.record import record
from adit.jobs.models import BatchFile
from adit.transfer.sheets.reading import BadSheet, Sheet, read_sheet

UNUSED = timedelta(days=7)
"""So long a file is kept of which no job was made."""

_LONGEST_NAME = 200
_MEBIBYTE = 1024 * 1024


def check_size(size: int) -> None:
    """Ask before a file is read whether it is small enough: see `keep_file`.

    Raises:
        BadSheet: It is larger than files may be here.
    """
    most: int = settings.ADIT_BATCH_FILE_BYTES
    if size > most:
        raise BadSheet(
            f"The file has {size / _MEBIBYTE:.1f} MiB, and {most / _MEBIBYTE:g} MiB are allowed here: leave out "
            "columns and worksheets that are not needed, or make two files of it."
        )


@transaction.atomic
def keep_file(content: bytes, name: str, *, kind: str, worksheet: str = "", by: User, group: Group | None) -> BatchFile:
    """Keep a file for jobs that are made of it.

    Args:
        name: As its owner calls it; a path before it is cut off.
        kind: Of the jobs: "batch_query" or "batch_transfer".
        worksheet: The one that counts; empty for the first that holds something.
        group: In whose name it was brought.

    Raises:
        BadSheet: It is larger than `ADIT_BATCH_FILE_BYTES`. Nothing else about it is looked at.
    """
    check_size(len(content))
    kept = BatchFile.objects.create(
        owner=by, group=group, kind=kind, name=_tidy(name), worksheet=worksheet, content=content
    )
    record(
        "file.kept",
        by=by,
        group=group.name if group else "",
        details={"file": kept.pk, "name": kept.name, "kind": kind, "size": len(content)},
    )
    return kept


def read_file(file: BatchFile) -> Sheet:
    """What stands in *file*: its worksheet, if it names one.

    Raises:
        BadSheet: It cannot be read, with one sentence why.
    """
    return read_sheet(bytes(file.content), file.name, worksheet=file.worksheet)


def forget_unused(now: datetime) -> int:
    """Remove the files of which nobody made a job.

    Returns:
        How many there were.
    """
    count, _ = BatchFile.objects.filter(jobs=None, created_at__lt=now - UNUSED).delete()
    return count


def _tidy(name: str) -> str:
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(sign for sign in last if sign.isprintable()).strip()[-_LONGEST_NAME:] or "file"
