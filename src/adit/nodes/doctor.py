"""Testing the connection to a node, step by step, in words that say what to change and who must change it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from django.conf import settings

from adit.dicom.contexts import (
    EXPLICIT,
    IMPLICIT,
    PATIENT_ROOT_FIND,
    PATIENT_ROOT_GET,
    PATIENT_ROOT_MOVE,
    STORAGE_COMMITMENT,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
    contexts_for,
    model_context,
)
from adit.dicom.errors import Canceled, DicomError, Refused
from adit.dicom.identifier import find_identifier, retrieve_identifiers
from adit.dicom.protocols import Cancellation
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.dicom.status import Category, Service, category, describe
from adit.dimse import scu
from adit.dimse.association import Peer
from adit.dimse.errors import NoContext, Rejected, TlsFailed
from adit.dimse.explaining import associate
from adit.endpoints.answers import HttpRefused
from adit.endpoints.by_move import UNKNOWN_DESTINATION
from adit.endpoints.cancel import NEVER
from adit.endpoints.dialling import peer_of
from adit.endpoints.receiver import listening
from adit.nodes.entry import Entry, our_entry
from adit.nodes.findings import ADMINISTRATOR, Finding, Outcome, in_vain
from adit.nodes.folderdoctor import examine_folder
from adit.nodes.models import BY_DICOMWEB, MOVES, Ability, Node
from adit.nodes.opening import server_config
from adit.nodes.tlsdoctor import encrypt
from adit.nodes.webdoctor import reach, web_of, web_steps
from adit.nodes.words import ABILITY_WORDS

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

_MOVE = {Ability.MOVE_STUDY: STUDY_ROOT_MOVE, Ability.MOVE_PATIENT: PATIENT_ROOT_MOVE}

_CT = UID("1.2.840.10008.5.1.4.1.1.2")
_IMAGE_WORDS = {
    "CT": _CT,
    "MR": UID("1.2.840.10008.5.1.4.1.1.4"),
    "CR": UID("1.2.840.10008.5.1.4.1.1.1"),
    "US": UID("1.2.840.10008.5.1.4.1.1.6.1"),
}
_IMAGES = tuple(_IMAGE_WORDS.values())


def examine(node: Node, *, cancel: Cancellation = NEVER) -> Iterator[Finding]:
    """Test *node*, which need not be stored yet, and yield each finding as soon as it is there.

    A server is asked over one association at a time. Nothing is stored in it and nothing retrieved
    from it. What makes no sense after a failure is skipped, and says so.

    Raises:
        Canceled: *cancel* was set.
    """
    return examine_folder(node) if node.is_folder else _server(node, cancel)


def abilities_found(node: Node, *, cancel: Cancellation = NEVER) -> frozenset[Ability]:
    """What the server at the addresses of *node* can do, whatever the node says it can.

    C-FIND counts when a query is answered, C-MOVE when our AE title is not said to be unknown, C-GET and
    C-STORE and storage commitment when their presentation contexts are accepted, DICOMweb when it is answered as it
    should.

    Raises:
        DicomError: It cannot be reached.
    """
    steps = _steps(_peer(node), cancel) if node.host else {}
    if node.dicomweb_url:
        steps |= web_steps(web_of(node, cancel=cancel, patience=PATIENCE), NO_STUDY)
    return frozenset(a for a, step in steps.items() if _answers(step))


def _answers(step: Callable[[], str]) -> bool:
    """Whether the peer does not say no to *step*. That it cannot be reached goes up."""
    try:
        step()
    except (HttpRefused, NoContext, Refused):
        return False
    return True


def _server(node: Node, cancel: Cancellation) -> Iterator[Finding]:
    reached, web_reached = bool(node.host), False
    if node.host:
        for step in (_dns, _tcp, *((_encrypted,) if node.tls else ()), _associated):
            finding = step(node, cancel) if reached else in_vain(_NAMES[step])
            reached = reached and finding.outcome is Outcome.OK
            yield finding
        yield _tried("C-ECHO", lambda: _echo(_peer(node), cancel), node) if reached else in_vain("C-ECHO")
    steps = _steps(_peer(node), cancel) if node.host else {}
    if node.dicomweb_url:
        web = web_of(node, cancel=cancel, patience=PATIENCE)
        steps |= web_steps(web, NO_STUDY)
        finding = _tried("DICOMweb", lambda: reach(web), node)
        web_reached = finding.outcome is Outcome.OK
        yield finding
    for ability in Ability:
        if ability not in node.abilities:
            continue
        if web_reached if ability in BY_DICOMWEB else reached:
            yield _tried(ABILITY_WORDS[ability], steps[ability], node)
        else:
            yield in_vain(ABILITY_WORDS[ability])
    if node.abilities & (MOVES | {Ability.COMMIT}):
        yield _receiving()


def _steps(peer: Peer, cancel: Cancellation) -> dict[Ability, Callable[[], str]]:
    """How each ability over DIMSE is tried: a sentence comes back, or a DicomError is raised."""
    steps: dict[Ability, Callable[[], str]] = {ability: partial(_find, peer, ability, cancel) for ability in _FIND}
    steps |= {ability: partial(_get, peer, ability, cancel) for ability in _GET}
    steps |= {ability: partial(_move, peer, ability, cancel) for ability in _MOVE}
    steps[Ability.STORE] = partial(_store, peer, cancel)
    steps[Ability.COMMIT] = partial(_commit, peer, cancel)
    return steps


def _peer(node: Node) -> Peer:
    return replace(
        peer_of(server_config(node, calling_ae_title=node.our_ae_title, associations=1)),
        connect_timeout=min(node.connect_timeout, PATIENCE),
        acse_timeout=min(node.idle_timeout, PATIENCE),
        idle_timeout=min(node.idle_timeout, PATIENCE),
    )


def _dns(node: Node, _: Cancellation) -> Finding:
    try:
        found = socket.getaddrinfo(node.host, node.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        sentence = f"The name {node.host} is unknown: correct the host, or have the name entered in the DNS."
        return Finding("DNS", Outcome.FAILED, sentence, f"{ADMINISTRATOR} or of the network")
    addresses = ", ".join(dict.fromkeys(str(entry[4][0]) for entry in found))
    return Finding("DNS", Outcome.OK, f"{node.host} is {addresses}.")


def _tcp(node: Node, _: Cancellation) -> Finding:
    where = f"port {node.port} of {node.host}"
    try:
        socket.create_connection((node.host, node.port or 0), timeout=min(node.connect_timeout, PATIENCE)).close()
    except ConnectionRefusedError:
        sentence = f"Nothing listens on {where}: correct host and port, or have the PACS started."
        return Finding("TCP", Outcome.FAILED, sentence, f"{ADMINISTRATOR} or of the PACS")
    except OSError as error:
        why = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
        sentence = f"No connection to {where} ({why}): have a firewall between here and there opened."
        return Finding("TCP", Outcome.FAILED, sentence, "the administrator of the network")
    return Finding("TCP", Outcome.OK, f"P{where[1:]} takes connections.")


def _encrypted(node: Node, cancel: Cancellation) -> Finding:
    return _tried("TLS", lambda: encrypt(_peer(node), cancel), node)


def _associated(node: Node, cancel: Cancellation) -> Finding:
    peer = _peer(node)
    try:
        with associate(peer, [model_context(VERIFICATION)], cancel=cancel):
            pass
    except NoContext:
        # It refuses what was proposed, not the association; the steps to come tell what.
        pass
    except Rejected as rejected:
        return _rejected(peer, rejected)
    except Canceled:
        raise
    except DicomError as error:
        name = "TLS" if isinstance(error, TlsFailed) else "Association"
        return Finding(name, Outcome.FAILED, f"{error}.", error.mended_by)
    return Finding("Association", Outcome.OK, f"{peer.ae_title} takes associations from {peer.calling_ae_title}.")


def _rejected(peer: Peer, rejected: Rejected) -> Finding:
    who = rejected.mended_by
    advice = ""
    # PS3.8 table 9-21.
    if (rejected.source, rejected.reason) == (1, 3):
        advice = f" Enter our AE title {peer.calling_ae_title} in the PACS, or set the one that it knows on the node."
    elif (rejected.source, rejected.reason) == (1, 7):
        advice = f" Correct the AE title {peer.ae_title} of the node."
        who = ADMINISTRATOR
    return Finding("Association", Outcome.FAILED, f"{rejected}.{advice}", who)


_NAMES = {_dns: "DNS", _tcp: "TCP", _encrypted: "TLS", _associated: "Association"}


def _echo(peer: Peer, cancel: Cancellation) -> str:
    with associate(peer, [model_context(VERIFICATION)], cancel=cancel) as association:
        scu.echo(association)
    return "It answers."


def _find(peer: Peer, ability: Ability, cancel: Cancellation) -> str:
    model, query = _FIND[ability]
    with associate(peer, [model_context(model)], cancel=cancel) as association:
        found = sum(1 for _ in scu.find(association, model, find_identifier(query)))
    if found:
        # Of no harm here: every answer is matched again.
        return f"It answers queries, but ignores what they ask for: {found} answers to a question with none."
    return "It answers queries."


def _get(peer: Peer, ability: Ability, cancel: Cancellation) -> str:
    model = _GET[ability]
    (contexts,) = contexts_for([(_CT, EXPLICIT), (_CT, IMPLICIT)], retrieving=True)
    with associate(peer, [model_context(model), *contexts], cancel=cancel) as association:
        association.context(model)
        if not any(context.scp_role for context in association.accepted.values()):
            raise NoContext(f"{peer} accepts C-GET, but does not want to store CT images here: no SCP role")
    return "It offers retrieval over the same association."


def _move(peer: Peer, ability: Ability, cancel: Cancellation) -> str:
    """Have a study sent that does not exist: nothing comes, but the peer has to look for our AE title."""
    model, title = _MOVE[ability], peer.calling_ae_title
    patient_id = NO_PATIENT if ability is Ability.MOVE_PATIENT else None
    (identifier,) = retrieve_identifiers([Ref(NO_STUDY)], patient_id=patient_id)
    with associate(peer, [model_context(model)], cancel=cancel) as association:
        *_, last = scu.move(association, model, identifier, title)
    entry = _our_entry(peer)
    if last.status == UNKNOWN_DESTINATION:
        raise Refused(f"It does not know where to send to. Have entered there: {entry}", status=last.status)
    if category(last.status) is Category.FAILURE:
        answer = describe(last.status, Service.MOVE)
        # Orthanc answers 0xC000 for an unknown destination and for an unknown study alike.
        proof = f"It answers, but its word on a study that does not exist ({answer}) proves nothing about our AE title"
        return f"{proof}. It has to know: {entry}."
    # dcmqrscp looks for the study first: that it found nothing to send says no more than this.
    return f"It takes such requests, and does not say that our AE title is unknown. It has to know: {entry}."


def _our_entry(peer: Peer) -> Entry:
    """What a PACS has to know to call our receiver."""
    return our_entry(peer.calling_ae_title, peer.host, peer.port)


def _receiving() -> Finding:
    found = listening(settings.ADIT_SPOOL)
    if found is None:
        sentence = "No receiver runs on this machine: start 'adit up', or 'adit receiver' beside its workers."
        return Finding("Receiver", Outcome.FAILED, sentence, ADMINISTRATOR)
    return Finding("Receiver", Outcome.OK, f"It listens on {found} of {found.host}.")


def _store(peer: Peer, cancel: Cancellation) -> str:
    (contexts,) = contexts_for((sop_class, syntax) for sop_class in _IMAGES for syntax in (EXPLICIT, IMPLICIT))
    with associate(peer, contexts, cancel=cancel) as association:
        accepted = {context.abstract_syntax for context in association.accepted.values()}
    return f"It takes {' and '.join(word for word, sop_class in _IMAGE_WORDS.items() if sop_class in accepted)} images."


def _commit(peer: Peer, cancel: Cancellation) -> str:
    with associate(peer, [model_context(STORAGE_COMMITMENT)], cancel=cancel):
        pass
    # Whether it reports over the same association, only a transfer shows.
    return f"It takes requests for storage commitment. To report it may have to know: {_our_entry(peer)}."


def _tried(name: str, step: Callable[[], str], node: Node) -> Finding:
    try:
        return Finding(name, Outcome.OK, step())
    except Canceled:
        raise
    except NoContext as error:
        sentence = f"{error}. Have it allowed for {node.our_ae_title}, or take this ability from the node."
        return Finding(name, Outcome.FAILED, sentence, error.mended_by)
    except DicomError as error:
        return Finding(name, Outcome.FAILED, f"{error}.", error.mended_by)
