"""What two sides agree on when an association begins (PS3.8 7.1.1, 9.3.2, 9.3.3; PS3.7 D.3.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adit.dicom.contexts import MOST, PresentationContext
from adit.dicom.refs import UID
from adit.dimse.pdu import (
    Answered,
    AssociateAccept,
    AssociateRequest,
    Proposed,
    Result,
    Role,
    UserInformation,
)

# A UUID of this project as PS3.5 B.2 has it.
IMPLEMENTATION_CLASS = UID("2.25.209431337083524117356294185207467113047")
IMPLEMENTATION_VERSION = "ADIT_1"


@dataclass(frozen=True, slots=True)
class AcceptedContext:
    """What a presentation context came to.

    Attributes:
        scu_role: The requestor of the association may ask.
        scp_role: The requestor may serve.
    """

    id: int
    abstract_syntax: UID
    transfer_syntax: UID
    scu_role: bool = True
    scp_role: bool = False


def check_ae_title(title: str) -> str:
    """*title* without padding (PS3.5 6.2, AE).

    Raises:
        ValueError: It is empty, longer than 16 characters, or holds a backslash or anything but ASCII.
    """
    stripped = title.strip(" ")
    if not 1 <= len(stripped) <= 16 or "\\" in stripped or not stripped.isascii() or not stripped.isprintable():
        raise ValueError(f"'{title}' is no AE title: 1 to 16 ASCII characters without backslash are")
    return stripped


def propose(called: str, calling: str, contexts: Sequence[PresentationContext], max_pdu: int) -> AssociateRequest:
    """The request for an association that carries *contexts*.

    Raises:
        ValueError: There is no context or more than 128, an ID comes twice, or an AE title is none.
    """
    if not 1 <= len(contexts) <= MOST or len({context.id for context in contexts}) != len(contexts):
        raise ValueError(f"an association proposes 1 to {MOST} presentation contexts with different IDs")
    roles: dict[UID, Role] = {}
    for context in contexts:
        # PS3.7 D.3.3.4: without an item the requestor is SCU and nothing else.
        if context.scp_role or not context.scu_role:
            roles[context.abstract_syntax] = Role(context.abstract_syntax, context.scu_role, context.scp_role)
    return AssociateRequest(
        check_ae_title(called),
        check_ae_title(calling),
        tuple(Proposed(c.id, c.abstract_syntax, c.transfer_syntaxes) for c in contexts),
        UserInformation(max_pdu, IMPLEMENTATION_CLASS, IMPLEMENTATION_VERSION, tuple(roles.values())),
    )


def agreed(request: AssociateRequest, accept: AssociateAccept) -> dict[int, AcceptedContext]:
    """The contexts of *request* that *accept* accepts, by ID, in the order of the request.

    A context that was not proposed, or accepted with a syntax that was not, is no agreement and
    is left out. A role counts only when it was proposed and not refused.
    """
    answers = {answer.id: answer for answer in accept.contexts if answer.result == Result.ACCEPTANCE}
    wished = {role.sop_class: role for role in request.user.roles}
    granted = {role.sop_class: role for role in accept.user.roles}
    accepted: dict[int, AcceptedContext] = {}
    for proposed in request.contexts:
        answer = answers.get(proposed.id)
        if answer is None or answer.transfer_syntax not in proposed.transfer_syntaxes:
            continue
        scu, scp = True, False
        wish, grant = wished.get(proposed.abstract_syntax), granted.get(proposed.abstract_syntax)
        if wish and grant:
            scu, scp = wish.scu and grant.scu, wish.scp and grant.scp
        accepted[proposed.id] = AcceptedContext(proposed.id, proposed.abstract_syntax, answer.transfer_syntax, scu, scp)
    return accepted


def answer(request: AssociateRequest, choose: Callable[[Proposed], UID | None], max_pdu: int) -> AssociateAccept:
    """Accept *request* with the transfer syntax that *choose* picks for each context, None to refuse it.

    Roles are granted as the requestor proposes them, for what is accepted.
    """
    contexts: list[Answered] = []
    classes: set[UID] = set()
    for proposed in request.contexts:
        syntax = choose(proposed)
        if syntax is None:
            contexts.append(Answered(proposed.id, Result.ABSTRACT_SYNTAX_NOT_SUPPORTED, proposed.transfer_syntaxes[0]))
        else:
            contexts.append(Answered(proposed.id, Result.ACCEPTANCE, syntax))
            classes.add(proposed.abstract_syntax)
    # Only these: there may be so many others that the answer would not hold them.
    roles = tuple(role for role in request.user.roles if role.sop_class in classes)
    user = UserInformation(max_pdu, IMPLEMENTATION_CLASS, IMPLEMENTATION_VERSION, roles)
    return AssociateAccept(request.called, request.calling, tuple(contexts), user)
