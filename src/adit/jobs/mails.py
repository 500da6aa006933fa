"""What is told by mail about jobs and folders. Without patient data: numbers and names of nodes only."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from adit.accounts import mails
from adit.endpoints.quota import size_of
from adit.jobs.models import Job
from adit.jobs.options import Options
from adit.jobs.states import JobStatus
from adit.nodes.models import Kind, Node

AGAIN = timedelta(days=1)
"""After which administrators are told once more that a folder fills up."""

_ONE_WARNER = 0x41444957
"""Key of the advisory lock under which a warning is written once."""


def tell_of_end(job: Job) -> None:
    """Write, in the current transaction, who is to know that *job* has ended and how."""
    text = _("%(what)s %(number)s from %(source)s to %(destination)s: %(status)s.\n%(message)s\n\n%(where)s\n") % {
        "what": _("Job"),
        "number": job.pk,
        "source": job.source_name,
        "destination": job.destination_name,
        "status": job.status,
        "message": job.message,
        "where": mails.address(f"/jobs/{job.pk}/"),
    }
    if Options.of(job).mail:
        mails.write_mail([job.owner.email], subject=_("ADIT: job %s has ended") % job.pk, body=text)
    if job.status == JobStatus.FAILURE and settings.ADIT_MAIL_FAILED_JOBS:
        subject = _("ADIT: job %s failed") % job.pk
        mails.write_mail(mails.administrators(), subject=subject, body=text)


def warn_of_folders(now: datetime) -> list[str]:
    """Write to the administrators about every folder that holds more than its warning allows, once a day.

    Returns:
        The names of the nodes that were written about.
    """
    filling = Node.objects.filter(kind=Kind.FOLDER, enabled=True, warning_gb__isnull=False).order_by("name")
    # Not before there is somebody to tell: it takes as long as the folder is large.
    if not settings.ADIT_SENDS_MAILS:
        return []
    return [node.name for node in filling if _fills(node) and _warn(node, now)]


def _fills(node: Node) -> bool:
    assert node.warning_gb is not None
    return size_of(Path(node.path)) > node.warning_gb * 1e9


@transaction.atomic
def _warn(node: Node, now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_WARNER])
    about = f"folder {node.pk}"
    if mails.told_of(about, since=now - AGAIN):
        return False
    most = _("its quota is %g GB") % node.quota_gb if node.quota_gb else _("it has no quota")
    body = _("The folder %(name)s holds more than %(warning)g GB; %(most)s. Make room, or tasks will wait.\n") % {
        "name": node.name,
        "warning": node.warning_gb,
        "most": most,
    }
    mails.write_mail(mails.administrators(), subject=_("ADIT: %s fills up") % node.name, body=body, about=about)
    return True
