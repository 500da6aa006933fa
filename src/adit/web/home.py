"""The dashboard: what is going on."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from adit.web.health import facts


@require_safe
@never_cache
@login_required
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "web/home.html", facts())
