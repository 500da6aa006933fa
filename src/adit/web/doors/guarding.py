"""Doors of pages that are not for everybody."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from adit.accounts.models import User
from adit.accounts.verdict import Verdict
from adit.audit.models import Outcome
from adit.audit.record import record
from adit.web.doors.visits import address_of, visitor

P = ParamSpec("P")
Answer = TypeVar("Answer", bound=HttpResponseBase)


def only(
    verdict: Callable[[User], Verdict],
) -> Callable[[Callable[Concatenate[HttpRequest, P], Answer]], Callable[Concatenate[HttpRequest, P], Answer]]:
    """Let those in to whom *verdict* says yes. For others the page does not exist; that they tried is recorded."""

    def guard(
        view: Callable[Concatenate[HttpRequest, P], Answer],
    ) -> Callable[Concatenate[HttpRequest, P], Answer]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
            answer = verdict(visitor(request))
            if not answer:
                refused(request, "page.opened", answer)
                raise Http404
            return view(request, *args, **kwargs)

        return login_required(guarded)

    return guard


def refused(request: HttpRequest, action: str, answer: Verdict | str, **about: object) -> None:
    """Record that *request* wanted *action* and did not get it. Call it outside of the transaction that failed."""
    reason = answer if isinstance(answer, str) else answer.reason
    details = {"path": request.path, "reason": reason, **about}
    record(action, by=visitor(request), outcome=Outcome.REFUSED, address=address_of(request), details=details)
