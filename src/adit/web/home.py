"""The start page: that ADIT is there, and how it is."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from adit import __version__
from adit.web.health import facts


@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "web/home.html", {"version": __version__, **facts()})
