"""How the DICOMweb of a server is tried: nothing is stored in it, and nothing retrieved from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from http import HTTPStatus

from adit.dicom.dicomweb import ANY_SYNTAX, DICOM, JSON, MULTIPART, MediaType, paged, retrieve_url, studies_url
from adit.dicom.multipart import MultipartWriter
from adit.dicom.protocols import Cancellation
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.endpoints.answers import HttpRefused
from adit.endpoints.by_qido import WebFinder
from adit.endpoints.retrying import Patience
from adit.endpoints.seen import Seen
from adit.endpoints.web import Web
from adit.nodes.models import BY_DICOMWEB, Ability, Node
from adit.nodes.opening import server_config, web_config

# By which it says that it would take something, only not this.
_TAKES = frozenset((200, 202, 204, 400, 409, 411, 413, 422))


def web_of(node: Node, *, cancel: Cancellation, patience: float) -> Web:
    """The DICOMweb of *node*, asked once only.

    Args:
        patience: Seconds after which it is given up, whatever the node allows a transfer.
    """
    server = server_config(node, calling_ae_title=node.our_ae_title, associations=1)
    hasty = replace(
        server,
        connect_timeout=min(server.connect_timeout, patience),
        idle_timeout=min(server.idle_timeout, patience),
    )
    return Web(hasty, web_config(node), cancel=cancel, again=Patience((), chance=lambda: 0.5, cancel=cancel))


def web_steps(web: Web, no_study: UID) -> dict[Ability, Callable[[], str]]:
    """How each ability over DICOMweb is tried: a sentence comes back, or a DicomError is raised.

    Args:
        no_study: The UID of a study that does not exist.
    """
    steps = {Ability.QIDO: _find, Ability.WADO: _retrieve, Ability.STOW: _store}
    assert steps.keys() == BY_DICOMWEB
    return {ability: partial(step, web, no_study) for ability, step in steps.items()}


def reach(web: Web) -> str:
    """Have any answer at all.

    Raises:
        DicomError: There is none.
    """
    url = web.config.url
    with web.session() as session:
        try:
            session.get(paged(studies_url(url, web.config.find_prefix), limit=1, offset=0), accept=JSON).close()
        except HttpRefused as refused:
            if refused.status == HTTPStatus.UNAUTHORIZED:
                raise
    encrypted = "encrypted, by a server whose certificate is trusted" if web.tls else "unencrypted"
    return f"{url} is answered, {encrypted}."


def _find(web: Web, no_study: UID) -> str:
    finder = WebFinder(web, Seen())
    try:
        found = sum(1 for _ in finder.find(Query.of(Level.STUDY, StudyInstanceUID=no_study)))
    finally:
        finder.rest()
    if found:
        # Of no harm here: every answer is matched again.
        return f"It answers queries, but ignores what they ask for: {found} answers to a question with none."
    return "It answers queries."


def _retrieve(web: Web, no_study: UID) -> str:
    with web.session() as session:
        try:
            session.get(
                retrieve_url(web.config.url, web.config.retrieve_prefix, Ref(no_study)), accept=ANY_SYNTAX
            ).close()
        except HttpRefused as refused:
            if refused.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
                raise
            return "It answers that there is no such study, as it should."
    return "It answers."


def _store(web: Web, _: UID) -> str:
    writer = MultipartWriter()
    nothing = writer.end().lstrip()
    kind = str(MediaType(MULTIPART, {"type": DICOM, "boundary": writer.boundary}))
    url = studies_url(web.config.url, web.config.store_prefix)
    with (
        web.session() as session,
        session.post(url, [nothing], length=len(nothing), content_type=kind, accept=JSON) as answer,
    ):
        if answer.status not in _TAKES:
            raise answer.refusal().on(web.name)
    return "It takes requests to store."
