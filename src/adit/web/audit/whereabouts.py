"""The page behind the box on every page: where did this go?"""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from adit.jobs import whereabouts as knowing
from adit.web.doors.visits import address_of, visitor

_LONGEST = 256


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def whereabouts(request: HttpRequest) -> HttpResponse:
    """The question is posted, for no address is to name a patient."""
    wanted = request.POST.get("wanted", "").strip()[:_LONGEST]
    context: dict[str, object] = {"wanted": wanted, "most": knowing.MOST}
    if wanted:
        context["answer"] = knowing.whereabouts(wanted, by=visitor(request), address=address_of(request))
    return render(request, "audit/whereabouts.html", context)
