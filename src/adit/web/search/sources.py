"""Servers that somebody looks into from a page: whether he may, and what is written down about it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.http import Http404

from adit.accounts.models import User
from adit.accounts.permitting import has_permission
from adit.accounts.verdict import ALLOWED, Denied, Verdict
from adit.audit.models import Outcome
from adit.audit.record import record
from adit.dicom.errors import Canceled, DicomError
from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.protocols import Cancellation, Capabilities, Source
from adit.dicom.query import Query
from adit.dicom.refs import Ref
from adit.endpoints.budget import Budget
from adit.nodes.models import Node
from adit.nodes.opening import Opening
from adit.nodes.permissions import answers_now, can_search
from adit.nodes.places import at, place


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and from where."""

    user: User
    address: str | None

    @property
    def group(self) -> str:
        return self.user.active_group.name if self.user.active_group else ""


def may_search(user: User) -> Verdict:
    """Whether *user* may search servers and send what was found."""
    if has_permission(user, user.active_group, "jobs.can_transfer_selectively"):
        return ALLOWED
    return Verdict.no("You may not search and send studies; an administrator can permit it.")


def require_search(caller: Caller) -> None:
    """Raises Http404 for whoever may not search, and writes the refusal down."""
    if not (verdict := may_search(caller.user)):
        refused("search", caller, verdict.reason)
        raise Http404


def source_of(caller: Caller, pk: str) -> Node:
    """The node that *caller* may search.

    Raises:
        Http404: There is none that he may know of. The refusal is written down.
    """
    require_search(caller)
    usable = Node.objects.usable_as_source(caller.user, caller.user.active_group)
    node = usable.filter(pk=int(pk)).first() if pk.isdecimal() and len(pk) < 10 else None
    if node is None:
        refused("search", caller, "no such source for this user", node=pk[:20])
        raise Http404
    return node


def refused(action: str, caller: Caller, reason: str, **details: object) -> None:
    """Write a refusal down, in a transaction of its own."""
    record(
        action,
        by=caller.user,
        group=caller.group,
        outcome=Outcome.REFUSED,
        address=caller.address,
        details={"reason": reason, **details},
    )


@contextmanager
def looking_into(node: Node, caller: Caller, *, cancel: Cancellation) -> Iterator[Source]:
    """*node*, open as by `opened`. Every query is written down, with what became of it."""
    with opened(node, caller, cancel=cancel) as source:
        yield _Audited(source, node, caller)


@contextmanager
def opened(node: Node, caller: Caller, *, cancel: Cancellation) -> Iterator[Source]:
    """*node*, open over one of its places. The caller writes down what was looked at.

    Raises:
        Denied: It cannot be searched, or not now. That is written down.
        DicomError: All its places are taken, or it does not answer.
    """
    verdict = can_search(node) and answers_now(node)
    if not verdict:
        refused("search", caller, verdict.reason, node=node.name)
        raise Denied(verdict.reason)
    with at(node), place(node, cancel=cancel), opening().source(node, cancel=cancel, associations=1) as source:
        yield source


@cache
def opening() -> Opening:
    """How this web process opens nodes. Somebody is waiting: one more try, not three."""
    return Opening(
        spool=settings.ADIT_SPOOL,
        budget=Budget(settings.ADIT_BUDGET),
        calling_ae_title=settings.ADIT_AE_TITLE,
        waits=tuple(settings.ADIT_RETRY_WAITS)[:1],
    )


class _Audited:
    """A source whose queries are written down."""

    def __init__(self, source: Source, node: Node, caller: Caller) -> None:
        self._source = source
        self._node = node
        self._caller = caller

    @property
    def capabilities(self) -> Capabilities:
        return self._source.capabilities

    def find(self, query: Query) -> Iterator[Match]:
        given, outcome, reason = 0, Outcome.DONE, ""
        try:
            for match in self._source.find(query):
                given += 1
                yield match
        except DicomError as error:
            outcome, reason = Outcome.FAILED, str(error)
            if isinstance(error, Canceled):
                outcome, reason = Outcome.DONE, "canceled"
            raise
        finally:
            # What was given out was seen, also when the search broke off.
            self._note(query, given, outcome, reason)

    def _note(self, query: Query, given: int, outcome: Outcome, reason: str) -> None:
        record(
            "search",
            by=self._caller.user,
            group=self._caller.group,
            outcome=outcome,
            nodes=[self._node.name],
            patient_id=query.value("PatientID"),
            study_uid=query.value("StudyInstanceUID"),
            address=self._caller.address,
            details={
                "level": query.level,
                "keys": dict(query.keys),
                "found": given,
                **({"reason": reason} if reason else {}),
            },
        )

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]:
        return self._source.retrieve(refs)
