"""Testing the connection to a node, step by step, in words that say what to change and who must change it."""

from __future__ import annotations

import errno
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from adit.dicom.contexts import (
    EXPLICIT,
    IMPLICIT,
    PATIENT_ROOT_FIND,
    PATIENT_ROOT_GET,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    VERIFICATION,
    PresentationContext,
    classes_for_modality,
    contexts_for,
    model_context,
    pairs_for,
)
from adit.dicom.errors import DicomError
from adit.dicom.identifier import find_identifier
from adit.dicom.protocols import Cancellation
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level
from adit.dimse import scu
from adit.dimse.association import Association, Peer
from adit.dimse.errors import NoContext, Rejected
from adit.endpoints.cancel import NEVER
from adit.nodes.models import Ability, Node

PATIENCE = 20.0
"""Seconds of silence after which a step has failed, whatever the node allows a transfer."""

# Ours, and of no study: made once from a UUID as PS3.5 B.2 has it.
NO_STUDY = UID("2.25.117207363389414512604389415026316391953")
NO_PATIENT = "ADIT-CONNECTION-TEST"

_FIND = {
    Ability.FIND_STUDY: (STUDY_ROOT_FIND, Query.of(Level.STUDY, StudyInstanceUID=NO_STUDY)),
    # At patient level, because below it some servers want a PatientID and others a study too.
    Ability.FIND_PATIENT: (PATIENT_ROOT_FIND, Query.of(Level.PATIENT, PatientID=NO_PATIENT)),
}
_GET = {Ability.GET_STUDY: STUDY_ROOT_GET, Ability.GET_PATIENT: PATIENT_ROOT_GET}

_WORDS = {
    Ability.FIND_STUDY: "C-FIND, study root",
    Ability.FIND_PATIENT: "C-FIND, patient root",
    Ability.GET_STUDY: "C-GET, study root",
    Ability.GET_PATIENT: "C-GET, patient root",
    Ability.MOVE_STUDY: "C-MOVE, study root",
    Ability.MOVE_PATIENT: "C-MOVE, patient root",
    Ability.STORE: "C-STORE",
    Ability.QIDO: "QIDO-RS",
    Ability.WADO: "WADO-RS",
    Ability.STOW: "STOW-RS",
}


class Outcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step showed.

    Attributes:
        step: What was tried, such as `TCP` or `C-ECHO`.
        sentence: What was found.
        remedy: What is to be changed, and who must change it; empty where nothing is.
    """

    step: str
    outcome: Outcome
    sentence: str
    remedy: str = ""


def examine(node: Node, *, cancel: Cancellation = NEVER) -> Iterator[Finding]:
    """Test *node*, which need not be stored yet, and yield each finding as soon as it is there.

    A server is asked over one association at a time; whoever counts slots takes one beforehand. Nothing
    is stored in it or retrieved from it. A step that makes no sense after a failure is skipped, and says so.

    Raises:
        Canceled: *cancel* was set.
    """
    return _folder(node) if node.is_folder else _server(node, cancel)


def abilities_found(node: Node, *, cancel: Cancellation = NEVER) -> frozenset[Ability]:
    """What the server at the address of *node* can do over DIMSE, whatever the node says.

    C-FIND counts when a query is answered, C-GET and C-STORE when their presentation contexts are accepted.

    Raises:
        DicomError: There is no association to be had.
    """
    peer = _peer(node)
    found = {ability for ability in _FIND if _true(lambda a=ability: _find(peer, a, cancel))}
    found |= {ability for ability in _GET if _true(lambda a=ability: _get(peer, a, cancel))}
    if _true(lambda: _store(peer, cancel)):
        found.add(Ability.STORE)
    return frozenset(found)


def _true(step: Callable[[], object]) -> bool:
    """Whether the peer can do *step*: it says no by refusing, while no association at all goes up."""
    try:
        step()
    except (NoContext, scu.Refused):
        return False
    return True


def _server(node: Node, cancel: Cancellation) -> Iterator[Finding]:
    if node.host:
        yield from _by_dimse(node, cancel)
    for ability in sorted(node.abilities & {Ability.QIDO, Ability.WADO, Ability.STOW}):
        yield _not_yet(ability)


def _by_dimse(node: Node, cancel: Cancellation) -> Iterator[Finding]:
    reached = True
    for finding in (_dns(node), *([_tcp(node)] if _dns_worked(node) else [])):
        reached = finding.outcome is Outcome.OK
        yield finding
    peer = _peer(node)
    echo = _association(node, peer, cancel) if reached else []
    yield from echo
    reached = reached and echo[0].outcome is Outcome.OK
    steps: dict[Ability, Callable[[], str]] = {a: lambda a=a: _find(peer, a, cancel) for a in _FIND}
    steps |= {a: lambda a=a: _get(peer, a, cancel) for a in _GET}
    steps[Ability.STORE] = lambda: _store(peer, cancel)
    for ability in Ability:
        if ability not in node.abilities:
            continue
        if ability in (Ability.MOVE_STUDY, Ability.MOVE_PATIENT):
            yield _not_yet(ability)
        elif ability in steps:
            yield _try(node, _WORDS[ability], steps[ability]) if reached else _in_vain(_WORDS[ability])
