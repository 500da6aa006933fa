"""What becomes of a task after an attempt, as a pure function of how the attempt ended and the ledger.

The ledger alone decides between success, warning and failure; how the attempt ended decides only
whether the task comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from adit.jobs.states import TaskStatus
from adit.transfer.ledger import Status, Verdict

JITTER = 0.3
"""Share by which a wait is shortened or prolonged."""


class Stop(StrEnum):
    """Why a running attempt was told to stop."""

    USER = "canceled"
    SHUTDOWN = "the worker was stopped"
    SUSPENDED = "a server was suspended"
    NO_PROGRESS = "nothing moved for too long"
    LOST = "the lease was lost"


@dataclass(frozen=True, slots=True)
class Ended:
    """The attempt ran to its end, or broke off by *error*.

    Attributes:
        error: What happened, on which node, and who can mend it; empty without an error.
        transient: Trying again may help.
        committed: The destination holds durably what the ledger shows as stored.
        hopeful: Something is missing that may come in another attempt.
    """

    error: str = ""
    transient: bool = False
    committed: bool = True
    hopeful: bool = True


@dataclass(frozen=True, slots=True)
class NoRoom:
    """What was to come did not fit any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Misplaced:
    """This machine has no receiver, which the source needs; a worker on another may have one."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The attempt was told to stop."""

    why: Stop
    error: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to write into the task.

    Attributes:
        wait: Seconds until the task may run again; 0 for at once. Only when it is pending again.
        counts: The attempt counts as failed, of which a task has only so many.
        because: Why it waits, as in "... because ...": shown while it is pending.
    """

    status: TaskStatus
    message: str
    wait: float = 0
    counts: bool = False
    because: str = ""


def decide(
    end: Ended | NoRoom | Misplaced | Stopped, verdict: Verdict, *, failures: int, waits: Sequence[float], chance: float
) -> Decision:
    """Decide what becomes of the task.

    A task comes back after a transient error, and when it ended without an error but incomplete, as
    long as *waits* has a wait left for it. It does not come back when nothing can change: after a
    permanent error, when all that is missing was refused for good, when only the source's count is
    unknown, and when a repeated attempt without an error brought nothing new.

    Args:
        failures: Attempts that failed before this one.
        waits: Seconds before the second, third ... attempt.
        chance: Between 0 and 1, for the jitter.
    """
    if isinstance(end, NoRoom):
        return Decision(TaskStatus.PENDING, "", wait=_wait(waits, 1, chance), because=end.reason)
    if isinstance(end, Misplaced):
        return Decision(TaskStatus.PENDING, "", wait=_wait(waits, 0, chance), because=end.reason)
    if isinstance(end, Stopped):
        if end.why is Stop.USER:
            return Decision(TaskStatus.CANCELED, f"canceled: {verdict.message}")
        if end.why is not Stop.NO_PROGRESS:
            return Decision(TaskStatus.PENDING, "", because=end.why)
        end = Ended(error=end.error, transient=True, committed=False)
    complete = verdict.status is Status.SUCCESS and end.committed
    if complete:
        return Decision(TaskStatus.SUCCESS, verdict.message)
    again = end.transient if end.error else end.hopeful
    if again and failures < len(waits):
        why = end.error or verdict.message
        return Decision(TaskStatus.PENDING, "", wait=_wait(waits, failures, chance), counts=True, because=why)
    return Decision(_settled(verdict.status), _message(end.error, verdict), counts=True)


def _settled(status: Status) -> TaskStatus:
    # Everything seems stored, yet the destination did not get to its end: never a success.
    return TaskStatus.WARNING if status is Status.SUCCESS else TaskStatus(status)


def _message(error: str, verdict: Verdict) -> str:
    if not error:
        return verdict.message
    if verdict.status is Status.FAILURE:
        return error
    return f"{verdict.message}; {error}"


def _wait(waits: Sequence[float], number: int, chance: float) -> float:
    if not waits:
        return 0
    return waits[min(number, len(waits) - 1)] * (1 + JITTER * (2 * chance - 1))
