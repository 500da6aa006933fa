"""The one way into the audit trail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from adit.audit.many import insert_all
from adit.audit.models import Event, Outcome

SYSTEM = "system"
"""The actor of what ADIT does by itself."""


_address: ContextVar[str | None] = ContextVar("address", default=None)


@contextmanager
def coming_from(address: str | None) -> Iterator[None]:
    """What is recorded while the block runs came from this IP address, unless it says otherwise itself."""
    before = _address.set(address)
    try:
        yield
    finally:
        _address.reset(before)


class Actor(Protocol):
    """A user, as far as the audit trail needs to know one."""

    @property
    def pk(self) -> Any: ...

    def get_username(self) -> str: ...


def record(
    action: str,
    *,
    by: Actor | str,
    outcome: Outcome = Outcome.DONE,
    group: str = "",
    patient_id: str = "",
    study_uid: str = "",
    nodes: Iterable[str] = (),
    job: int | None = None,
    address: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> Event:
    """Write down that *by* did *action*, in the current transaction: it stands if, and only if, the deed does.

    See `event` for the arguments.
    """
    written = event(
        action,
        by=by,
        outcome=outcome,
        group=group,
        patient_id=patient_id,
        study_uid=study_uid,
        nodes=nodes,
        job=job,
        address=address,
        details=details,
    )
    written.save(force_insert=True)
    return written


def record_all(events: Iterable[Event]) -> None:
    """Write down many things that happened, made by `event`, as `record` does."""
    insert_all(events)


def event(
    action: str,
    *,
    by: Actor | str,
    outcome: Outcome = Outcome.DONE,
    group: str = "",
    patient_id: str = "",
    study_uid: str = "",
    nodes: Iterable[str] = (),
    job: int | None = None,
    address: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> Event:
    """That *by* did *action*; not written down yet.

    A refusal is recorded after the transaction that it ended, or it would vanish with it.

    Args:
        action: `<noun>.<past participle>`.
        by: The user; a text for whoever is none (`SYSTEM`, or the name tried at a failed log-in).
        address: Where the request came from; that of `coming_from` where it is not given.
        nodes: Names; empty and repeated ones are left out.
        details: What else a reader needs to know, as JSON. No secrets.
    """
    return Event(
        action=action,
        actor=by if isinstance(by, str) else by.get_username(),
        actor_id=None if isinstance(by, str) else by.pk,
        outcome=outcome,
        group=group,
        patient_id=patient_id[:256],
        study_uid=study_uid[:64],
        nodes=list(dict.fromkeys(name for name in nodes if name)),
        job=job,
        address=address or _address.get(),
        details=dict(details or {}),
    )
