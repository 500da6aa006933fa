"""What was still to go when a task was canceled that did not run: in the ledger it stands apart from what failed."""

from __future__ import annotations

from django.db import connection

from adit.transfer.ledger import NOT_SENT

_NOTE = """
UPDATE jobs_entry SET reasons = reasons || jsonb_build_object(%s::text, expected - stored - excluded - failed)
FROM jobs_task WHERE jobs_task.id = jobs_entry.task_id AND jobs_task.status = 'canceled' AND jobs_task.job_id = %s
  AND expected > stored + excluded + failed AND NOT jsonb_exists(reasons, %s)
"""


def note_unsent(job: int) -> None:
    """Say in the ledgers of the canceled tasks of *job* of what is open that it was not sent.

    Called in the transaction that cancels them. Said again, it changes nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [NOT_SENT, job, NOT_SENT])
