"""Calling incomplete tasks complete, by a person's word: a PACS that miscounts would warn for ever."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet, Value
from django.db.models.functions import Concat, Now

from adit.accounts.models import User
from adit.jobs.models import Task
from adit.jobs.states import TaskStatus

MOST = 500
"""Characters of a reason."""

NOT_ACCEPTED: dict[str, Any] = {"accepted_reason": "", "accepted_by": "", "accepted_at": None}
"""The columns of a task of which nobody said so."""


class NeedsReason(ValueError):
    """Say why it is complete, in up to 500 characters: the reason stands in the audit trail and on the receipt."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


def checked(reason: str) -> str:
    """*reason* without superfluous space.

    Raises:
        NeedsReason: It is empty or too long.
    """
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= MOST:
        raise NeedsReason
    return reason


def accept(tasks: QuerySet[Task], *, reason: str, by: User) -> int:
    """Call *tasks*, whose job is locked, complete. The ledger stays as it is, and what it said stands in the message.

    Returns:
        How many there were.

    Raises:
        NeedsReason: *reason* is empty or too long.
    """
    return tasks.update(
        status=TaskStatus.SUCCESS,
        message=Concat(Value("accepted as complete; the ledger says: "), "message"),
        accepted_reason=checked(reason),
        accepted_by=by.get_username(),
        accepted_at=Now(),
    )
